//! Counted boundaries: the places at which a kill is most interesting.
//!
//! Every commit, every call to the outside and every typed chunk crosses one. In normal life [`cross`] is one atomic
//! increment. A test arms it, and the process then kills itself without warning at the chosen crossing: so each place
//! between "decided", "done" and "recorded" can be tried one after the other.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
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

/// Crosses a boundary; an armed process is killed here. `name` tells a reader of the code what lies on both sides.
pub fn cross(name: &'static str) {
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
