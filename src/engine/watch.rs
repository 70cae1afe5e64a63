//! Watches the agents' terminals and posts what is news: an end, a dialog, a screen that comes to rest or moves again; and
//! a turn that their records say is over.
//!
//! A terminal that goes on as before makes no entry in the journal; one that changes all the time makes one now and then,
//! as a sign of life. When half of the agents seem to end at once, the fault is likely ours or the machine's: nobody hears of
//! it before it has lasted for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    agent::Turn,
    clock::{Clock, Jumps},
    event::{self, Seen},
    executor::{Executor, Sight},
    journal::{self, Journal, Post},
    machine::{
        Pace, Rulebook, State,
        session::{self, Life},
    },
    model::MachineKind,
    runtime::Address,
};

/// So many agents have no common reason to end, unless it is not theirs.
const CROWD_MIN: usize = 5;

/// The watch over all running launches.
pub struct Watch {
    journal: Arc<dyn Journal>,
    executor: Arc<Executor>,
    rules: watch::Receiver<Arc<Rulebook>>,
    clock: Clock,
    jumps: Jumps,
    watched: BTreeMap<Address, Watched>,
    /// Whether it was said that many seem to have ended.
    alarmed: bool,
}

impl Watch {
    /// A watch over the sessions in a journal.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        executor: Arc<Executor>,
        rules: watch::Receiver<Arc<Rulebook>>,
        clock: Clock,
    ) -> Self {
        let jumps = Jumps::of(clock.clone());
        Self { journal, executor, rules, clock, jumps, watched: BTreeMap::new(), alarmed: false }
    }

    /// Works until told to stop. A terminal that answers slowly keeps nobody else waiting.
    pub async fn run(mut self, stop: CancellationToken) {
        let (executor, mut rules) = (self.executor.clone(), self.rules.clone());
        let look = |(session, turn): (Box<session::State>, Option<Turn>)| async {
            let (sight, turn) = tokio::join!(executor.sight(&session), executor.turn(&session, turn));
            (session, sight, turn)
        };
        let mut looks = FuturesUnordered::new();
        let mut looking = BTreeSet::new();
        let mut round = pin!(tokio::time::sleep(self.pause()));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = &mut round => {
                    let running = self.running().await;
                    let idle = running.into_iter().filter(|session| looking.insert(address(session)));
                    let idle: Vec<_> = idle.map(|session| self.with_turn(session)).collect();
                    looks.extend(idle.into_iter().map(look));
                    round.set(tokio::time::sleep(self.pause()));
                }
                // The rules say how often to look.
                Ok(()) = rules.changed() => round.set(tokio::time::sleep(self.pause())),
                Some((session, sight, turn)) = looks.next() => {
                    looking.remove(&address(&session));
                    self.tell(&session, sight).await;
                    self.tell_turn(&session, turn).await;
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        Duration::try_from(self.rules.borrow().pace().probe).unwrap_or(Duration::from_secs(10))
    }

    async fn tell(&mut self, session: &session::State, sight: Option<Sight>) {
        if let Some(jump) = self.jumps.since_last() {
            self.watched.values_mut().for_each(|watched| watched.shift(jump, self.clock.now()));
        }
        let (now, pace) = (self.clock.now(), self.rules.borrow().pace());
        let watched = self.watched.entry(address(session)).or_insert_with(|| Watched::new(session, now));
        let Some(seen) = watched.news(sight, now, &pace) else { return };
        if let Some(ended_at) = watched.ended_at
            && !self.believes(ended_at, now, &pace)
        {
            return;
        }
        if let Err(error) = self.journal.post(vec![post(session, seen, now)]).await {
            // What was not told is news again at the next look.
            self.watched.remove(&address(session));
            warn!(error = &error as &dyn std::error::Error, "Could not tell what an agent's terminal shows");
        }
    }

    /// A session with what is known of the turn that it is in.
    fn with_turn(&mut self, session: Box<session::State>) -> (Box<session::State>, Option<Turn>) {
        let turn = self.watched.get_mut(&address(&session)).and_then(|watched| watched.turn.take());
        (session, turn)
    }

    async fn tell_turn(&mut self, session: &session::State, turn: Option<Turn>) {
        if let Some(turn) = turn.as_ref().filter(|turn| turn.is_over())
            && let Err(error) = self.journal.post(vec![turn_over(session, turn)]).await
        {
            warn!(error = &error as &dyn std::error::Error, "Could not tell that an agent's turn is over");
        }
        if let Some(watched) = self.watched.get_mut(&address(session)) {
            watched.turn = turn;
        }
    }

    fn believes(&mut self, ended_at: Timestamp, now: Timestamp, pace: &Pace) -> bool {
        let all: Vec<_> = self.watched.values().map(|watched| watched.ended_at).collect();
        let belief = belief(ended_at, &all, now, pace);
        if belief == Belief::Ours && !self.alarmed {
            let ended = all.iter().flatten().count();
            error!(ended, watched = all.len(), "{ended} of {} agents seem to have ended at once; waiting", all.len());
        }
        self.alarmed = belief == Belief::Ours || (self.alarmed && belief == Belief::Early);
        belief == Belief::Theirs
    }

    /// The sessions that run; what is known of others is forgotten.
    async fn running(&mut self) -> Vec<Box<session::State>> {
        let sessions = match self.journal.machines(Some(MachineKind::Session)).await {
            Ok(sessions) => sessions,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "Could not read which agents run");
                return Vec::new();
            }
        };
        let running = |stored: &journal::Stored| match serde_json::from_str(&stored.state) {
            Ok(Some(State::Session(session))) if matches!(session.life, Life::Running { .. }) => Some(session),
            _ => None,
        };
        let running: Vec<_> = sessions.iter().filter_map(|(_, stored)| running(stored)).collect();
        self.watched.retain(|known, _| running.iter().any(|session| address(session) == *known));
        running
    }
}

