//! From the material to the failure: the one place that puts the parts together.

use crate::model::{Failure, FailureClass, Finding, Outside, TextHash, Tier};

use super::{
    class, finding, fingerprint,
    log::Log,
    material::{Annotation, AnnotationLevel, Material, Read},
    report::{self, Reported},
    rule, window,
    words::one_line,
};

/// How many findings a failure has at most.
pub const FINDINGS_MAX: usize = 50;

/// Reads what went wrong.
///
/// Without a log it uses the summary and the annotations; without those only the names are left. Takes time linear in
/// the length of the log.
#[must_use]
pub fn read(material: &Material) -> Read {
    let step = material.step.as_deref().map(one_line).filter(|step| !step.is_empty());
    let log = log_of(material, step.as_deref());
    let mut found = annotated(&material.annotations);
    let in_log = finding::search(&log);
    found.extend(in_log.iter().map(|located| located.finding.clone()));
    let names = [material.check.as_str(), material.job_name.as_deref().unwrap_or(""), step.as_deref().unwrap_or("")];
    // Reports only add to what the check itself says: whether they can be fetched must not change the fingerprint.
    let fingerprint = fingerprint::of(names, &finding::distinct(&found), &log);
    let reported: Vec<Reported> = material.reports.iter().flat_map(|text| report::read(text)).collect();
    found.extend(reported.iter().map(|it| it.finding.clone()));
    let findings = finding::distinct(&found);
    let class = class::of(material, step.as_deref(), &log, &in_log);
    let reveals = class == FailureClass::Unknown && !reported.is_empty();
    let class = if reveals { FailureClass::Code } else { class };
    let tests = in_log.iter().filter_map(|located| located.test.clone());
    let tests = tests.chain(reported.into_iter().filter_map(|it| it.test)).take(FINDINGS_MAX).collect();
    let window = window::around_first_error(&log, &in_log);
    let failure = Failure {
        check: material.check.clone(),
        job: material.job,
        step,
        class,
        fingerprint,
        log: window.as_deref().map(outside),
        findings: findings.into_iter().take(FINDINGS_MAX).collect(),
        tests,
        url: material.url.as_deref().filter(|url| is_web_address(url)).map(str::to_owned),
    };
    Read { failure, log_window: window }
}

fn log_of(material: &Material, step: Option<&str>) -> Log {
    let written = |text: &&String| !text.trim().is_empty();
    match (material.log.as_ref().filter(written), material.summary.as_ref().filter(written)) {
        (Some(log), _) => Log::of_job(log, step),
        (None, Some(summary)) => Log::of_summary(summary),
        (None, None) => Log::default(),
    }
}

fn annotated(annotations: &[Annotation]) -> Vec<Finding> {
    let failures = annotations.iter().filter(|annotation| annotation.level == AnnotationLevel::Failure);
    let finding = |annotation: &Annotation| Finding {
        file: Some(one_line(&annotation.path)).filter(|path| !matches!(path.as_str(), "" | ".github")),
        line: annotation.line,
        message: one_line(&annotation.message),
    };
    failures.map(finding).filter(|finding| !rule::is_exit_code(&finding.message)).take(finding::EXAMINED_MAX).collect()
}

fn outside(window: &str) -> Outside {
    let bytes = u32::try_from(window.len()).unwrap_or(u32::MAX);
    Outside { hash: TextHash::of(window), bytes, tier: Tier::Machine }
}

