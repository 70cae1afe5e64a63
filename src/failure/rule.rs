//! How compilers, test runners, linters and shells write down what went wrong and where: a table, first match wins.
//!
//! A new tool is a new row here and a sample in `samples/`.

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

/// The longest part of a line that rules look at, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 2_000;

/// What a line means for the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// File, line and message of an error.
    Whole,
    /// The place of an error, whose message stands in the lines below. A group `test` names the test.
    PlaceThenMessage,
    /// The message of an error, whose place stands below.
    Title,
    /// The name of a failed test, whose details and place stand below.
    Test,
    /// A numbered line that may name a failed test.
    Item,
    /// What is wrong with the test above, or an error whose place stands above or below.
    Detail,
    /// What the test above expected or found.
    Value,
    /// The place of the error above.
    Place,
    /// The place of the error above, with its kind as message.
    PlaceAndKind,
    /// One step of a traceback; the last one before the message is the place.
    Frame,
    /// The name of a failed test or file, and no more.
    Name,
    /// The file that the rows below are about.
    Context,
    /// Line and message of an error in the file above.
    InContext,
    /// Something that is no error, and ends what came before.
    Quiet,
    /// A test begins.
    Begin,
    /// A test passed: what it printed is no error.
    Passed,
}

/// A file name with an extension, as tools print it.
macro_rules! file {
    () => {
        r"(?P<file>(?:[A-Za-z]:)?(?:[A-Za-z0-9_./\\@+~\-]*\.[A-Za-z][A-Za-z0-9_]*|[A-Za-z0-9_./\-]*(?:Makefile|Dockerfile)))"
    };
}

