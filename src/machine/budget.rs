//! How often the machines ask GitHub in a day, on virtual time: with webhooks, and without.
//!
//! What a look costs is measured in `tests/it/budget.rs`; `docs/github-budget.md` puts both together.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Now, Rules, State, step, testing::*};
use crate::{
    effect::Effect,
    event::{self, Event, Hearing},
    model::{MachineKey, PrNumber, Snapshot},
};

const PULLS: u64 = 40;
/// Every CI run tells of itself so often.
const DELIVERIES_PER_RUN: u64 = 12;
const RUNS_PER_HOUR: u64 = 25;
const HOURS: u64 = 24;
/// How long GitHub takes to answer.
const ANSWER: SignedDuration = SignedDuration::from_secs(1);

/// What happens at a moment.
enum Happening {
    /// Somebody pushes to a pull request, and CI begins.
    Pushed(PrNumber),
    /// CI ends.
    Passed(PrNumber),
    /// GitHub delivers something about a pull request.
    Delivered(PrNumber),
    /// A machine hears something.
    Told(MachineKey, Event),
}

/// A day of one repository.
struct Day {
    at: Timestamp,
    rules: Rules,
    webhooks: bool,
    heard: Option<Timestamp>,
    github: BTreeMap<PrNumber, Snapshot>,
    listed: Option<Vec<event::OpenPull>>,
    machines: BTreeMap<MachineKey, State>,
    due: BTreeMap<MachineKey, Timestamp>,
    ahead: BTreeMap<(Timestamp, u64), Happening>,
    serial: u64,
    looks: Vec<(Timestamp, PrNumber)>,
    lists: Vec<(Timestamp, bool)>,
}

impl Day {
    fn new(webhooks: bool) -> Self {
        let github =
            (1..=PULLS).map(|number| (PrNumber(number), Snapshot { number: PrNumber(number), ..green('a') })).collect();
        let mut day = Self {
            at: START,
            rules: rules(),
            webhooks,
            heard: None,
            github,
            listed: None,
            machines: BTreeMap::new(),
            due: BTreeMap::new(),
            ahead: BTreeMap::new(),
            serial: 0,
            looks: Vec::new(),
            lists: Vec::new(),
        };
        day.tell(START, MachineKey::Backlog(REPO), event::Backlog::Missed { repo: REPO });
        for number in 1..=PULLS {
            let managed = event::Pull::Managed { task: task_id(), session: session_id() };
            day.tell(START, key(PrNumber(number)), managed);
        }
        for run in 0..RUNS_PER_HOUR * HOURS {
            day.plan_run(run);
        }
        day
    }

    /// A push, seven deliveries as CI begins, five more as it ends two minutes later.
    fn plan_run(&mut self, run: u64) {
        let number = PrNumber(run % PULLS + 1);
        let seconds = i64::try_from(run * 3600 / RUNS_PER_HOUR).unwrap();
        let begins = START + mins(3) + secs(seconds);
        let ends = begins + mins(2);
        self.plan(begins, Happening::Pushed(number));
        self.plan(ends, Happening::Passed(number));
        for count in 0..DELIVERIES_PER_RUN {
            let at = if count < 7 { begins } else { ends };
            self.plan(at + secs(1) + secs(i64::try_from(count % 7 / 2).unwrap()), Happening::Delivered(number));
        }
    }

    fn plan(&mut self, at: Timestamp, happening: Happening) {
        self.serial += 1;
        self.ahead.insert((at, self.serial), happening);
    }

    fn tell(&mut self, at: Timestamp, to: MachineKey, event: impl Into<Event>) {
        self.plan(at, Happening::Told(to, event.into()));
    }

    fn play(&mut self) {
        let end = START + SignedDuration::from_hours(i64::try_from(HOURS).unwrap());
        loop {
            let due = self.due.iter().map(|(key, at)| (*at, key)).min().map(|(at, key)| (at, key.clone()));
            let next = self.ahead.first_key_value().map(|((at, _), _)| *at);
            match (due, next) {
                (Some((at, key)), next) if next.is_none_or(|next| at <= next) => {
                    self.at = at;
                    self.due.remove(&key);
                    self.step(key.clone(), deadline(&key));
                }
                (_, Some(_)) => {
                    let ((at, _), happening) = self.ahead.pop_first().unwrap();
                    self.at = at;
                    self.happens(happening);
                }
                (None, None) | (Some(_), None) => return,
            }
            if self.at >= end {
                return;
            }
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Pushed(number) => {
                let letter = if self.github[&number].head.sha == sha('a') { 'b' } else { 'a' };
                let pull = Snapshot { updated_at: self.at, ..shown(number.0, letter) };
                self.github.insert(number, pull);
            }
            Happening::Passed(number) => {
                let pull = &self.github[&number];
                let letter = pull.head.sha.as_str().chars().next().unwrap();
                let checks = green(letter).checks;
                let passed = Snapshot { checks, ..pull.clone() };
                self.github.insert(number, passed);
            }
            Happening::Delivered(_) if !self.webhooks => {}
            Happening::Delivered(number) => {
                self.heard = Some(self.at);
                self.step(key(number), event::Pull::Hinted { repo: REPO, number, urgent: false }.into());
            }
            Happening::Told(to, event) => self.step(to, event),
        }
    }

