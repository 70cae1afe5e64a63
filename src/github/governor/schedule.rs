//! Who may send next: a queue by urgency in which nobody waits for ever, places, and writes one by one. Pure: it is told
//! the time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    Budget, Class, Kind,
    limits::{Limits, Why},
    outage::Outage,
};

/// A request that wants to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Whether it changes something.
    pub(crate) kind: Kind,
    /// On whose behalf it is made.
    pub(crate) class: Class,
    /// What it is paid from.
    pub(crate) budget: Budget,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What a request does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is sent. It holds a place until [`Schedule::done`].
    Go,
    /// It waits until something changes.
    Wait,
    /// It waits until then, or until something changes.
    WaitUntil(Timestamp),
    /// It is not sent, and should come again then.
    Refused(Timestamp, Why),
}

/// The queue of one credential, its limits and its places.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) limits: Limits,
    pub(super) outage: Outage,
    /// Until when nothing is asked with a credential that has no access.
    pub(super) parked_until: Option<Timestamp>,
    write_gap: SignedDuration,
    written_at: Option<Timestamp>,
    running: Vec<Wish>,
    waiting: BTreeMap<Ticket, (Timestamp, Wish)>,
    tickets: u64,
}

impl Schedule {
    /// An empty queue that leaves `write_gap` between the beginnings of two writes.
    pub(super) fn new(write_gap: SignedDuration) -> Self {
        Self {
            limits: Limits::default(),
            outage: Outage::default(),
            parked_until: None,
            write_gap,
            written_at: None,
            running: Vec::new(),
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    /// Queues up.
    pub(super) fn ask(&mut self, wish: Wish, now: Timestamp) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        // Whoever has waited long enough comes before anybody who comes now, whatever they want.
        self.waiting.insert(ticket, (now + wish.class.patience(), wish));
        ticket
    }

    /// Gives up waiting.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Frees a place.
    pub(super) fn done(&mut self, wish: Wish) {
        if let Some(index) = self.running.iter().position(|it| *it == wish) {
            self.running.swap_remove(index);
        }
    }

    /// Whether it is a request's turn. After [`Turn::Go`] and [`Turn::Refused`] it waits no longer.
    pub(super) fn turn(&mut self, ticket: Ticket, now: Timestamp) -> Turn {
        let Some((due, wish)) = self.waiting.get(&ticket).copied() else { return Turn::Wait };
        // A clock that was set back must not stop all writes for an hour.
        self.written_at = self.written_at.map(|at| at.min(now));
        let turn = self.verdict(wish, now);
        match turn {
            Turn::Go if self.anybody_before((due, ticket), now) => Turn::Wait,
            Turn::Go => {
                self.waiting.remove(&ticket);
                self.running.push(wish);
                if wish.kind == Kind::Write {
                    self.written_at = Some(now);
                }
                Turn::Go
            }
            Turn::Refused(..) => {
                self.waiting.remove(&ticket);
                turn
            }
            Turn::Wait | Turn::WaitUntil(_) => turn,
        }
    }

    /// What keeps everything waiting, for people.
    pub(super) fn in_force(&self, now: Timestamp) -> Option<(Timestamp, Why)> {
        let down = self.outage.until(now).map(|until| (until, Why::Down));
        let parked = self.parked_until.filter(|it| *it > now).map(|until| (until, Why::NotInstalled));
        parked.or(down).or_else(|| self.limits.in_force(now))
    }

    fn verdict(&self, wish: Wish, now: Timestamp) -> Turn {
        let Wish { kind, class, budget } = wish;
        if let Some(until) = self.parked_until.filter(|until| *until > now) {
            return Turn::Refused(until, Why::NotInstalled);
        }
        if let Some(until) = self.outage.until(now) {
            return Turn::Refused(until, Why::Down);
        }
        let under_way = self.running.iter().filter(|it| it.budget == budget).count();
        let under_way = u32::try_from(under_way).unwrap_or(u32::MAX);
        if let Some(until) = self.limits.refusal(class, budget, under_way, now) {
            return Turn::Refused(until, budget.why());
        }
        if self.running.len() >= self.outage.places() {
            return Turn::Wait;
        }
        match kind {
            Kind::Read => Turn::Go,
            Kind::Write if self.running.iter().any(|it| it.kind == Kind::Write) => Turn::Wait,
            Kind::Write => match self.written_at.map(|at| at + self.write_gap).filter(|ready| *ready > now) {
                Some(ready) => Turn::WaitUntil(ready),
                None => Turn::Go,
            },
        }
    }

    fn anybody_before(&self, own: (Timestamp, Ticket), now: Timestamp) -> bool {
        let before = self.waiting.iter().filter(|(ticket, (due, _))| (*due, **ticket) < own);
        before.into_iter().any(|(_, (_, wish))| self.verdict(*wish, now) == Turn::Go)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::outage::PLACES_MAX, *};

    const START: i64 = 1_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(START * 1000 + millis).unwrap()
    }

