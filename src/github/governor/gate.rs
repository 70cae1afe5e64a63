//! The gate that every request of one credential passes: the schedule decides, the gate waits, tells people and counts.

use std::sync::{Mutex, MutexGuard};

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{
    Budget, Manners, Standing, Why,
    limits::Said,
    schedule::{Schedule, Ticket, Turn, Wish},
};
use crate::{clock::Clock, github::Error};

/// Lets requests through, or says when they may come again.
#[derive(Debug)]
pub(in crate::github) struct Governor {
    clock: Clock,
    spread: SignedDuration,
    schedule: Mutex<Schedule>,
    changed: Notify,
}

/// Leave to send one request, for as long as it is held.
#[derive(Debug)]
pub(in crate::github) struct Admission<'a> {
    governor: &'a Governor,
    wish: Wish,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.governor.schedule().done(self.wish);
        self.governor.changed.notify_waiters();
    }
}

/// A place in the queue, given back when the caller gives up.
struct Queued<'a> {
    governor: &'a Governor,
    ticket: Ticket,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.governor.schedule().leave(self.ticket);
        self.governor.changed.notify_waiters();
    }
}

impl Governor {
    pub(in crate::github) fn new(clock: Clock, manners: Manners) -> Self {
        let Manners { write_gap, spread } = manners;
        Self { clock, spread, schedule: Mutex::new(Schedule::new(write_gap)), changed: Notify::new() }
    }

    /// How things stand, for people and metrics.
    pub(in crate::github) fn standing(&self, account: &str) -> Standing {
        let (schedule, now) = (self.schedule(), self.clock.now());
        Standing {
            account: Some(account.to_owned()).filter(|account| !account.is_empty()),
            rest: schedule.limits.allowance(Budget::Rest, now),
            graphql: schedule.limits.allowance(Budget::Graphql, now),
            limited: schedule.in_force(now),
        }
    }