const RULES: [(Shape, &str); 37] = [
    // go
    (Shape::Begin, r"^=== RUN "),
    (Shape::Passed, r"^\s*--- (?:PASS|SKIP): "),
    (Shape::Name, r"^\s*--- FAIL: (?P<message>\S+)"),
    (Shape::Title, r"^(?P<message>panic: .+)$"),
    (Shape::Place, concat!(r"^\s+", file!(), r":(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")),
    // Rust: compiler, test harness, nextest, rustfmt
    (Shape::Title, r"^(?P<message>error(?:\[[A-Z]\d+\])?: .+)$"),
    (Shape::Quiet, r"^\s*(?:warning|note|help|info)(?:\[.+\])?: "),
    (Shape::Place, concat!(r"^\s*(?:-->|❯) (?:[^:]* )?", file!(), r":(?P<line>\d+):\d+")),
    (
        Shape::PlaceThenMessage,
        r"^\s*thread '(?P<test>[^']+)'(?: \(\d+\))? panicked at (?P<file>(?:[A-Za-z]:)?[^:\s]+):(?P<line>\d+):\d+:?$",
    ),
    (Shape::Whole, r"panicked at '(?P<message>.*)', (?P<file>(?:[A-Za-z]:)?[^:\s]+):(?P<line>\d+):\d+$"),
    (Shape::Name, r"^\s*test (?P<message>\S+)(?: - should panic)? \.\.\. FAILED$"),
    (Shape::Name, r"^\s+(?:(?:TRY \d+ )?FAIL|TIMEOUT|SIG[A-Z]+|ABORT) \[.*\] .*?(?P<message>\S+)$"),
    (Shape::Whole, r"^(?P<message>Diff in) (?P<file>(?:[A-Za-z]:)?[^:\s]+)(?: at line |:)(?P<line>\d+):$"),
    // Python: traceback, pytest, unittest
    (Shape::Frame, r#"^(?:E\s+)?\s*File "(?P<file>[^"]+)", line (?P<line>\d+)"#),
    (Shape::Detail, r"^E\s{2,}(?P<message>\S.*)$"),
    (Shape::PlaceAndKind, r"^(?P<file>[^\s:]+\.py):(?P<line>\d+): (?P<message>[A-Za-z_.]+)$"),
    (Shape::Name, r"^(?:FAILED|ERROR) (?P<file>[^\s:]+)::(?P<message>.+)$"),
    (Shape::Name, r"^(?P<file>[^\s:]+)::(?P<message>\S+) (?:FAILED|ERROR)\b"),
    (Shape::Test, r"^(?:FAIL|ERROR): (?P<message>\S+ \(.+\))$"),
    // JavaScript: jest, vitest, mocha, node, eslint; Java: Gradle, Maven; Ruby: RSpec; PHP: PHPUnit; .NET; TAP
    (Shape::Test, r"^\s*● (?P<message>.+)$"),
    (Shape::Test, r"^\s*FAIL\s+(?P<message>\S+ > .+)$"),
    (Shape::Test, r"^(?P<message>\S.* > .+) FAILED$"),
    (Shape::Test, r"^\s*not ok \d+ (?:- )?(?P<message>.+)$"),
    (Shape::Item, r"^\s*\d+\) (?P<message>.+)$"),
    (Shape::Test, r"^\s*Failed (?P<message>\S+) \[[^\]]*\]$"),
    (Shape::Name, r"^\s*FAIL\s+(?P<message>\S+)"),
    (Shape::Place, r"^\s*at (?:.+ \()?(?:file://)?(?P<file>(?:[A-Za-z]:)?[^():\s][^():]*):(?P<line>\d+)(?::\d+)?\)?$"),
    (Shape::Place, concat!(r"^\s*(?:# |location: '|at ).*?", file!(), r":(?P<line>\d+)\b")),
    (Shape::Place, r"^(?P<file>/\S+\.php):(?P<line>\d+)$"),
    (Shape::InContext, r"^\s+(?P<line>\d+):\d+\s+error\s+(?P<message>.+)$"),
    (Shape::Whole, r"^\[ERROR\] (?P<file>\S+):\[(?P<line>\d+),\d+\] (?P<message>.+)$"),
    (
        Shape::Detail,
        r"^\s*(?P<message>(?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_]*(?:Error|Exception)(?: \[[A-Z_]+\])?: .+)$",
    ),
    (Shape::Value, r"^\s+(?P<message>(?:[Ee]xpected|[Rr]eceived|[Aa]ctual|got|left|right)\b[^:]{0,20}: .+)$"),
    // shells and CMake
    (Shape::Whole, r"^(?P<file>[A-Za-z0-9_./\\+-]+): line (?P<line>\d+): (?P<message>.+)$"),
    (Shape::PlaceThenMessage, concat!(r"^CMake Error at ", file!(), r":(?P<line>\d+)\b")),
    // MSBuild, tsc, and everything that prints `FILE:LINE: message` like the first C compilers did
    (
        Shape::Whole,
        concat!(
            r"^\s*(?:e: )?(?:file://)?",
            file!(),
            r"(?:\((?P<line>\d+)(?:,\d+)*\)\s?: |:(?:(?P<line2>\d+))(?::\d+)?(?:: | - error ))(?P<message>\S.*)$"
        ),
    ),
    (Shape::Context, concat!("^", file!(), "$")),
];

/// What a rule read out of one line.
pub(super) struct Match<'a> {
    pub(super) shape: Shape,
    pub(super) file: Option<&'a str>,
    pub(super) line: Option<u32>,
    pub(super) message: Option<&'a str>,
    pub(super) test: Option<&'a str>,
}

/// The first rule that fits `line`.
pub(super) fn matching(line: &str) -> Option<Match<'_>> {
    static SET: LazyLock<RegexSet> =
        LazyLock::new(|| RegexSet::new(RULES.iter().map(|(_, pattern)| pattern)).expect("the patterns are constant"));
    static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        RULES.iter().map(|(_, pattern)| Regex::new(pattern).expect("the patterns are constant")).collect()
    });
    let index = SET.matches(line).iter().next()?;
    let captures = EACH[index].captures(line)?;
    let number = |name| group(&captures, name).and_then(|digits| digits.parse().ok());
    Some(Match {
        shape: RULES[index].0,
        file: group(&captures, "file"),
        line: number("line").or_else(|| number("line2")),
        message: group(&captures, "message"),
        test: group(&captures, "test"),
    })
}

/// How much a single line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Something failed.
    Strong,
    /// It has the form of an error; passing tests and tools that only talk print such lines too.
    Weak,
}