fn address(session: &session::State) -> Address {
    Address { session: session.session.clone(), generation: session.generation }
}

fn post(session: &session::State, seen: Seen, at: Timestamp) -> Post {
    let (generation, key) = (session.generation, session.key());
    let cause = format!("watch/{key}/{generation}/{}", at.as_nanosecond());
    Post { cause, to: key, event: event::Session::Probed { generation, seen }.into() }
}

/// However often it is posted, it is told once.
fn turn_over(session: &session::State, turn: &Turn) -> Post {
    let (generation, key, prompt) = (session.generation, session.key(), turn.prompt().clone());
    let cause = format!("watch/{key}/{generation}/turn/{prompt}");
    Post { cause, to: key, event: event::Session::TurnOver { generation, prompt }.into() }
}

/// Whose fault the end of an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// It is not known yet who else ends.
    Early,
    /// Too many end at once.
    Ours,
    /// It really ended.
    Theirs,
}

/// What to make of an end at `ended_at`, where `all` says of every agent when it seemed to end, if it did.
fn belief(ended_at: Timestamp, all: &[Option<Timestamp>], now: Timestamp, pace: &Pace) -> Belief {
    let age = now.duration_since(ended_at);
    if all.len() < CROWD_MIN || age >= pace.many_ends {
        return Belief::Theirs;
    }
    if age < pace.probe {
        return Belief::Early;
    }
    let at_once = all.iter().flatten().filter(|other| other.duration_since(ended_at).abs() <= pace.probe);
    if at_once.count() * 2 >= all.len() { Belief::Ours } else { Belief::Theirs }
}

/// What is known of one terminal.
#[derive(Debug)]
struct Watched {
    /// The screen as last seen; none before the first look.
    screen: Option<u64>,
    changed_at: Timestamp,
    /// What its machine knows.
    told: session::Screen,
    told_at: Timestamp,
    /// Whether its machine was told that nothing is there.
    missing: bool,
    /// Since when it seems to have ended.
    ended_at: Option<Timestamp>,
    /// What its record says of the turn that it is in.
    turn: Option<Turn>,
}

