//! The table, and the few ways in which figures are written.

use std::{fmt, time::Duration};

/// Durations of one kind, sorted.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

/// Lines of the table.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<[String; 4]>);

impl Samples {
    pub(crate) fn new(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    pub(crate) fn percent(&self, share: usize) -> Duration {
        self.0.get(self.0.len() * share / 100).copied().unwrap_or_default()
    }

    pub(crate) fn p50(&self) -> Duration {
        self.percent(50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.percent(99)
    }
}

impl Table {
    /// What the machine sets.
    pub(crate) fn floor(&mut self, what: &str, found: Duration) {
        self.0.push([what.to_owned(), ms(found), "floor".to_owned(), String::new()]);
    }

    /// A figure with what is wanted of it.
    pub(crate) fn line(&mut self, what: &str, found: String, wanted: &str, held: bool) {
        let verdict = if held { "held" } else { "**missed**" };
        self.0.push([what.to_owned(), found, wanted.to_owned(), verdict.to_owned()]);
    }

    /// A figure of which nothing is wanted.
    pub(crate) fn note(&mut self, what: &str, found: String) {
        self.0.push([what.to_owned(), found, String::new(), String::new()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | found | wanted | |\n|---|---|---|---|")?;
        self.0
            .iter()
            .try_for_each(|[what, found, wanted, verdict]| writeln!(f, "| {what} | {found} | {wanted} | {verdict} |"))
    }
}

/// Milliseconds.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

/// How often `floor` goes into `found`.
pub(crate) fn ratio(found: Duration, floor: Duration) -> f64 {
    found.as_secs_f64() / floor.as_secs_f64()
}
