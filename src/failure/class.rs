//! Whose fault a failure is: words of GitHub, its runners and common tools, as data.
//!
//! The more certain evidence decides: how the check ended, what GitHub wrote beside it, which step failed, and only then
//! what stands in the log. Errors of the project win over everything else that a log says: a compile error is the code's
//! fault, whatever the network did meanwhile.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::{
    Conclusion,
    FailureClass::{self, Billing, Code, Infrastructure, Permission, Timeout, Unknown},
};

use super::{
    finding::Located,
    log::Log,
    material::{Annotation, AnnotationLevel, Material},
    rule,
};

/// What a line means that holds these words, most certain first.
const WORDS: [(FailureClass, &str); 33] = [
    // Annotations of jobs that GitHub does not start. docs.github.com/billing, "Troubleshooting … spending limit".
    (Billing, r"job was not started because (?:recent account payments have failed|your account is locked)"),
    (Billing, r"spending limit (?:needs to be increased|has been reached)"),
    // actions/upload-artifact: ArtifactService's words for an exceeded storage quota.
    (Billing, r"[Aa]rtifact storage quota has been hit"),
    // git-lfs: docs.github.com, "About storage and bandwidth usage".
    (Billing, r"repository (?:is over its data quota|exceeded its LFS budget)"),
    // What the REST API says to a token of lesser rights. docs.github.com, "Troubleshooting the REST API".
    (Permission, r"Resource not accessible by (?:integration|personal access token)"),
    (Permission, r"Resource protected by organization SAML enforcement"),
    (Permission, r"\bBad credentials\b"),
    // What git is told at a push.
    (Permission, r"remote: (?:Permission to \S+ denied|Write access to repository not granted)"),
    (Permission, r"refusing to allow an? .+ to create or update workflow"),
    (Permission, r"GH006: Protected branch update failed|GH013: Repository rule violations"),
    // The packages registry.
    (Permission, r"denied: (?:installation not allowed to|permission_denied)"),
    // @actions/core: a required input is empty, as secrets are in runs for forks.
    (Permission, r"Input required and not supplied: \S*(?i:token|key|secret|password)"),
    // @actions/core: the workflow lacks `id-token: write`; and what AWS says to an identity it does not trust.
    (Permission, r"Unable to get ACTIONS_ID_TOKEN_REQUEST_(?:URL|TOKEN)"),
    (Permission, r"Not authorized to perform:? sts:AssumeRoleWithWebIdentity"),
    // The runner's annotation when `timeout-minutes` has passed, for jobs and for steps.
    (Timeout, r"exceeded the maximum execution time of"),
    (Timeout, r"The action .+ has timed out after \d+ minutes"),
    // A workflow that names what does not exist: the runner says so while it sets up the job.
    (Code, r"Unable to resolve action|An action could not be found at the URI|Can't find 'action\.ya?ml'"),
    (Code, r"Invalid workflow file|manifest (?:for \S+ not found|unknown)"),
    // The runner service: a machine that is gone or was taken away.
    (Infrastructure, r"lost communication with the server|The runner has received a shutdown signal"),
    (Infrastructure, r"The (?:operation|run|job) was cancell?ed|higher priority waiting request"),
    (Infrastructure, r"Failed to (?:resolve action download info|download (?:action|archive))"),
    (Infrastructure, r"The (?:hosted|self-hosted) runner (?:encountered an error|.*failed to start)"),
    // Linux and Windows: the disk is full.
    (Infrastructure, r"No space left on device|There is not enough space on the disk|\bENOSPC\b"),
    // curl, glibc, node, Python, Go: no such host.
    (Infrastructure, r"Could not resolve host|Temporary failure (?:in name resolution|resolving)"),
    (Infrastructure, r"getaddrinfo (?:EAI_AGAIN|ENOTFOUND)|dial tcp: lookup \S+.*(?:no such host|server misbehaving)"),
    // Rate limits of GitHub and of container registries.
    (Infrastructure, r"API rate limit exceeded|exceeded a secondary rate limit|toomanyrequests:"),
    (Infrastructure, r"\b429:? Too Many Requests\b"),
    // Registries and servers that are broken: status lines, curl, npm, docker, git.
    (
        Infrastructure,
        r"\b50[0234]:? (?:Internal Server Error|Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out)",
    ),
    (
        Infrastructure,
        r"returned error: (?:429|5\d\d)\b|unexpected (?:HTTP )?status(?: code)?:? 5\d\d|HTTP 5\d\d curl 22",
    ),
    // Connections that break: node, Go, curl, git.
    (Infrastructure, r"\b(?:read|connect|write) (?:ECONNRESET|ETIMEDOUT)|Connection (?:reset by peer|timed out)"),
    (Infrastructure, r"TLS handshake timeout|net/http: request canceled|\bi/o timeout\b|\(28\) .*timed out"),
    (Infrastructure, r"The remote end hung up unexpectedly|unexpected disconnect while reading sideband packet"),
    // The container engine of the runner.
    (Infrastructure, r"Cannot connect to the Docker daemon|failed to register layer"),
];