    fn step(&mut self, key: MachineKey, event: Event) {
        self.serial += 1;
        let now = Now { rules: &self.rules, at: self.at, entropy: entropy(self.serial), texts: NO_TEXTS };
        let Some(made) = step(&key, self.machines.remove(&key), event, &now) else { return };
        match made.state.next_deadline(&self.rules, self.at) {
            Some((at, _)) => self.due.insert(key.clone(), at),
            None => self.due.remove(&key),
        };
        self.machines.insert(key, made.state);
        for effect in made.effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let answered = self.at + ANSWER;
        // Agents and people are not part of this day.
        if let Effect::Look { number, look, known, .. } = effect {
            self.looks.push((self.at, number));
            let snapshot = Box::new(self.github[&number].clone());
            let hash = hash(&snapshot);
            let seen = if known.as_ref() == Some(&hash) {
                event::Pull::Unchanged { look }
            } else {
                event::Pull::Observed { look, snapshot, hash }
            };
            self.tell(answered, key(number), seen);
        } else if let Effect::LookRepository { known, .. } = effect {
            let event = self.list(known.is_some());
            self.tell(answered, MachineKey::Backlog(REPO), event);
        } else if let Effect::Tell { to: to @ (MachineKey::Pull { .. } | MachineKey::Backlog(_)), event } = effect {
            self.plan(self.at, Happening::Told(to, event));
        }
    }

    fn list(&mut self, known: bool) -> event::Backlog {
        let hearing = Some(Hearing { since: START, newest: self.heard });
        let open = self.github.values().map(|pull| event::OpenPull {
            number: pull.number,
            head: pull.head.sha.clone(),
            branch: pull.head.branch.clone(),
            updated_at: pull.updated_at,
        });
        let pulls: Vec<_> = open.collect();
        let changed = !known || self.listed.as_ref() != Some(&pulls);
        self.lists.push((self.at, changed));
        let issues = Vec::new();
        if changed {
            self.listed = Some(pulls.clone());
            event::Backlog::Observed { issues, pulls, etag: Some("v".to_owned()), hearing }
        } else {
            event::Backlog::Unchanged { issues, hearing }
        }
    }

    /// The most looks in any hour, and the most lists that cost something.
    fn worst_hour(&self) -> (usize, usize) {
        let hour = |at: &Timestamp| at.duration_since(START).as_hours();
        let most = |times: Vec<i64>| {
            let mut counts = BTreeMap::<i64, usize>::new();
            times.into_iter().for_each(|hour| *counts.entry(hour).or_default() += 1);
            counts.into_values().max().unwrap_or(0)
        };
        let looks = most(self.looks.iter().map(|(at, _)| hour(at)).collect());
        let lists = most(self.lists.iter().filter(|(_, changed)| *changed).map(|(at, _)| hour(at)).collect());
        (looks, lists)
    }

    /// The longest time in which a pull request was not looked at, once the silence was found out.
    fn stalest(&self, from: Timestamp) -> SignedDuration {
        let of = |number| {
            let times: Vec<_> = self.looks.iter().filter(|(at, it)| *it == number && *at >= from).collect();
            times.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0)).max().unwrap_or(SignedDuration::MAX)
        };
        (1..=PULLS).map(|number| of(PrNumber(number))).max().unwrap()
    }
}

fn shown(number: u64, letter: char) -> Snapshot {
    Snapshot { number: PrNumber(number), ..pending(letter) }
}

const fn key(number: PrNumber) -> MachineKey {
    MachineKey::Pull { repo: REPO, number }
}

fn deadline(key: &MachineKey) -> Event {
    if matches!(key, MachineKey::Pull { .. }) {
        event::Pull::DeadlinePassed.into()
    } else {
        event::Backlog::DeadlinePassed.into()
    }
}

// Show 6
#[test]
fn a_day_of_forty_pull_requests_costs_less_than_a_twenty_fifth_of_the_budget() {
    let mut day = Day::new(true);
    day.play();

    let (looks, lists) = day.worst_hour();
    println!(
        "with webhooks: {} looks and {} lists a day; worst hour {looks}, {lists}",
        day.looks.len(),
        day.lists.len()
    );
    // A look costs one point of GraphQL, a list that changed one request of REST; 4 % of 5,000 are 200.
    assert!(looks < 200, "{looks} looks in an hour");
    assert!(lists <= 13, "{lists} lists in an hour");
}

// Show 6
#[test]
fn with_dead_webhooks_whoever_waits_is_looked_at_every_two_minutes_within_the_budget() {
    let mut day = Day::new(false);
    day.play();

    let (looks, lists) = day.worst_hour();
    let stalest = day.stalest(START + mins(20));
    println!(
        "without: {} looks and {} lists a day; worst hour {looks}, {lists}; {stalest:#}",
        day.looks.len(),
        day.lists.len()
    );
    assert!(stalest <= mins(2), "{stalest:#}");
    // Beyond 80 % the budget is left to writes and persons.
    assert!(looks < 4_000, "{looks} looks in an hour");
    assert!(lists < 60, "{lists} lists in an hour");
}
