//! `antiphon help exit-codes`: what exit codes mean, from the error that decides them.

use super::{
    error::{Error, Kind},
    output,
};

/// The table of exit codes.
pub(super) fn text() -> String {
    let rows = Kind::ALL.map(|kind| format!("  {}  {}", kind.exit_code(), kind.meaning()));
    let rest = "Warnings of `doctor` alone leave the exit code at 0.\n\
                With --json, errors are one JSON object on standard error.\n\
                `antiphon hook`, which agents call, always exits with 0.";
    format!("Exit codes, the same for every command:\n\n{}\n\n{rest}", rows.join("\n"))
}

pub(super) fn run() -> Result<(), Error> {
    output::line(&text())
}
