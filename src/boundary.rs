//! Counted boundaries: the places at which a kill is most interesting.
//!
//! Every commit, every call to the outside and every typed chunk crosses one. In normal life [`cross`] is one atomic
//! increment. A test arms it, and the process then kills itself without warning at the chosen crossing: so each place
//! between "decided", "done" and "recorded" can be tried one after the other.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

static CROSSED: AtomicU64 = AtomicU64::new(0);
static DIE_AT: AtomicU64 = AtomicU64::new(u64::MAX);
static DIE_AT_NAMED: OnceLock<String> = OnceLock::new();

/// Arms the process to die at the `n`-th crossing, counted from 1.
pub fn die_at(n: u64) {
    DIE_AT.store(n, Ordering::SeqCst);
}

/// Arms the process to die at the first crossing of this name. Only the first name counts.
pub fn die_at_named(name: String) {
    drop(DIE_AT_NAMED.set(name));
}

/// How many boundaries this process has crossed.
#[must_use]
pub fn crossed() -> u64 {
    CROSSED.load(Ordering::SeqCst)
}

tokio::task_local! {
    static FUSE: Fuse;
}

/// How many boundaries the tasks under it may still cross. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Fuse(Arc<AtomicU64>);

/// What a part of the process ends with whose fuse has burnt down.
struct Burnt;

impl Fuse {
    /// One that burns down at the `n`-th crossing, counted from 1.
    #[must_use]
    pub fn new(n: u64) -> Self {
        Self(Arc::new(AtomicU64::new(n)))
    }

    /// One that never burns down.
    #[must_use]
    pub fn endless() -> Self {
        Self::new(u64::MAX)
    }

    /// Runs a part of the process that dies when the fuse has burnt down, in the middle of whatever it does. `None` if
    /// it died. Unlike a killed process it unwinds: what it holds is given back.
    pub async fn run<T>(&self, part: impl Future<Output = T>) -> Option<T> {
        let mut part = pin!(FUSE.scope(self.clone(), part));
        poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| part.as_mut().poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(why) if why.is::<Burnt>() => std::task::Poll::Ready(None),
            Err(panic) => resume_unwind(panic),
        })
        .await
    }

    fn burn(&self) {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) {
            resume_unwind(Box::new(Burnt));
        }
    }
}

/// Crosses a boundary; an armed process is killed here. `name` tells a reader of the code what lies on both sides.
pub fn cross(name: &'static str) {
    FUSE.try_with(Fuse::burn).ok();
    let n = CROSSED.fetch_add(1, Ordering::SeqCst) + 1;
    if n == DIE_AT.load(Ordering::SeqCst) || DIE_AT_NAMED.get().is_some_and(|wanted| wanted == name) {
        die(name);
    }
}

#[cfg(unix)]
fn die(name: &'static str) {
    say(name);
    // SIGKILL, not abort: no handler, no destructor and no flush may run.
    let own = rustix::process::getpid();
    let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
fn die(name: &'static str) {
    say(name);
    std::process::abort();
}

/// Whoever armed the process wants to know where it died.
fn say(name: &str) {
    let words = format!("killed at the boundary {name:?}\n");
    drop(std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fuse_kills_what_runs_under_it_at_the_chosen_crossing_and_nothing_else() {
        let fuse = Fuse::new(3);
        let part = || async {
            cross("one");
            tokio::task::yield_now().await;
            cross("two");
        };

        let ends = (fuse.run(part()).await, fuse.run(part()).await, fuse.run(part()).await);
        part().await;

        assert_eq!(ends, (Some(()), None, Some(())));
    }
}
