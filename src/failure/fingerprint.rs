//! What makes two failures the same.
//!
//! The same failure on a newer head is a spent attempt, so everything that differs from run to run or when unrelated
//! lines move is taken out of the words before they are hashed; what is expected and found is not.

use std::{borrow::Cow, collections::BTreeSet, sync::LazyLock};

use regex::{Captures, Regex};
use sha2::{Digest as _, Sha256};

use crate::model::{Finding, Fingerprint};

use super::{log::Log, window, words};

/// How many lines stand for a failure of which no rule knows the form.
const LINES_MAX: usize = 20;

/// What differs from run to run, and what it becomes. Each row sees what the rows above have left.
const VARYING: [(&str, &str); 17] = [
    (r"\bfile://", ""),
    (r#"\b[a-z][a-z0-9+.-]*://[^\s"'<>)\]]+"#, "<url>"),
    (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z| ?[+-]\d\d:?\d\d)?)?", "<time>"),
    (r"\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    // Temporary directories have random parts; of other absolute paths only the name is the project's.
    (r#"(?:/private)?/(?:tmp|var/tmp|var/folders)/[^\s"'`,:;)\]]*"#, "<tmp>"),
    (r#"(?i)\b[a-z]:\\[^\s"'`,:;)\]]*\\temp\\[^\s"'`,:;)\]]*"#, "<tmp>"),
    (r"(^|[^A-Za-z0-9_.@+~\-])(?:[A-Za-z]:)?[/\\](?:[A-Za-z0-9_.@+~\-]+[/\\])+", "${1}/"),
    (r#"(^|[\s"'(`])\./"#, "${1}"),
    // Places: the same error, some lines further down.
    (r"(\.[A-Za-z][A-Za-z0-9_]*)(?::\d+){1,2}\b", "${1}:<line>"),
    (r"\(\d+,\d+\)|(?i:\bline) \d+(?:, column \d+)?", "<line>"),
    // Network and processes.
    (r"(?i)\b(?:localhost|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]+\]):\d+|\bport\b[ =:]*\d+", "<port>"),
    (r"(?i)\b(pid|tid|process|thread|run id)[ =:#]*\d+", "${1} <id>"),
    (r"(?i)\b0x[0-9a-f]+\b", "<hex>"),
    // Measurements.
    (r"\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b", "<duration>"),
    (r"\b\d+(?:\.\d+)?\s?(?:[kKMG]i?B|bytes)\b", "<size>"),
    (r"\b\d{5,}\b|\b\d+\.\d{4,}\b|\(\d{3,}\)", "<number>"),
];

/// The fingerprint of a failure with these names and distinct findings; lines of `log` stand in when nothing was found.
pub(super) fn of(names: [&str; 3], found: &[Finding], log: &Log) -> Fingerprint {
    let mut causes: BTreeSet<String> = found.iter().map(cause).collect();
    if causes.is_empty() {
        causes = telling_lines(log);
    }
    let mut hash = Sha256::new();
    for part in names.into_iter().chain(causes.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        // No part holds this byte, so no two lists of parts are written alike.
        hash.update([0]);
    }
    Fingerprint(hex::encode(&hash.finalize()[..8]))
}

fn cause(finding: &Finding) -> String {
    let file = finding.file.as_deref().unwrap_or_default();
    format!("{}\t{}", settled(file), settled(&finding.message))
}

/// The first alarms of a log, or its last lines.
fn telling_lines(log: &Log) -> BTreeSet<String> {
    let line = |index: usize| {
        let line = log.line(index);
        settled(&line[..line.floor_char_boundary(words::LINE_BYTES_MAX)])
    };
    let alarms: BTreeSet<String> =
        log.body.clone().filter(|index| window::is_alarm(log, *index)).take(LINES_MAX).map(line).collect();
    if !alarms.is_empty() {
        return alarms;
    }
    log.body.clone().rev().map(line).filter(|line| !line.is_empty()).take(LINES_MAX).collect()
}

/// `words` without what differs from run to run.
fn settled(words: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        VARYING.iter().map(|(form, by)| (Regex::new(form).expect("the pattern is constant"), *by)).collect()
    });
    static HEX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[0-9a-fA-F]{7,}\b").expect("the pattern is constant"));
    let words = PATTERNS.iter().fold(Cow::Borrowed(words), |words, (form, by)| match form.replace_all(&words, *by) {
        Cow::Borrowed(_) => words,
        Cow::Owned(changed) => Cow::Owned(changed),
    });
    // A hash has digits and letters; a word made of the first six letters has none, a count has only digits.
    let words = HEX.replace_all(&words, |found: &Captures<'_>| {
        let id = found[0].bytes().any(|b| b.is_ascii_digit()) && found[0].bytes().any(|b| b.is_ascii_alphabetic());
        if id { "<hex>".to_owned() } else { found[0].to_owned() }
    });
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::{Material, read};

    /// What differs between two runs of the same failure.
    #[derive(Debug, Clone, Copy)]
    struct Noise {
        second: u32,
        run: u64,
        millis: u32,
        port: u16,
        shift: u32,
        hash: u64,
    }

    const QUIET: Noise =
        Noise { second: 0, run: 7_000_000_000, millis: 12, port: 40_000, shift: 0, hash: 1 << 60 | 0xa };

    fn noise() -> impl Strategy<Value = Noise> {
        (0..60_u32, 1_000_000_000..99_999_999_999_u64, 1..90_000_u32, 1_024..u16::MAX, 0..900_u32, any::<u32>())
            .prop_map(|(second, run, millis, port, shift, hash)| {
                // The last digit is a letter, the first one is none: as in nearly every hash.
                Noise { second, run, millis, port, shift, hash: 1 << 60 | u64::from(hash) << 8 | 0xa }
            })
    }

    /// A log of a run in which the test `name` fails for `reason`.
    fn log(noise: Noise, name: &str, reason: &str) -> String {
        let Noise { second, run, millis, port, shift, hash } = noise;
        let place = 20 + shift;
        let lines = [
            "##[group]Run make check".to_owned(),
            "##[endgroup]".to_owned(),
            format!("listening on 127.0.0.1:{port}, pid {}", port / 2),
            format!("tests/test_{name}.py::test_{name} FAILED [ 50%]"),
            format!("E       ConnectionError: {reason} in {millis}ms at /tmp/pytest-{run}/x{hash:x}/out.txt"),
            format!("tests/test_{name}.py:{place}: ConnectionError"),
            format!("/home/runner/work/w{run}/w{run}/src/{name}.c:{place}:7: error: {reason} near line {place}"),
            format!("thread 'tests::{name}' ({run}) panicked at src/{name}.rs:{place}:9:"),
            format!(
                "{reason}: connect to localhost:{port} ({hash:x}) see https://ci.example.org/{run} after {millis}.25s"
            ),
            String::new(),
            format!("finished 2026-11-20 06:10:{second:02} run id {run}"),
            "##[error]Process completed with exit code 1.".to_owned(),
        ];
        lines.map(|line| format!("2026-11-20T06:10:{second:02}.1234567Z {line}\n")).concat()
    }

    fn material(log: String) -> Material {
        Material {
            check: "ci".parse().unwrap(),
            job: None,
            ended: None,
            job_name: None,
            step: Some("Run make check".into()),
            log: Some(log),
            annotations: vec![],
            reports: vec![],
            summary: None,
            url: None,
        }
    }

    fn of_log(log: String) -> Fingerprint {
        read(&material(log)).failure.fingerprint
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_same_failure_in_another_run_is_the_same(noise in noise()) {
            prop_assert_eq!(of_log(log(noise, "cart", "refused")), of_log(log(QUIET, "cart", "refused")));
        }

        #[test]
        fn another_test_or_reason_is_another_failure(noise in noise(), name in "[g-z]{3,8}", reason in "[g-z]{3,8}") {
            let original = of_log(log(QUIET, "cart", "refused"));
            prop_assert!(name == "cart" || of_log(log(noise, &name, "refused")) != original);
            prop_assert!(reason == "refused" || of_log(log(noise, "cart", &reason)) != original);
        }
    }

    #[test]
    fn what_was_expected_and_found_counts() {
        let failure = |found: u32| of_log(format!("check.sh:9: expected \"20\", found \"{found}\"\n"));

        assert_ne!(failure(25), failure(26));
        assert_eq!(failure(25), failure(25));
    }

    #[test]
    fn the_order_of_parallel_tests_does_not_count() {
        let [a, b] = ["a.c:1:1: error: one\n", "b.c:2:2: error: two\n"];

        assert_eq!(of_log(format!("{a}{b}")), of_log(format!("{b}{a}")));
    }

    #[test]
    fn without_findings_the_loud_lines_count_or_the_last() {
        assert_eq!(of_log("x\nerror no disk in 12 ms\ny\n".into()), of_log("z\nerror no disk in 14 ms\n".into()));
        assert_ne!(of_log("error no disk\n".into()), of_log("error no memory\n".into()));
        assert_ne!(of_log("all is lost\n".into()), of_log("nothing is lost\n".into()));
    }

    #[test]
    fn the_step_and_the_check_count() {
        let other_step = Material { step: Some("other".into()), ..material("x".into()) };
        let other_check = Material { check: "other".parse().unwrap(), ..material("x".into()) };

        let prints =
            [material("x".into()), other_step, other_check].map(|material| read(&material).failure.fingerprint);

        assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), 3);
        assert!(prints.iter().all(|print| print.0.len() == 16 && print.0.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    #[test]
    fn words_are_settled() {
        for (words, expected) in [
            ("at 2026-11-20T06:10:00.12Z, 06:10:00", "at <time>, <time>"),
            ("see https://x.org/1?a=b now", "see <url> now"),
            ("commit 3f2a9c1 of deadbeef, feedface", "commit <hex> of deadbeef, feedface"),
            ("0xDEADBEEF 123e4567-e89b-12d3-a456-426614174000", "<hex> <uuid>"),
            ("/home/ci/a/src/x.rs:3:5 and ./y.rs:4 and src/z.rs", "/x.rs:<line> and y.rs:<line> and src/z.rs"),
            ("C:\\a\\b\\x.cs(3,4)", "/x.cs<line>"),
            ("/var/folders/ab/x1/T/out took 3.5 s, 12 MB", "<tmp> took <duration>, <size>"),
            ("10.0.0.7:5432 and port 8080, pid=77", "<port> and <port>, pid <id>"),
            ("expected 3, found 4 of 123456", "expected 3, found 4 of <number>"),
        ] {
            assert_eq!(settled(words), expected);
        }
    }
}