fn is_web_address(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Conclusion;

    fn material(log: &str) -> Material {
        Material {
            check: "test".parse().unwrap(),
            job: None,
            ended: Some(Conclusion::Failure),
            job_name: None,
            step: None,
            log: Some(log.to_owned()),
            annotations: vec![],
            reports: vec![],
            summary: None,
            url: None,
        }
    }

    /// The findings of a log, one a line: `FILE:LINE: message`, with `-` for what is not known.
    fn findings(log: &str) -> Vec<String> {
        let written = |finding: &Finding| {
            let line = finding.line.map_or_else(|| "-".to_owned(), |line| line.to_string());
            format!("{}:{line}: {}", finding.file.as_deref().unwrap_or("-"), finding.message)
        };
        read(&material(log)).failure.findings.iter().map(written).collect()
    }

    macro_rules! sample {
        ($name:literal) => {
            include_str!(concat!("samples/", $name, ".log"))
        };
    }

    const CARGO: [&str; 2] = [
        "src/lib.rs:21: tests::a_discount_is_taken_once: assertion `left == right` failed: discount of a cart; left: 25; right: 20",
        "src/lib.rs:7: tests::a_price_is_a_number: called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }",
    ];

    #[test]
    fn rust_is_read() {
        assert_eq!(findings(sample!("cargo-test")), CARGO);
        assert_eq!(findings(sample!("nextest")), CARGO);
        assert_eq!(
            findings(sample!("rustc")),
            [
                "src/lib.rs:31: error[E0308]: mismatched types",
                "src/lib.rs:33: error[E0425]: cannot find function `nowhere` in this scope",
            ]
        );
    }

    #[test]
    fn python_is_read() {
        assert_eq!(
            findings(sample!("pytest")),
            [
                "tests/test_cart.py:11: AssertionError: assert 25 == 20",
                "cart.py:6: ValueError: invalid literal for int() with base 10: 'x'",
                "tests/test_cart.py:-: test_discount - assert 25 == 20",
                "tests/test_cart.py:-: test_parse - ValueError: invalid literal for int() with base 10: 'x'",
            ]
        );
        assert_eq!(
            findings(sample!("python")),
            ["cart.py:6: ValueError: invalid literal for int() with base 10: 'boom'"]
        );
    }

    #[test]
    fn javascript_is_read() {
        assert_eq!(
            findings(sample!("jest")),
            [
                "cart.test.js:9: cart › takes the discount once; Expected: 20; Received: 25",
                "cart.js:2: cart › throws; TypeError: Cannot read properties of undefined (reading 'reduce')",
            ]
        );
        assert_eq!(findings(sample!("node-test")), ["node-test.test.mjs:3: adds; expected: 3; actual: 2"]);
        assert_eq!(
            findings(sample!("eslint")),
            [
                "lint.js:2: 'b' is not defined no-undef",
                "lint.js:2: Expected '===' and instead saw '==' eqeqeq",
                "lint.js:2: 'c' is not defined no-undef",
            ]
        );
    }

    #[test]
    fn typescript_is_read_in_both_of_its_forms() {
        let expected = [
            "cart.ts:2: TS2322: Type 'number' is not assignable to type 'string'.",
            "cart.ts:4: TS2322: Type 'string' is not assignable to type 'number'.",
            "cart.ts:5: TS2304: Cannot find name 'missing'.",
        ];
        assert_eq!(findings(sample!("tsc")), expected);
        assert_eq!(findings(sample!("tsc-pretty")), expected);
    }

    #[test]
    fn c_go_and_shell_are_read() {
        assert_eq!(
            findings(sample!("gcc")),
            ["main.c:2: expected ‘;’ before ‘}’ token", "main.c:5: ‘missing’ undeclared (first use in this function)"]
        );
        assert_eq!(
            findings(sample!("go")),
            [
                "cart_test.go:21: Total([10 20], 5) = 25, want 20",
                "-:-: TestDiscount/once",
                "-:-: TestParse",
                "cart.go:17: panic: strconv.Atoi: parsing \"x\": invalid syntax [recovered, repanicked]",
                "-:-: example.org/shop",
            ]
        );
        assert_eq!(
            findings(sample!("shell")),
            ["./check.sh:5: expected \"Shop\", found \"shop\"", "./check.sh:6: undefined_command: command not found"]
        );
    }

    #[test]
    fn other_tools_are_read() {
        for (log, expected) in [
            (
                "1) Cart total\n   AssertionError: expected 25 to equal 20\n    at Context.<anonymous> (test/c.js:5:10)",
                "test/c.js:5: Cart total; AssertionError: expected 25 to equal 20",
            ),
            (
                " FAIL  src/c.test.ts > cart > total\nAssertionError: expected 25 to be 20\n ❯ src/c.test.ts:5:17",
                "src/c.test.ts:5: src/c.test.ts > cart > total; AssertionError: expected 25 to be 20",
            ),
            (
                "CartTest > total() FAILED\n    java.lang.AssertionError: expected: <20>\n        at CartTest.total(CartTest.java:15)",
                "CartTest.java:15: CartTest > total(); java.lang.AssertionError: expected: <20>",
            ),
            (
                "  1) Cart takes it\n     Failure/Error: x\n       expected: 20\n     # ./spec/c_spec.rb:5:in 'block'",
                "./spec/c_spec.rb:5: Cart takes it; expected: 20",
            ),
            ("##[error]src/a.ts(3,5): error TS2322: no", "src/a.ts:3: TS2322: no"),
            ("##[error]No space left on device", "-:-: No space left on device"),
            ("CMake Error at CMakeLists.txt:3 (find_package):\n  Not found\n\n", "CMakeLists.txt:3: Not found"),
            (
                "FAIL: test_x (t.T.test_x)\nTraceback (most recent call last):\n  File \"/w/t.py\", line 5, in test_x\nAssertionError: 1 != 2",
                "/w/t.py:5: test_x (t.T.test_x): AssertionError: 1 != 2",
            ),
        ] {
            let expected = expected
                .replace("CartTest > total() FAILED", "CartTest > total(); java.lang.AssertionError: expected: <20>");
            assert_eq!(findings(log), [expected]);
        }
    }

    #[test]
    fn what_is_no_error_is_no_finding() {
        let log = "src/a.rs:1:2: warning: unused\nwarning: unused\n --> src/a.rs:1:2\n1) install\n2) run\n\
            === RUN A\n    a_test.go:3: just saying\n--- PASS: A\n##[warning]a.c:1:1: error: x\na.py:3: DeprecationWarning: x\n";

        assert_eq!(findings(log), [""; 0]);
    }

    // G073.
    #[test]
    fn without_a_log_annotations_and_summary_are_used() {
        let annotation = |path: &str, level, message: &str| Annotation {
            path: path.to_owned(),
            line: Some(3),
            message: message.to_owned(),
            level,
        };
        let material = Material {
            log: None,
            step: Some("\u{1B}[1mscan\u{200B}".into()),
            annotations: vec![
                annotation("src/a.rs", AnnotationLevel::Failure, "no\n tests"),
                annotation("src/a.rs", AnnotationLevel::Failure, "no tests"),
                annotation("src/b.rs", AnnotationLevel::Warning, "old"),
                annotation(".github", AnnotationLevel::Failure, "Process completed with exit code 1."),
            ],
            summary: Some("## Scan\n<!-- obey -->\n1 secret: ghp_abcdefgh\n".into()),
            url: Some("https://example.org/scan".into()),
            ..material("")
        };
        let window = "## Scan\n\n1 secret: [redacted]\n";

        let read = read(&material);

        let failure = Failure {
            check: "test".parse().unwrap(),
            job: None,
            step: Some("scan".into()),
            class: FailureClass::Code,
            fingerprint: read.failure.fingerprint.clone(),
            log: Some(Outside { hash: TextHash::of(window), bytes: 30, tier: Tier::Machine }),
            findings: vec![Finding { file: Some("src/a.rs".into()), line: Some(3), message: "no tests".into() }],
            tests: [].into(),
            url: Some("https://example.org/scan".into()),
        };
        assert_eq!(read, Read { failure, log_window: Some(window.into()) });
    }

    #[test]
    fn reports_add_what_the_log_does_not_say_and_leave_the_fingerprint_alone() {
        let xml = "<testsuite><testcase name=\"total\" file=\"cart.py\" line=\"4\"><failure message=\"25 is not 20\"/></testcase></testsuite>";
        let bare =
            material("##[group]Run ./test\n##[endgroup]\n1 failed\n##[error]Process completed with exit code 1.\n");
        let with_report = Material { reports: vec![xml.to_owned()], ..bare.clone() };

        let (bare, reported) = (read(&bare).failure, read(&with_report).failure);

        let finding = Finding { file: Some("cart.py".into()), line: Some(4), message: "total: 25 is not 20".into() };
        let expected = Failure {
            class: FailureClass::Code,
            findings: vec![finding],
            tests: ["total".to_owned()].into(),
            ..bare.clone()
        };
        assert_eq!((bare.class, reported), (FailureClass::Unknown, expected));
    }

    // S03.
    #[test]
    fn without_anything_the_names_are_left() {
        let material = Material { log: None, url: Some("javascript:alert(1)".into()), ..material("") };

        let read = read(&material);

        assert_eq!((read.log_window, read.failure.log, read.failure.url), (None, None, None));
        assert_eq!(read.failure.findings, []);
    }

    #[test]
    fn findings_are_bounded() {
        let log: String = (0..2_000).map(|n| format!("a.c:{}:1: error: number {n}\n", n + 1)).collect();

        assert_eq!(read(&material(&log)).failure.findings.len(), FINDINGS_MAX);
    }

    // G072, G106: whatever a log holds, what comes out steers nothing and holds no secret.
    #[test]
    fn a_secret_cut_by_the_window_is_gone() {
        let key = "MIIEpAIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyz+/ABCDEFGHIJ\n".repeat(300);
        let log = format!("-----BEGIN RSA PRIVATE KEY-----\n{key}-----END RSA PRIVATE KEY-----\na.c:1:1: error: x\n");

        let window = read(&material(&log)).log_window.unwrap();

        assert_eq!(window, "[redacted]\na.c:1:1: error: x\n");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

        #[test]
        fn any_log_is_read(pieces in proptest::collection::vec(piece(), 0..40)) {
            let log = pieces.concat();
            let Read { failure, log_window } = read(&material(&log));
            let window = log_window.unwrap_or_default();
            proptest::prop_assert_eq!(&crate::text::sanitise(&window).text, &window);
            proptest::prop_assert!(window.lines().count() <= 200 && window.len() <= 24 << 10);
            for finding in failure.findings {
                let words = format!("{}{}", finding.file.unwrap_or_default(), finding.message);
                proptest::prop_assert!(!words.contains(char::is_control), "{:?}", words);
                proptest::prop_assert!(words.len() < 1_200);
            }
        }
    }

    fn piece() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        prop_oneof![
            any::<String>(),
            "[ -~]{0,40}\n",
            prop::sample::select(
                &[
                    "\n",
                    "##[group]Run x\n",
                    "##[endgroup]\n",
                    "##[error]",
                    "2026-11-20T06:10:00Z ",
                    "\u{FEFF}",
                    "\u{1B}[A",
                    "\r",
                    "a.c:1:2: error: x\n",
                    "error: x\n",
                    " --> a.rs:1:2\n",
                    "thread 'a' panicked at a.rs:1:2:\n",
                    "● a\n",
                    "  File \"a.py\", line 99999999999\n",
                    "ValueError: x\n",
                    "=== RUN A\n",
                    "--- PASS: A\n",
                    "FAILED a.py::b\n",
                    "/w/a.js\n",
                    "  1:2  error  x\n",
                    "Post job cleanup.\n",
                    "not ok 1 - x\n",
                    "  expected: 1\n",
                ][..]
            )
            .prop_map(str::to_owned),
        ]
    }
}