/// Whether a line, on its own, tells that something is wrong.
pub(super) fn telling(line: &str) -> Option<Telling> {
    if !may_tell(line) {
        return None;
    }
    let (command, words) = command(line);
    match command {
        Some("error") => return (!is_exit_code(words)).then_some(Telling::Strong),
        Some(_) => return None,
        None if is_alarm(words) => return Some(Telling::Strong),
        None => {}
    }
    let found = matching(words)?;
    let message = found.message.unwrap_or_default();
    match found.shape {
        Shape::PlaceThenMessage | Shape::Title | Shape::Test | Shape::Name => Some(Telling::Strong),
        Shape::Whole | Shape::PlaceAndKind if is_harmless(message) => None,
        Shape::Whole | Shape::PlaceAndKind if message.contains("error") => Some(Telling::Strong),
        Shape::Whole | Shape::PlaceAndKind | Shape::Detail | Shape::InContext => Some(Telling::Weak),
        Shape::Item
        | Shape::Value
        | Shape::Place
        | Shape::Frame
        | Shape::Context
        | Shape::Quiet
        | Shape::Begin
        | Shape::Passed => None,
    }
}

/// What [`telling`] says nothing without. Nearly all lines of a long log end here, at a small part of the cost.
fn may_tell(line: &str) -> bool {
    const PARTS: [&str; 26] = [
        "line ",
        "rror",
        "RROR",
        "ERR!",
        "ail",
        "AIL",
        "anic",
        "atal",
        "ATAL",
        "xception",
        "illed",
        "not ok",
        "Diff in",
        "raceback",
        "TIMEOUT",
        "SIG",
        "ABORT",
        "●",
        "✗",
        "✘",
        "✖",
        "No such file",
        "not found",
        "denied",
        "*** ",
        "egmentation",
    ];
    let bytes = line.as_bytes();
    // `FILE:LINE`, `FILE(LINE`, `FILE:[LINE`.
    let place = |pair: &[u8]| matches!(pair[0], b':' | b'(' | b'[') && pair[1].is_ascii_digit();
    line.starts_with('E') || bytes.windows(2).any(place) || PARTS.iter().any(|part| line.contains(part))
}

fn group<'a>(captures: &Captures<'a>, name: &str) -> Option<&'a str> {
    captures.name(name).map(|group| group.as_str())
}

/// The runner's command and the rest of the line: `##[error]text` is `(Some("error"), "text")`.
pub(super) fn command(line: &str) -> (Option<&str>, &str) {
    let command = line.strip_prefix("##[").and_then(|rest| rest.split_once(']'));
    match command {
        Some((name, words)) if name.bytes().all(|b| b.is_ascii_lowercase()) => (Some(name), words),
        Some(_) | None => (None, line),
    }
}

/// Whether `message` says only that something else failed.
pub(super) fn is_exit_code(message: &str) -> bool {
    static EXIT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:Error: )?(?:The p|P)rocess .*(?:completed|failed) with exit code -?\d+\.?$")
            .expect("the pattern is constant")
    });
    EXIT.is_match(message)
}

/// Whether a message of the form `FILE:LINE: message` is no error.
pub(super) fn is_harmless(message: &str) -> bool {
    static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*(?i:warn|warning|note|info|notice|remark|debug|trace|help|hint|in function)\b|^\w*Warning\b")
            .expect("the pattern is constant")
    });
    HARMLESS.is_match(message)
}

/// Whether `file` belongs to a tool or a library, not to the project.
pub(super) fn is_foreign(file: &str) -> bool {
    const FOREIGN: [&str; 10] = [
        "node_modules/",
        "node:",
        "site-packages/",
        "dist-packages/",
        "/rustc/",
        ".cargo/registry/",
        "/usr/lib",
        "/usr/local/",
        "hostedtoolcache/",
        "<",
    ];
    let file = file.replace('\\', "/");
    FOREIGN.iter().any(|part| file.contains(part)) || file.ends_with("/library/std/src/panicking.rs")
}

