//! Watches the agents' terminals and posts what is news: an end, a dialog, a screen that comes to rest or moves again.
//!
//! A terminal that goes on as before makes no entry in the journal; one that changes all the time makes one now and then,
//! as a sign of life.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::Clock,
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

/// The watch over all running launches.
pub struct Watch {
    journal: Arc<dyn Journal>,
    executor: Arc<Executor>,
    rules: watch::Receiver<Arc<Rulebook>>,
    clock: Clock,
    watched: BTreeMap<Address, Watched>,
}

impl Watch {
    /// A watch over the sessions in a journal.
    #[must_use]
    pub const fn new(
        journal: Arc<dyn Journal>,
        executor: Arc<Executor>,
        rules: watch::Receiver<Arc<Rulebook>>,
        clock: Clock,
    ) -> Self {
        Self { journal, executor, rules, clock, watched: BTreeMap::new() }
    }

    /// Works until told to stop. A terminal that answers slowly keeps nobody else waiting.
    pub async fn run(mut self, stop: CancellationToken) {
        let (executor, mut rules) = (self.executor.clone(), self.rules.clone());
        let look = |session: Box<session::State>| async {
            let sight = executor.sight(&session).await;
            (session, sight)
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
                    looks.extend(idle.map(look));
                    round.set(tokio::time::sleep(self.pause()));
                }
                // The rules say how often to look.
                Ok(()) = rules.changed() => round.set(tokio::time::sleep(self.pause())),
                Some((session, sight)) = looks.next() => {
                    looking.remove(&address(&session));
                    self.tell(&session, sight).await;
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        Duration::try_from(self.rules.borrow().pace().probe).unwrap_or(Duration::from_secs(10))
    }

    async fn tell(&mut self, session: &session::State, sight: Option<Sight>) {
        let (now, pace) = (self.clock.now(), self.rules.borrow().pace());
        let watched = self.watched.entry(address(session)).or_insert_with(|| Watched::new(session, now));
        let Some(seen) = watched.news(sight, now, &pace) else { return };
        if let Err(error) = self.journal.post(vec![post(session, seen, now)]).await {
            // What was not told is news again at the next look.
            self.watched.remove(&address(session));
            warn!(error = &error as &dyn std::error::Error, "Could not tell what an agent's terminal shows");
        }
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
}

impl Watched {
    /// Takes over what the session's machine knows: a daemon that starts again is no sign of an agent's life.
    fn new(session: &session::State, now: Timestamp) -> Self {
        let changed_at = if session.screen.rests { session.alive_at } else { now };
        Self { screen: None, changed_at, told: session.screen, told_at: now, missing: session.missing > 0 }
    }

    /// What its machine should hear, if anything.
    fn news(&mut self, sight: Option<Sight>, now: Timestamp, pace: &Pace) -> Option<Seen> {
        let (screen, dialog) = match sight? {
            Sight::Shows { screen, dialog } => (screen, dialog),
            // An end is told until the machine has taken it, and no longer counts the session among the running.
            Sight::Exited { code } => return Some(Seen::Exited { code }),
            Sight::Gone => {
                self.missing = true;
                return Some(Seen::Gone);
            }
        };
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
        Watched { screen: None, changed_at: at(0), told, told_at: at(0), missing: false }
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

    #[test]
    fn a_daemon_that_starts_again_is_no_sign_of_an_agents_life() {
        let told = session::Screen { dialog: false, rests: true };
        let mut rested = Watched { told, ..fresh() };

        assert_eq!(look(&mut rested, 5000, 1), None);
    }
}