    /// Waits for a request's turn.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] if GitHub must not be asked now, [`Error::Unavailable`] if it is down,
    /// [`Error::Unauthorized`] if the App is known not to be installed.
    pub(in crate::github) async fn admit(&self, wish: Wish) -> Result<Admission<'_>, Error> {
        let ticket = self.schedule().ask(wish, self.clock.now());
        let _queued = Queued { governor: self, ticket };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before looking, so that a change between the two is not missed.
            changed.as_mut().enable();
            let now = self.clock.now();
            let turn = self.schedule().turn(ticket, now);
            match turn {
                Turn::Go => {
                    count(wish);
                    return Ok(Admission { governor: self, wish });
                }
                Turn::Refused(until, why) => return Err(self.refused(until, why)),
                Turn::Wait => changed.await,
                Turn::WaitUntil(ready) => {
                    let left = ready.duration_since(now).try_into().unwrap_or_default();
                    tokio::select! { () = changed => {}, () = tokio::time::sleep(left) => {} }
                }
            }
        }
    }

    /// Learns from an answer. Says when to come again if the answer is a refusal because of a limit.
    pub(in crate::github) fn learn(
        &self,
        budget: Budget,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Timestamp> {
        self.changing(|schedule, now| {
            schedule.outage.answered();
            schedule.limits.learn(Said { budget, status, headers, body }, now)
        })
    }

    /// GraphQL's own refusal: status 200 with an error of type `RATE_LIMITED`.
    pub(in crate::github) fn learn_graphql_refusal(&self, headers: &HeaderMap) -> Timestamp {
        self.changing(|schedule, now| schedule.limits.learn_graphql_refusal(headers, now))
    }

    /// GitHub gave no usable answer.
    pub(in crate::github) fn failed(&self) {
        let dice = dice();
        self.changing(|schedule, now| schedule.outage.failed(now, dice));
    }

    /// The App turned out not to be installed: nothing is asked for a while, or until [`Governor::readmit`].
    pub(in crate::github) fn park(&self, pause: SignedDuration) {
        self.changing(|schedule, now| schedule.parked_until = Some(now + pause));
    }

    /// Whether the App is known not to be installed.
    pub(in crate::github) fn parked(&self) -> bool {
        let now = self.clock.now();
        self.schedule().parked_until.is_some_and(|until| until > now)
    }

    /// The App may have been installed again.
    pub(in crate::github) fn readmit(&self) {
        self.changing(|schedule, _| schedule.parked_until = None);
        self.changed.notify_waiters();
    }

    /// Changes what is known, and tells people when GitHub begins to hold us back.
    fn changing<R>(&self, change: impl FnOnce(&mut Schedule, Timestamp) -> R) -> R {
        let now = self.clock.now();
        let mut schedule = self.schedule();
        let before = schedule.in_force(now);
        let result = change(&mut schedule, now);
        let after = schedule.in_force(now);
        drop(schedule);
        match (before, after) {
            (None, Some((until, why))) => {
                warn!(limit.until = %until, limit.why = ?why, "GitHub is left alone until {until}: {}", why.in_words());
            }
            (Some(_), None) => info!("GitHub may be asked again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        result
    }

    fn refused(&self, until: Timestamp, why: Why) -> Error {
        let apart = self.spread.as_millis() * i128::from(dice()) / i128::from(u32::MAX);
        let resets_at = until + SignedDuration::from_millis(i64::try_from(apart).unwrap_or(0));
        match why {
            Why::Rest | Why::Graphql | Why::Asked => Error::RateLimited { resets_at },
            Why::Down => Error::Unavailable(anyhow::anyhow!("it has not answered for a while and is asked at {until}")),
            Why::NotInstalled => Error::Unauthorized,
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().expect("no holder of this lock panics")
    }
}

fn count(wish: Wish) {
    let (class, budget) = (wish.class.name(), wish.budget.resource());
    counter!("antiphon_github_requests_total", "class" => class, "budget" => budget).increment(1);
}

/// A number that differs from daemon to daemon and from time to time.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers everybody comes back at the same time, which is worse but no mistake.
    getrandom::fill(&mut bytes).ok();
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
        task::Poll,
    };

    use futures_util::poll;

    use super::*;
    use crate::github::governor::{Class, Kind};

    const READ: Wish = Wish { kind: Kind::Read, class: Class::Event, budget: Budget::Rest };
    const WRITE: Wish = Wish { kind: Kind::Write, class: Class::Write, budget: Budget::Rest };

    /// A governor at the second 1000, and the hand of its clock.
    fn governor() -> (Governor, Arc<AtomicI64>) {
        let hand = Arc::new(AtomicI64::new(1000));
        let read = hand.clone();
        let clock = Clock::from_fn(move || Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap());
        let manners = Manners { write_gap: SignedDuration::ZERO, spread: SignedDuration::ZERO };
        (Governor::new(clock, manners), hand)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn retry_after(seconds: i64) -> HeaderMap {
        [(http::header::RETRY_AFTER, seconds.into())].into_iter().collect()
    }

    // G121
    #[tokio::test]
    async fn whoever_is_sent_away_learns_when_to_come_again() {
        let (governor, hand) = governor();
        governor.learn(Budget::Rest, StatusCode::FORBIDDEN, &retry_after(60), b"");

        let refused = governor.admit(READ).await.unwrap_err();

        assert!(matches!(refused, Error::RateLimited { resets_at } if resets_at == at(1060)), "{refused:?}");
        assert_eq!(governor.standing("").limited, Some((at(1060), Why::Asked)));
        hand.store(1060, Ordering::SeqCst);
        assert!(governor.admit(READ).await.is_ok());
        assert_eq!(governor.standing("").limited, None);
    }

    #[tokio::test]
    async fn a_limit_that_comes_while_one_waits_sends_it_away() {
        let (governor, _) = governor();
        let writing = governor.admit(WRITE).await.unwrap();
        let mut second = std::pin::pin!(governor.admit(WRITE));
        assert!(poll!(second.as_mut()).is_pending());

        governor.learn(Budget::Rest, StatusCode::FORBIDDEN, &retry_after(60), b"");
        drop(writing);

        assert!(matches!(poll!(second), Poll::Ready(Err(Error::RateLimited { .. }))));
    }

    #[tokio::test]
    async fn forty_requests_are_under_way_at_most() {
        let (governor, _) = governor();
        let mut under_way = Vec::new();
        for _ in 0..40 {
            under_way.push(governor.admit(READ).await.unwrap());
        }
        let mut next = std::pin::pin!(governor.admit(READ));
        assert!(poll!(next.as_mut()).is_pending());

        under_way.pop();

        assert!(matches!(poll!(next), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_queue() {
        let (governor, _) = governor();
        let writing = governor.admit(WRITE).await.unwrap();
        {
            let mut given_up = std::pin::pin!(governor.admit(WRITE));
            assert!(poll!(given_up.as_mut()).is_pending());
        }
        drop(writing);

        assert!(governor.admit(WRITE).await.is_ok());
    }

    // G123
    #[tokio::test]
    async fn an_outage_is_found_out_waited_for_and_over_with_one_good_answer() {
        let (governor, hand) = governor();
        for _ in 0..5 {
            drop(governor.admit(READ).await.unwrap());
            governor.failed();
        }
        assert!(matches!(governor.admit(READ).await, Err(Error::Unavailable(_))));
        hand.store(1004, Ordering::SeqCst);

        let probe = governor.admit(READ).await.unwrap();
        let mut second = std::pin::pin!(governor.admit(READ));
        assert!(poll!(second.as_mut()).is_pending(), "one probe is enough");
        governor.learn(Budget::Rest, StatusCode::OK, &HeaderMap::new(), b"");
        drop(probe);

        assert!(matches!(poll!(second), Poll::Ready(Ok(_))));
        assert_eq!(governor.standing("").limited, None);
    }

    // G118
    #[tokio::test]
    async fn a_parked_installation_is_asked_again_when_it_is_readmitted() {
        let (governor, _) = governor();
        governor.park(SignedDuration::from_mins(15));
        assert!(matches!(governor.admit(READ).await, Err(Error::Unauthorized)));

        governor.readmit();

        assert!(governor.admit(READ).await.is_ok());
    }
}
