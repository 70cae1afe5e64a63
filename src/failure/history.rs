//! What is known to be flaky: a failure of which one run alone cannot tell.

use crate::model::{Failure, FailureClass, Flip};

/// Whether `failure` looks like one that passed on the same commit before: the same failure of the same check, or only
/// tests that have flipped there.
#[must_use]
pub fn is_known(failure: &Failure, flips: &[Flip]) -> bool {
    let of_check = || flips.iter().filter(|flip| flip.check == failure.check);
    let same = of_check().any(|flip| flip.fingerprint == failure.fingerprint);
    let flipped = |test| of_check().any(|flip| flip.tests.contains(test));
    same || (!failure.tests.is_empty() && failure.tests.iter().all(flipped))
}

/// The class of a failure that has happened without the change too. What the runner or the account is to blame for stays.
#[must_use]
pub const fn with_history(class: FailureClass) -> FailureClass {
    match class {
        FailureClass::Code | FailureClass::Unknown | FailureClass::Timeout | FailureClass::Flaky => FailureClass::Flaky,
        FailureClass::Infrastructure | FailureClass::Billing | FailureClass::Permission => class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fingerprint;

    fn failure(check: &str, fingerprint: &str, tests: &[&str]) -> Failure {
        Failure {
            check: check.parse().unwrap(),
            job: None,
            step: None,
            class: FailureClass::Code,
            fingerprint: Fingerprint(fingerprint.to_owned()),
            log: None,
            findings: Vec::new(),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            url: None,
        }
    }

    fn flip(check: &str, fingerprint: &str, tests: &[&str]) -> Flip {
        let Failure { check, fingerprint, tests, .. } = failure(check, fingerprint, tests);
        Flip { check, fingerprint, tests }
    }

    // G064
    #[test]
    fn the_same_failure_or_only_tests_that_have_flipped_are_known() {
        let flips = [flip("ci", "f1", &["a", "b"]), flip("ci", "f2", &["c"]), flip("other", "f3", &["d"])];
        for (failed, known) in [
            (failure("ci", "f1", &[]), true),
            (failure("ci", "f9", &["b", "c"]), true),
            (failure("ci", "f9", &["b", "new"]), false),
            (failure("ci", "f9", &[]), false),
            (failure("ci", "f3", &["d"]), false),
        ] {
            assert_eq!(is_known(&failed, &flips), known, "{failed:?}");
        }
    }

    #[test]
    fn who_pays_or_allows_it_is_not_a_matter_of_luck() {
        assert_eq!(with_history(FailureClass::Code), FailureClass::Flaky);
        assert_eq!(with_history(FailureClass::Billing), FailureClass::Billing);
        assert_eq!(with_history(FailureClass::Infrastructure), FailureClass::Infrastructure);
    }
}