/// What it means that a step of this name failed: those that the runner itself adds to every job.
///
/// `actions/runner`, `JobExtension`.
const STEPS: [(FailureClass, &str); 2] = [
    (Infrastructure, r"^(?:Set up job|Set up runner|Complete job|Initialize containers|Stop containers)$"),
    (Infrastructure, r"^Post (?:Run )?(?:actions/|[Cc]heckout|[Cc]ache|[Ss]et ?up)"),
];

/// A line of a tool that will try again, or only warns.
const PATIENT: &str = r"(?i)^\W*(?:warn(?:ing)?|notice|info|debug)\b|^##\[(?:warning|notice|debug)|\bretry(?:ing)?\b|tries remaining|will try again";

/// The class of a failure as far as this run alone can tell; whether it is flaky, only its history knows.
pub(super) fn of(material: &Material, step: Option<&str>, log: &Log, found: &[Located]) -> FailureClass {
    if material.ended == Some(Conclusion::TimedOut) {
        return Timeout;
    }
    of_annotations(&material.annotations)
        .or_else(|| material.ended.and_then(of_conclusion))
        .or_else(|| of_step(step, log))
        .unwrap_or_else(|| of_log(log, found))
}

/// What GitHub or the runner wrote beside the job as a whole. What is written beside a file is the project's.
fn of_annotations(annotations: &[Annotation]) -> Option<FailureClass> {
    let failures = || annotations.iter().filter(|annotation| annotation.level == AnnotationLevel::Failure);
    let of_job = |annotation: &&Annotation| matches!(annotation.path.as_str(), "" | ".github");
    let told = failures().filter(of_job).find_map(|annotation| of_words(&annotation.message));
    told.or_else(|| failures().any(|annotation| !of_job(&annotation)).then_some(Code))
}

/// Conclusions that tell why. `cancelled` on a head means interrupted, `stale` that nobody reported for 14 days.
const fn of_conclusion(conclusion: Conclusion) -> Option<FailureClass> {
    match conclusion {
        Conclusion::TimedOut => Some(Timeout),
        Conclusion::StartupFailure | Conclusion::Cancelled | Conclusion::Stale => Some(Infrastructure),
        // Only a person can let the run begin.
        Conclusion::ActionRequired => Some(Permission),
        Conclusion::Failure | Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped | Conclusion::Unknown => {
            None
        }
    }
}

fn of_step(step: Option<&str>, log: &Log) -> Option<FailureClass> {
    static FORMS: LazyLock<Vec<(FailureClass, Regex)>> = LazyLock::new(|| compiled(&STEPS));
    let step = step?;
    let class = FORMS.iter().find(|(_, form)| form.is_match(step)).map(|(class, _)| *class)?;
    // Setting up fails also where the workflow names an action that does not exist, or the account may not start it.
    Some(loud_words(log).unwrap_or(class))
}

fn of_log(log: &Log, found: &[Located]) -> FailureClass {
    // An error with a place or of a test is the project's, unless it only repeats what the runner or the network says.
    let own = found.iter().filter(|located| located.test.is_some() || located.finding.file.is_some());
    let mut told = own.map(|located| of_words(&located.finding.message));
    if let Some(first) = told.next() {
        let rest: Vec<_> = told.collect();
        return first.filter(|class| rest.iter().all(|other| other == &Some(*class))).unwrap_or(Code);
    }
    loud_words(log).unwrap_or(Unknown)
}

/// The most certain of what the lines of the failed step say.
fn loud_words(log: &Log) -> Option<FailureClass> {
    static PATIENT_FORM: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATIENT).expect("the pattern is constant"));
    let lines = log.body.clone().map(|index| log.line(index)).filter(|line| !PATIENT_FORM.is_match(line));
    let rank = |line: &str| rank_of(rule::command(line).1);
    lines.filter_map(rank).min().map(|rank| WORDS[rank].0)
}

fn of_words(words: &str) -> Option<FailureClass> {
    rank_of(words).map(|rank| WORDS[rank].0)
}