impl Watched {
    /// Takes over what the session's machine knows: a daemon that starts again is no sign of an agent's life.
    fn new(session: &session::State, now: Timestamp) -> Self {
        let changed_at = if session.screen.rests { session.alive_at } else { now };
        Self {
            screen: None,
            changed_at,
            told: session.screen,
            told_at: now,
            missing: session.missing > 0,
            ended_at: None,
            turn: None,
        }
    }

    /// A screen does not come to rest in time that nobody lived.
    fn shift(&mut self, jump: SignedDuration, now: Timestamp) {
        let moved = |at: Timestamp| at.checked_add(jump).unwrap_or(at).min(now);
        (self.changed_at, self.told_at) = (moved(self.changed_at), moved(self.told_at));
        self.ended_at = self.ended_at.map(moved);
    }

    /// What its machine should hear, if anything.
    fn news(&mut self, sight: Option<Sight>, now: Timestamp, pace: &Pace) -> Option<Seen> {
        let (screen, dialog) = match sight? {
            Sight::Shows { screen, dialog } => (screen, dialog),
            // An end is told until the machine has taken it, and no longer counts the session among the running.
            Sight::Exited { code } => {
                self.ended_at.get_or_insert(now);
                return Some(Seen::Exited { code });
            }
            Sight::Gone => {
                self.ended_at.get_or_insert(now);
                self.missing = true;
                return Some(Seen::Gone);
            }
        };
        self.ended_at = None;
        if self.screen.replace(screen).is_some_and(|before| before != screen) {
            self.changed_at = now;
        }
        let rests = now >= self.changed_at + pace.quiet;
        let sees = session::Screen { dialog, rests };
        let back = std::mem::take(&mut self.missing);
        // Often enough that a busy agent never counts as stuck.
        let sign_of_life = !rests && now >= self.told_at + pace.stuck / 3;
        if !back && !sign_of_life && sees == self.told {
            return None;
        }
        (self.told, self.told_at) = (sees, now);
        Some(Seen::Alive { dialog, changed_at: self.changed_at, rests })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// Looks at `screen` at so many seconds.
    fn look(watched: &mut Watched, seconds: i64, screen: u64) -> Option<Seen> {
        watched.news(Some(Sight::Shows { screen, dialog: false }), at(seconds), &Pace::USUAL)
    }

    fn alive(changed_at: i64, rests: bool) -> Seen {
        Seen::Alive { dialog: false, changed_at: at(changed_at), rests }
    }

    fn fresh() -> Watched {
        let told = session::Screen::default();
        Watched { screen: None, changed_at: at(0), told, told_at: at(0), missing: false, ended_at: None, turn: None }
    }

    #[test]
    fn a_screen_that_goes_on_as_before_is_no_news() {
        let mut watched = fresh();
        let news: Vec<_> = (0..1000).filter_map(|n| look(&mut watched, n * 10, 7)).collect();

        assert_eq!(news, [alive(0, true)], "it came to rest once");
    }

    #[test]
    fn a_screen_that_moves_again_is_news_at_once_and_its_rest_a_little_later() {
        let mut watched = fresh();
        look(&mut watched, 20, 1);

        assert_eq!(look(&mut watched, 30, 2), Some(alive(30, false)));
        assert_eq!(look(&mut watched, 40, 2), None);
        assert_eq!(look(&mut watched, 50, 2), Some(alive(30, true)));
    }

    // S57
    #[test]
    fn a_busy_screen_gives_signs_of_life_well_before_it_counts_as_stuck() {
        let mut watched = fresh();
        let mut heard = 0;
        for n in 0..360 {
            if look(&mut watched, n * 10, n.unsigned_abs()).is_some() {
                heard = n * 10;
            }
            assert!(n * 10 - heard < Pace::USUAL.stuck.as_secs() / 2, "silent since {heard} s");
        }
        assert!(heard > 3000);
    }

    #[test]
    fn a_dialog_is_news_when_it_comes_and_when_it_goes() {
        let mut watched = fresh();
        let dialog = Some(Sight::Shows { screen: 1, dialog: true });

        let seen = watched.news(dialog, at(1), &Pace::USUAL);
        assert_eq!(seen, Some(Seen::Alive { dialog: true, changed_at: at(0), rests: false }));
        assert_eq!(watched.news(dialog, at(2), &Pace::USUAL), None);
        assert_eq!(look(&mut watched, 3, 2), Some(alive(3, false)));
    }

    // S54
    #[test]
    fn a_runtime_that_cannot_tell_changes_nothing() {
        let mut watched = fresh();

        assert_eq!(watched.news(None, at(100_000), &Pace::USUAL), None);
    }

    // S50, S53
    #[test]
    fn an_end_is_told_until_it_is_taken_and_a_return_once() {
        let mut watched = fresh();

        assert_eq!(watched.news(Some(Sight::Gone), at(1), &Pace::USUAL), Some(Seen::Gone));
        assert_eq!(watched.news(Some(Sight::Gone), at(2), &Pace::USUAL), Some(Seen::Gone));
        assert_eq!(look(&mut watched, 3, 1), Some(alive(0, false)));
        assert_eq!(look(&mut watched, 4, 1), None);
    }

    /// What is made of the first of so many ends in a row, one each second, after so many seconds.
    fn after(seconds: i64, ended: i64, alive: usize) -> Belief {
        let all: Vec<_> = (0..ended).map(|n| Some(at(n))).chain(std::iter::repeat_n(None, alive)).collect();
        belief(at(0), &all, at(seconds), &Pace::USUAL)
    }

    // S58
    #[test]
    fn when_half_of_five_or_more_end_at_once_it_is_not_believed_for_two_minutes() {
        assert_eq!((after(10, 5, 5), after(119, 5, 5)), (Belief::Ours, Belief::Ours));
        assert_eq!(after(120, 5, 5), Belief::Theirs);
        assert_eq!((after(10, 3, 2), after(10, 2, 3)), (Belief::Ours, Belief::Theirs));
    }

    #[test]
    fn the_end_of_one_among_many_is_believed_a_round_later_and_among_few_at_once() {
        assert_eq!((after(9, 1, 9), after(10, 1, 9)), (Belief::Early, Belief::Theirs));
        assert_eq!(after(0, 4, 0), Belief::Theirs);
    }

    #[test]
    fn ends_that_come_one_after_the_other_are_not_at_once() {
        let all: Vec<_> = (0..8).map(|n| Some(at(n * 30))).collect();

        assert_eq!(belief(at(210), &all, at(220), &Pace::USUAL), Belief::Theirs);
    }

    #[test]
    fn a_screen_does_not_come_to_rest_while_the_machine_sleeps() {
        let mut watched = fresh();
        watched.told_at = at(10);
        assert_eq!(look(&mut watched, 10, 1), None);

        watched.shift(SignedDuration::from_hours(8), at(28_812));

        assert_eq!(look(&mut watched, 28_812, 1), None, "two seconds of rest");
        assert_eq!(look(&mut watched, 28_825, 1), Some(alive(28_800, true)));
    }

    // S58, S50: who is there again has never ended
    #[test]
    fn a_return_takes_the_end_back() {
        let mut watched = fresh();
        watched.news(Some(Sight::Gone), at(1), &Pace::USUAL);
        watched.news(Some(Sight::Gone), at(11), &Pace::USUAL);
        assert_eq!(watched.ended_at, Some(at(1)));

        look(&mut watched, 21, 1);

        assert_eq!(watched.ended_at, None);
    }

    #[test]
    fn a_daemon_that_starts_again_is_no_sign_of_an_agents_life() {
        let told = session::Screen { dialog: false, rests: true };
        let mut rested = Watched { told, ..fresh() };

        assert_eq!(look(&mut rested, 5000, 1), None);
    }
}