    fn wish(kind: Kind, class: Class) -> Wish {
        Wish { kind, class, budget: Budget::Rest }
    }

    fn gap() -> SignedDuration {
        SignedDuration::from_secs(1)
    }

    #[test]
    fn writes_go_one_at_a_time_and_a_second_apart() {
        let mut schedule = Schedule::new(gap());
        let write = wish(Kind::Write, Class::Write);
        let (first, second) = (schedule.ask(write, at(0)), schedule.ask(write, at(0)));

        assert_eq!(schedule.turn(first, at(0)), Turn::Go);
        assert_eq!(schedule.turn(second, at(5_000)), Turn::Wait, "the first is under way");
        schedule.done(write);
        assert_eq!(schedule.turn(second, at(300)), Turn::WaitUntil(at(1_000)));
        assert_eq!(schedule.turn(second, at(1_000)), Turn::Go);
    }

    // G027
    #[test]
    fn a_clock_set_back_does_not_stop_writes() {
        let mut schedule = Schedule::new(gap());
        let write = wish(Kind::Write, Class::Write);
        let first = schedule.ask(write, at(3_600_000));
        assert_eq!(schedule.turn(first, at(3_600_000)), Turn::Go);
        schedule.done(write);

        let second = schedule.ask(write, at(0));
        assert_eq!(schedule.turn(second, at(0)), Turn::WaitUntil(at(1_000)));
        assert_eq!(schedule.turn(second, at(1_000)), Turn::Go);
    }

    #[test]
    fn the_more_urgent_go_first_until_the_others_have_waited_long_enough() {
        let mut schedule = Schedule::new(gap());
        let (sweep, person) = (wish(Kind::Read, Class::Sweep), wish(Kind::Read, Class::Person));
        let swept = schedule.ask(sweep, at(0));
        let early = schedule.ask(person, at(1_000));
        assert_eq!(schedule.turn(swept, at(1_000)), Turn::Wait);
        assert_eq!(schedule.turn(early, at(1_000)), Turn::Go);

        let late = schedule.ask(person, at(31_000));
        assert_eq!(schedule.turn(late, at(31_000)), Turn::Wait);
        assert_eq!(schedule.turn(swept, at(31_000)), Turn::Go);
    }

    #[test]
    fn a_wish_that_is_given_up_keeps_nobody_waiting() {
        let mut schedule = Schedule::new(gap());
        let (person, sweep) = (wish(Kind::Read, Class::Person), wish(Kind::Read, Class::Sweep));
        let (gone, next) = (schedule.ask(person, at(0)), schedule.ask(sweep, at(0)));
        assert_eq!(schedule.turn(next, at(0)), Turn::Wait);

        schedule.leave(gone);

        assert_eq!(schedule.turn(next, at(0)), Turn::Go);
    }

    // G118
    #[test]
    fn an_installation_that_is_gone_is_asked_nothing() {
        let mut schedule = Schedule::new(gap());
        schedule.parked_until = Some(at(60_000));
        let ticket = schedule.ask(wish(Kind::Read, Class::Person), at(0));

        assert_eq!(schedule.turn(ticket, at(0)), Turn::Refused(at(60_000), Why::NotInstalled));
        assert_eq!(schedule.in_force(at(0)), Some((at(60_000), Why::NotInstalled)));
    }

    /// A request of a made-up day: when it comes, and how long its answer takes, in milliseconds.
    #[derive(Debug, Clone)]
    struct Planned {
        comes: i64,
        takes: i64,
        wish: Wish,
    }