/// The first row that fits.
fn rank_of(words: &str) -> Option<usize> {
    static SET: LazyLock<regex::RegexSet> =
        LazyLock::new(|| regex::RegexSet::new(WORDS.iter().map(|(_, form)| form)).expect("the patterns are constant"));
    let words = &words[..words.floor_char_boundary(rule::LINE_BYTES_MAX)];
    SET.matches(words).iter().next()
}

fn compiled(rows: &[(FailureClass, &str)]) -> Vec<(FailureClass, Regex)> {
    let compiled = |(class, form): &(FailureClass, &str)| (*class, Regex::new(form).expect("the pattern is constant"));
    rows.iter().map(compiled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::read;

    /// A job as GitHub Actions writes it: one step that passed, and one that failed with `lines`.
    fn job(step: &str, lines: &[&str]) -> String {
        let all = [
            "Current runner version: '2.328.0'",
            "##[group]Runner Image",
            "Image: ubuntu-24.04",
            "##[endgroup]",
            "##[group]Run actions/checkout@v4",
            "with:",
            "  fetch-depth: 1",
            "##[endgroup]",
            "HEAD is now at 3f2a9c1 Greet people by name",
        ];
        let header = format!("##[group]Run {step}");
        let body = [header.as_str(), "shell: /usr/bin/bash -e {0}", "##[endgroup]"];
        let lines = all.into_iter().chain(body).chain(lines.iter().copied());
        let stamped = lines.map(|line| format!("2026-11-20T06:53:55.1234567Z {line}\r\n"));
        format!("\u{FEFF}{}", stamped.collect::<String>())
    }

    fn material() -> Material {
        Material {
            check: "test".parse().unwrap(),
            job: None,
            ended: Some(Conclusion::Failure),
            job_name: None,
            step: None,
            log: None,
            annotations: vec![],
            reports: vec![],
            summary: None,
            url: None,
        }
    }

    fn class(material: &Material) -> FailureClass {
        read(material).failure.class
    }

    fn of_lines(step: &str, lines: &[&str]) -> FailureClass {
        class(&Material { step: Some(format!("Run {step}")), log: Some(job(step, lines)), ..material() })
    }

    fn annotated(path: &str, message: &str) -> Annotation {
        Annotation {
            path: path.to_owned(),
            line: Some(1),
            message: message.to_owned(),
            level: AnnotationLevel::Failure,
        }
    }

    const EXIT: &str = "##[error]Process completed with exit code 1.";

    #[test]
    fn compile_errors_and_failed_tests_are_the_codes() {
        let compiler = ["\u{1b}[1m\u{1b}[31merror[E0308]\u{1b}[0m: mismatched types", "  --> src/cart.rs:7:5", EXIT];
        let pytest = ["FAILED tests/test_cart.py::test_total - assert 25 == 20", EXIT];
        let go = ["--- FAIL: TestTotal (0.00s)", "    cart_test.go:21: got 25, want 20", "FAIL", EXIT];
        for (step, lines) in [("cargo build", &compiler[..]), ("pytest", &pytest[..]), ("go test ./...", &go[..])] {
            assert_eq!(of_lines(step, lines), Code, "{step}");
        }
    }

    #[test]
    fn a_compile_error_is_the_codes_whatever_the_network_did_meanwhile() {
        let lines = [
            "warning: spurious network error (3 tries remaining): [6] Could not resolve host: index.crates.io",
            "curl: (6) Could not resolve host: telemetry.example.org",
            "error[E0425]: cannot find value `price` in this scope",
            "  --> src/cart.rs:7:5",
            EXIT,
        ];

        assert_eq!(of_lines("cargo build", &lines), Code);
    }

    // G061
    #[test]
    fn what_the_runner_or_the_network_is_to_blame_for_is_infrastructure() {
        for (step, line) in [
            ("curl -sSfO https://example.org/a", "curl: (6) Could not resolve host: example.org"),
            ("make", "make: write error: No space left on device"),
            (
                "npm ci",
                "npm error network request to https://registry.npmjs.org/left-pad failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org",
            ),
            ("npm ci", "npm error 503 Service Unavailable - GET https://registry.npmjs.org/left-pad"),
            (
                "docker build .",
                "ERROR: failed to solve: alpine:3: toomanyrequests: You have reached your pull rate limit.",
            ),
            ("docker pull x", "Error response from daemon: received unexpected HTTP status: 502 Bad Gateway"),
            ("gh api x", "gh: API rate limit exceeded for installation ID 12. (HTTP 403)"),
            ("git fetch", "fatal: unable to access 'https://github.com/o/h/': The requested URL returned error: 503"),
            (
                "go mod download",
                "go: example.org/x@v1: Get \"https://proxy.golang.org/x\": dial tcp: lookup proxy.golang.org: no such host",
            ),
            (
                "apt-get update",
                "E: Failed to fetch http://azure.archive.ubuntu.com/x  Temporary failure resolving 'azure.archive.ubuntu.com'",
            ),
            (
                "make",
                "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped.",
            ),
            ("make", "##[error]The operation was canceled."),
        ] {
            assert_eq!(of_lines(step, &[line, EXIT]), Infrastructure, "{line}");
        }
    }

    #[test]
    fn a_missing_right_is_a_matter_of_permission() {
        for line in [
            "##[error]Resource not accessible by integration",
            "remote: Permission to octo-org/hello.git denied to github-actions[bot].",
            "! [remote rejected] main -> main (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)",
            "denied: installation not allowed to Create organization package",
            "##[error]Input required and not supplied: token",
            "Error: Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ] {
            assert_eq!(of_lines("./release.sh", &[line, EXIT]), Permission, "{line}");
        }
    }

    #[test]
    fn a_missing_executable_bit_is_not() {
        assert_eq!(of_lines("./check.sh", &["/bin/bash: line 1: ./check.sh: Permission denied", EXIT]), Code);
    }

    #[test]
    fn what_the_account_does_not_pay_for_is_billing() {
        let words = "The job was not started because recent account payments have failed or your spending limit needs to be increased. Please check the 'Billing & plans' section in your settings";
        assert_eq!(class(&Material { annotations: vec![annotated(".github", words)], ..material() }), Billing);
        let quota = "##[error]Failed to CreateArtifact: Artifact storage quota has been hit. Unable to upload any new artifacts.";
        assert_eq!(of_lines("actions/upload-artifact@v4", &[quota]), Billing);
    }

    // G061
    #[test]
    fn a_job_that_takes_too_long_is_out_of_time() {
        let words = "The job running on runner GitHub Actions 2 has exceeded the maximum execution time of 5 minutes.";
        let cancelled = Material { ended: Some(Conclusion::Cancelled), ..material() };

        assert_eq!(class(&Material { ended: Some(Conclusion::TimedOut), ..material() }), Timeout);
        // A job that is stopped for its time is shown as cancelled.
        assert_eq!(class(&Material { annotations: vec![annotated(".github", words)], ..cancelled }), Timeout);
        assert_eq!(of_lines("make", &["##[error]The action 'Run make' has timed out after 10 minutes."]), Timeout);
    }

    // G060, G061, G062, G063
    #[test]
    fn an_end_without_a_failure_of_its_own_tells_enough() {
        for (ended, expected) in [
            (Conclusion::Cancelled, Infrastructure),
            (Conclusion::StartupFailure, Infrastructure),
            (Conclusion::Stale, Infrastructure),
            (Conclusion::ActionRequired, Permission),
            (Conclusion::Failure, Unknown),
        ] {
            assert_eq!(class(&Material { ended: Some(ended), ..material() }), expected, "{ended:?}");
        }
    }

    // G061
    #[test]
    fn a_runner_that_was_lost_says_so_beside_the_job() {
        let words = "The self-hosted runner: mac-7 lost communication with the server. Verify the machine is running and has a healthy network connection.";

        assert_eq!(class(&Material { annotations: vec![annotated(".github", words)], ..material() }), Infrastructure);
    }

    // G073
    #[test]
    fn what_is_written_beside_a_file_is_the_codes() {
        let annotations = vec![annotated("src/cart.rs", "Could not resolve host: this is a lint")];

        assert_eq!(class(&Material { annotations, ..material() }), Code);
    }

    #[test]
    fn the_runners_own_steps_are_infrastructure_unless_the_workflow_is_wrong() {
        let setting_up = |line: &str| {
            let log = format!(
                "2026-11-20T06:53:55.1234567Z Current runner version: '2.328.0'\n2026-11-20T06:53:55.1234567Z ##[error]{line}\n"
            );
            class(&Material { step: Some("Set up job".to_owned()), log: Some(log), ..material() })
        };

        assert_eq!(
            setting_up("Response status code does not indicate success: 504 (Gateway Time-out)."),
            Infrastructure
        );
        assert_eq!(setting_up("Unable to resolve action `octo/setup@v9`, unable to find version `v9`"), Code);
        let post = Material { step: Some("Post Run actions/cache@v4".to_owned()), ..material() };
        assert_eq!(class(&post), Infrastructure);
    }

    #[test]
    fn what_nobody_knows_stays_unknown() {
        assert_eq!(of_lines("./deploy.sh", &["all is lost", EXIT]), Unknown);
        assert_eq!(
            of_lines("./deploy.sh", &["WARNING: Retrying after connection broken: Connection reset by peer", EXIT]),
            Unknown
        );
    }
}