/// Whether `line` says loudly that something is wrong, in no form that a rule knows.
pub(super) fn is_alarm(line: &str) -> bool {
    static ALARM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^\s*(?:(?:error|ERROR|Error|fatal|FATAL|Fatal error|E|npm error|FAILED|FAILURE)[:! \[]|(?:npm )?ERR! |✗|✘|✖|Segmentation fault|Killed\b|make(?:\[\d+\])?: \*\*\* |Traceback )|(?:[a-z\-]+: )(?:error|fatal): |: command not found$|: No such file or directory$|: Permission denied$",
        )
        .expect("the pattern is constant")
    });
    static WELL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:0|no) (?:errors?|failed|failures?)\b").expect("the pattern is constant")
    });
    ALARM.is_match(line) && !WELL.is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen<'a> = (Shape, Option<&'a str>, Option<u32>, Option<&'a str>);

    fn seen(line: &str) -> Option<Seen<'_>> {
        matching(line).map(|found| (found.shape, found.file, found.line, found.message))
    }

    #[test]
    fn one_line_says_it_all() {
        for (line, file, number, message) in [
            ("main.c:2:57: error: expected ‘;’", "main.c", 2, "error: expected ‘;’"),
            ("src/a.ts(3,5): error TS2322: no", "src/a.ts", 3, "error TS2322: no"),
            ("src/a.ts:3:5 - error TS2322: no", "src/a.ts", 3, "TS2322: no"),
            ("D:\\a\\x\\B.cs(12,5): error CS0103: no [x.csproj]", "D:\\a\\x\\B.cs", 12, "error CS0103: no [x.csproj]"),
            ("    cart_test.go:12: got 25, want 20", "cart_test.go", 12, "got 25, want 20"),
            ("./t.sh: line 6: foo: command not found", "./t.sh", 6, "foo: command not found"),
            ("t.sh:6: expected \"A\", found \"B\"", "t.sh", 6, "expected \"A\", found \"B\""),
            ("pkg/x.py:3:1: F401 unused import", "pkg/x.py", 3, "F401 unused import"),
            ("[ERROR] /w/A.java:[12,5] cannot find symbol", "/w/A.java", 12, "cannot find symbol"),
            ("Makefile:3: *** missing separator.  Stop.", "Makefile", 3, "*** missing separator.  Stop."),
        ] {
            assert_eq!(seen(line), Some((Shape::Whole, Some(file), Some(number), Some(message))), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_mean_nothing() {
        for line in [
            "",
            "12:34:56 INFO: ready",
            "127.0.0.1:8080: listening",
            "   Compiling shop v0.1.0 (/w/shop)",
            "test tests::x ... ok",
            "ok  \texample.org/shop\t0.004s",
            "downloading https://x.org/a.tar.gz: done",
        ] {
            assert_eq!(seen(line), None, "{line}");
        }
    }

    #[test]
    fn no_line_that_tells_is_passed_over() {
        let told_by_rules = |line: &str| is_alarm(line) || matching(line).is_some();
        let samples = [
            include_str!("samples/cargo-test.log"),
            include_str!("samples/nextest.log"),
            include_str!("samples/rustc.log"),
            include_str!("samples/pytest.log"),
            include_str!("samples/jest.log"),
            include_str!("samples/eslint.log"),
            include_str!("samples/gcc.log"),
            include_str!("samples/go.log"),
            include_str!("samples/shell.log"),
            include_str!("samples/tsc.log"),
        ];
        let own = [
            "✗ adds",
            "Killed",
            "make: *** [all] Error 2",
            "x: command not found",
            "./a: Permission denied",
            "E   x",
            "Segmentation fault",
            "Traceback (most recent call last):",
            "not ok 1 - x",
            "● cart",
            "Failed a.b [3 ms]",
        ];
        let quiet = [
            Shape::Item,
            Shape::Value,
            Shape::Place,
            Shape::Frame,
            Shape::Context,
            Shape::Quiet,
            Shape::Begin,
            Shape::Passed,
        ];
        for line in samples.iter().flat_map(|sample| sample.lines()).chain(own) {
            let silent = !is_alarm(line) && matching(line).is_none_or(|found| quiet.contains(&found.shape));
            assert!(may_tell(line) || silent || !told_by_rules(line), "{line}");
        }
    }

    #[test]
    fn exit_codes_are_no_errors() {
        assert!(is_exit_code("Process completed with exit code 101."));
        assert!(is_exit_code("The process '/usr/bin/git' failed with exit code 128"));
        assert!(!is_exit_code("Process completed with exit code 1. See above"));
    }

    #[test]
    fn success_is_no_alarm() {
        assert!(is_alarm("npm ERR! code 1"));
        assert!(is_alarm("ld: error: undefined symbol"));
        assert!(is_alarm("error: linker failed"));
        assert!(!is_alarm("error count: 0 errors"));
        assert!(!is_alarm("Errors are logged to x"));
    }
}
