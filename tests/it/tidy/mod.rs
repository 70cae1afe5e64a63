//! How this code base is written, checked by reading it.
//!
//! Each rule is a function from the [`tree::Tree`] to violations. One test holds it against this repository; another
//! shows it a made-up violation, so that no rule can fall silent unnoticed. Nothing is built or run here.
//!
//! ```text
//! files ─▶ tree ─▶ source (tokens, items) ─▶ plain facts with line numbers ─▶ one file per group of rules
//! ```

mod borders;
mod conditional;
mod documented;
mod front_page;
mod guide;
mod items;
mod layers;
mod packages;
mod purity;
mod scenarios;
mod shipped;
mod size;
mod source;
mod table;
mod tokens;
mod tree;
mod words;

use std::{collections::BTreeSet, fmt};

/// One place that breaks a rule, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    /// From the root of the repository, with `/`.
    file: String,
    /// From 1.
    line: usize,
    /// What is wrong, then what to do.
    message: String,
}

impl Violation {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Fails with every violation; the same words about the same file are said once, at their first line.
#[track_caller]
fn assert_none(violations: Vec<Violation>) {
    let mut said = BTreeSet::new();
    let first: Vec<String> = violations
        .into_iter()
        .filter(|it| said.insert((it.file.clone(), it.message.clone())))
        .map(|it| it.to_string())
        .collect();
    assert!(first.is_empty(), "{} violations\n{}", first.len(), first.join("\n"));
}

/// The places of violations, for the tests of the rules themselves.
fn places(violations: &[Violation]) -> Vec<(&str, usize)> {
    violations.iter().map(|it| (it.file.as_str(), it.line)).collect()
}
