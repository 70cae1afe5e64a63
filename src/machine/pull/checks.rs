//! The verdict on the checks of one head.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::{
    model::{Check, CheckState, Conclusion, Failure, Sha},
    reaction::Checks,
};

/// What the checks that count say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing has reported.
    None,
    /// Something still runs, nothing has failed.
    Pending,
    /// Everything passed.
    Green,
    /// Something failed; the rest may still run.
    Red(Vec<Check>),
    /// Nothing failed, but something waits for a person or was interrupted.
    Blocked,
}

/// The checks that count by what a rule selects.
///
/// `required` means the required ones; where the base branch requires none, all count.
pub(crate) fn selected<'a>(checks: &'a [Check], selection: &Checks) -> Vec<&'a Check> {
    let any_required = checks.iter().any(|check| check.required);
    checks.iter().filter(|check| selection.include(check.name.as_str(), check.required || !any_required)).collect()
}

/// The verdict on `checks`.
pub(crate) fn verdict(checks: &[&Check]) -> Verdict {
    let red: Vec<Check> = checks.iter().filter(|check| is_red(check.state)).map(|check| (*check).clone()).collect();
    if !red.is_empty() {
        return Verdict::Red(red);
    }
    if checks.is_empty() {
        return Verdict::None;
    }
    if checks.iter().any(|check| matches!(check.state, CheckState::Expected | CheckState::Pending)) {
        return Verdict::Pending;
    }
    if checks.iter().all(|check| is_green(check.state)) { Verdict::Green } else { Verdict::Blocked }
}

/// Since when the head is green, and whether that has settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Green {
    /// The head.
    pub head: Sha,
    /// The checks that passed; a new one begins the wait anew.
    pub checks: BTreeSet<String>,
    /// Since when nothing started or changed.
    pub since: Timestamp,
}

impl Green {
    /// When it is believed. Where no check can take it back, the settings say how long one is waited for.
    pub(super) fn settles_at(&self, rules: &Rules) -> Timestamp {
        let unchecked = rules.without_checks.filter(|_| self.checks.is_empty());
        self.since + unchecked.unwrap_or_default().max(rules.pace.settle_green)
    }
}

/// Since when the head is red, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Red {
    /// The head.
    pub head: Sha,
    /// When the first failure was seen.
    pub since: Timestamp,
    /// The checks whose failures were asked for.
    pub asked: Vec<Check>,
    /// What is known of them; `None` until the logs were read.
    pub failures: Option<Vec<Failure>>,
}

impl Red {
    /// What is known of the failures that stand: read, and belonging to exactly the checks that are red now.
    pub(crate) fn read(&self, red: &[Check]) -> Option<&Vec<Failure>> {
        if self.asked == red { self.failures.as_ref() } else { None }
    }
}

/// The keys by which attempts are counted: what makes two failures the same.
pub(crate) fn fingerprints(failures: &[Failure]) -> Vec<String> {
    failures.iter().map(|failure| failure.fingerprint.0.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

// `cancelled` on a head means interrupted, `action-required` that a person must approve: neither is the code's fault.
const fn is_red(state: CheckState) -> bool {
    match state {
        CheckState::Expected | CheckState::Pending => false,
        CheckState::Finished(conclusion) => match conclusion {
            Conclusion::Failure | Conclusion::TimedOut | Conclusion::StartupFailure => true,
            Conclusion::Success
            | Conclusion::Neutral
            | Conclusion::Skipped
            | Conclusion::Cancelled
            | Conclusion::ActionRequired
            | Conclusion::Stale
            | Conclusion::Unknown => false,
        },
    }
}

// GitHub itself accepts these three for a required check.
const fn is_green(state: CheckState) -> bool {
    matches!(state, CheckState::Finished(Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckKind, CheckName};

    fn check(name: &str, required: bool, state: CheckState) -> Check {
        Check {
            name: name.parse::<CheckName>().unwrap(),
            kind: CheckKind::Run,
            app: Some("github-actions".to_owned()),
            required,
            state,
            job: None,
            url: None,
        }
    }

    fn verdict_of(checks: &[Check], selection: &Checks) -> Verdict {
        verdict(&selected(checks, selection))
    }

    const PASSED: CheckState = CheckState::Finished(Conclusion::Success);
    const FAILED: CheckState = CheckState::Finished(Conclusion::Failure);

    // G053
    #[test]
    fn an_optional_failure_does_not_make_the_required_set_red() {
        let checks = [check("build", true, PASSED), check("lint", false, FAILED)];

        assert_eq!(verdict_of(&checks, &Checks::Required), Verdict::Green);
        assert!(matches!(verdict_of(&checks, &Checks::All), Verdict::Red(_)));
    }

    // G054
    #[test]
    fn skipped_and_neutral_satisfy_a_requirement() {
        let checks = [
            check("a", true, CheckState::Finished(Conclusion::Skipped)),
            check("b", true, CheckState::Finished(Conclusion::Neutral)),
        ];

        assert_eq!(verdict_of(&checks, &Checks::Required), Verdict::Green);
    }

    // S13
    #[test]
    fn one_failed_and_one_cancelled_check_name_only_the_failed_one() {
        let checks = [check("a", true, FAILED), check("b", true, CheckState::Finished(Conclusion::Cancelled))];

        let Verdict::Red(red) = verdict_of(&checks, &Checks::Required) else { panic!("not red") };

        assert_eq!(red.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    // G011, and as far as the verdict goes G060, G062 and G063
    #[test]
    fn what_is_neither_passed_nor_failed_is_never_green() {
        for conclusion in [Conclusion::Cancelled, Conclusion::ActionRequired, Conclusion::Stale, Conclusion::Unknown] {
            let checks = [check("a", true, CheckState::Finished(conclusion)), check("b", true, PASSED)];

            assert_eq!(verdict_of(&checks, &Checks::Required), Verdict::Blocked, "{conclusion:?}");
        }
    }

    // G067, S20
    #[test]
    fn no_checks_at_all_are_neither_green_nor_pending() {
        assert_eq!(verdict_of(&[], &Checks::Required), Verdict::None);
    }

    // G061 as far: these are failures of the run, and the rule decides what is done about them
    #[test]
    fn out_of_time_and_unable_to_start_are_red() {
        for conclusion in [Conclusion::Failure, Conclusion::TimedOut, Conclusion::StartupFailure] {
            let checks = [check("a", true, CheckState::Finished(conclusion))];

            assert!(matches!(verdict_of(&checks, &Checks::Required), Verdict::Red(_)), "{conclusion:?}");
        }
    }

    #[test]
    fn where_nothing_is_required_everything_counts() {
        let checks = [check("build", false, PASSED), check("lint", false, FAILED)];

        assert!(matches!(verdict_of(&checks, &Checks::Required), Verdict::Red(_)));
    }

    // G051, S08
    #[test]
    fn a_running_check_keeps_the_verdict_open() {
        let checks = [check("a", true, PASSED), check("b", true, CheckState::Pending)];

        assert_eq!(verdict_of(&checks, &Checks::Required), Verdict::Pending);
    }
}