    fn planned() -> impl Strategy<Value = Planned> {
        let kind = prop_oneof![3 => Just(Kind::Read), 1 => Just(Kind::Write)];
        let class = prop_oneof![Just(Class::Person), Just(Class::Write), Just(Class::Event), Just(Class::Sweep)];
        let budget = prop_oneof![Just(Budget::Rest), Just(Budget::Graphql)];
        (0..20_000_i64, 1..2_000_i64, kind, class, budget).prop_map(|(comes, takes, kind, class, budget)| Planned {
            comes,
            takes,
            wish: Wish { kind, class, budget },
        })
    }

    /// What became of each: when it was sent, or `None` if it was refused.
    #[derive(Default)]
    struct Played {
        sent: Vec<(i64, Planned)>,
        refused: Vec<Planned>,
    }

    /// Plays a day in steps of 10 ms.
    fn play(plan: &[Planned], schedule: &mut Schedule) -> Played {
        let (mut played, mut waiting, mut running) = (Played::default(), BTreeMap::new(), Vec::<(i64, Wish)>::new());
        for now in (0..400_000).step_by(10) {
            let (ended, going): (Vec<_>, _) = running.into_iter().partition(|(ends, _)| *ends <= now);
            running = going;
            ended.into_iter().for_each(|(_, wish)| schedule.done(wish));
            for planned in plan.iter().filter(|it| (now - 10..now).contains(&(it.comes - 1))) {
                waiting.insert(schedule.ask(planned.wish, at(now)), planned.clone());
            }
            // Everybody who waits is asked again whenever somebody went, as the shell does.
            while let Some(ticket) = next(&mut waiting, schedule, now, &mut played) {
                let planned = waiting.remove(&ticket).unwrap();
                running.push((now + planned.takes, planned.wish));
                played.sent.push((now, planned));
            }
            assert!(running.len() <= PLACES_MAX, "{} at once", running.len());
            assert!(running.iter().filter(|(_, wish)| wish.kind == Kind::Write).count() <= 1, "two writes at once");
        }
        assert!(waiting.is_empty(), "these wait for ever: {waiting:?}");
        played
    }

    fn next(
        waiting: &mut BTreeMap<Ticket, Planned>,
        schedule: &mut Schedule,
        now: i64,
        played: &mut Played,
    ) -> Option<Ticket> {
        for ticket in waiting.keys().copied().collect::<Vec<_>>() {
            match schedule.turn(ticket, at(now)) {
                Turn::Go => return Some(ticket),
                Turn::Refused(..) => played.refused.extend(waiting.remove(&ticket)),
                Turn::Wait | Turn::WaitUntil(_) => {}
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn nobody_waits_for_ever_and_writes_keep_their_distance(plan in prop::collection::vec(planned(), 0..150)) {
            let played = play(&plan, &mut Schedule::new(gap()));

            prop_assert_eq!(played.sent.len(), plan.len());
            let writes: Vec<i64> =
                played.sent.iter().filter(|(_, it)| it.wish.kind == Kind::Write).map(|(sent, _)| *sent).collect();
            prop_assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{writes:?}");
        }

        #[test]
        fn floors_hold_whatever_comes(plan in prop::collection::vec(planned(), 0..150), left in 0_u32..=5_000) {
            let mut schedule = Schedule::new(gap());
            let mut headers = http::HeaderMap::new();
            headers.insert("x-ratelimit-limit", 5_000.into());
            headers.insert("x-ratelimit-remaining", left.into());
            headers.insert("x-ratelimit-reset", (START + 3_000).into());
            let (status, body) = (http::StatusCode::OK, &b""[..]);
            schedule.limits.learn(super::super::limits::Said { budget: Budget::Rest, status, headers: &headers, body }, at(0));

            let played = play(&plan, &mut schedule);

            for (_, sent) in played.sent.iter().filter(|(_, it)| it.wish.budget == Budget::Rest) {
                let floor = u32::try_from(sent.wish.class.floor_percent()).unwrap() * 50;
                prop_assert!(left >= floor, "{:?} was sent with {left} left", sent.wish);
            }
            prop_assert!(played.refused.iter().all(|it| it.wish.budget == Budget::Rest));
            let persons = played.refused.iter().filter(|it| it.wish.class == Class::Person).count();
            prop_assert!(persons == 0 || left == 0, "a person was refused");
        }
    }
}
