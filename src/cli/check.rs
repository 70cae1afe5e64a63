//! What was looked at, how it is, and what mends it.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use super::{
    caller::Caller,
    error::{Error, Kind},
    output,
};
use crate::view::{Finding, SCHEMA, Severity};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) check: &'static str,
    /// How it is.
    pub(super) grade: Grade,
    /// What was found.
    pub(super) what: String,
    /// What to do about it, if there is something to do.
    pub(super) fix: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grade {
    /// As it should be.
    Fine,
    /// Good to know.
    Note,
    /// It works, but not as well as it could.
    Warning,
    /// It does not work.
    Problem,
}

impl Check {
    /// One thing as it is.
    pub(super) fn new(check: &'static str, grade: Grade, what: impl Into<String>) -> Self {
        Self { check, grade, what: what.into(), fix: None }
    }

    /// As it should be.
    pub(super) fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Grade::Fine, what)
    }

    /// It does not work; with what mends it.
    pub(super) fn problem(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(check, Grade::Problem, what) }
    }

    /// It works, but not as well as it could.
    pub(super) fn warning(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(check, Grade::Warning, what) }
    }

    /// A problem that an error describes, with its causes and its first hint.
    pub(super) fn of_error(check: &'static str, error: &Error) -> Self {
        let mistakes = error.mistakes.iter().map(|mistake| format!("\n{mistake}"));
        let causes = error.causes.iter().map(|cause| format!(": {cause}"));
        let what: String = [error.message.clone()].into_iter().chain(mistakes).chain(causes).collect();
        let fix = error.hints.first().map_or("mend what is marked", String::as_str);
        Self::problem(check, what, fix)
    }
}

impl From<Finding> for Check {
    fn from(finding: Finding) -> Self {
        let grade = match finding.severity {
            Severity::Urgent => Grade::Problem,
            Severity::Warning => Grade::Warning,
            Severity::Note => Grade::Note,
        };
        let fix = (!finding.hint.is_empty()).then_some(finding.hint);
        Self { fix, ..Self::new("daemon", grade, finding.what) }
    }
}

/// Shows the findings, as JSON or for people.
///
/// # Errors
///
/// [`Kind::Unsound`] if there is a problem among them.
pub(super) fn report(checks: &[Check], as_json: bool, caller: &Caller) -> Result<(), Error> {
    let problems = checks.iter().filter(|check| check.grade == Grade::Problem).count();
    if as_json {
        output::json(&json!({ "schema": SCHEMA, "healthy": problems == 0, "checks": checks }))?;
    } else {
        output::text_as_it_is(&text(checks, caller.is_quiet()))?;
    }
    match problems {
        0 => Ok(()),
        1 => Err(Error::new(Kind::Unsound, "there is a problem")),
        several => Err(Error::new(Kind::Unsound, format!("there are {several} problems"))),
    }
}

/// The findings for people; for the quiet only those that need something done.
fn text(checks: &[Check], quiet: bool) -> String {
    let shown = checks.iter().filter(|check| !quiet || matches!(check.grade, Grade::Warning | Grade::Problem));
    shown.map(line).collect()
}

fn line(check: &Check) -> String {
    let (sign, style) = match check.grade {
        Grade::Fine => ('✓', AnsiColor::Green.on_default()),
        Grade::Note => ('·', Style::new().dimmed()),
        Grade::Warning => ('▲', AnsiColor::Yellow.on_default().bold()),
        Grade::Problem => ('✗', AnsiColor::Red.on_default().bold()),
    };
    let what = check.what.replace('\n', "\n    ");
    let fix = check.fix.as_ref().map(|fix| format!("    → {}\n", fix.replace('\n', "\n      "))).unwrap_or_default();
    format!("{style}{sign}{style:#} {:<12} {what}\n{fix}", check.check)
}
