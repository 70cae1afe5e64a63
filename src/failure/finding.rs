//! The errors of a log with their places.

use std::collections::BTreeSet;

use crate::model::Finding;

use super::{
    log::Log,
    rule::{self, LINE_BYTES_MAX, Match, Shape},
    words::one_line,
};

/// How many findings are looked at; more of them than are shown tell failures apart.
pub(super) const EXAMINED_MAX: usize = 500;

/// How many lines of detail a message takes up.
const DETAILS_MAX: usize = 3;

/// A finding, and where the log speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// The first line of the log that belongs to it.
    pub(super) at: usize,
    /// Whether the log says here what is wrong, not only which test failed.
    pub(super) explained: bool,
    /// The test that failed, if it is one.
    pub(super) test: Option<String>,
    pub(super) finding: Finding,
}

/// All findings in the output of the failed step, in their order; at most [`EXAMINED_MAX`].
pub(super) fn search(log: &Log) -> Vec<Located> {
    let mut search = Search { log, found: Vec::new(), cause: None, frame: None, context: None, test_begin: None };
    for at in log.body.clone() {
        if search.found.len() >= EXAMINED_MAX {
            break;
        }
        search.line(at);
    }
    search.end_cause();
    search.found
}

/// Each finding once, without the names of tests and files that another finding explains.
pub(super) fn distinct(found: &[Finding]) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    found
        .iter()
        .filter(|finding| finding.line.is_some() || !found.iter().any(|other| explains(other, &finding.message)))
        .filter(|finding| seen.insert((&finding.file, finding.line, &finding.message)))
        .cloned()
        .collect()
}

/// Whether `finding` says more about what is called `name`.
fn explains(finding: &Finding, name: &str) -> bool {
    let is_file = finding.file.as_deref() == Some(name.strip_prefix("./").unwrap_or(name));
    is_file || (finding.message.len() > name.len() && has_word(&finding.message, name))
}

fn has_word(message: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    message
        .match_indices(word)
        .any(|(at, _)| !message[..at].ends_with(part) && !message[at + word.len()..].starts_with(part))
}

/// What the lines above said is wrong, before its place is known.
struct Cause {
    at: usize,
    last: usize,
    message: String,
    /// The failed test, if it may be one.
    test: Option<String>,
    details: usize,
    kind: Kind,
    /// The finding that it became.
    found: Option<usize>,
}

/// What a cause is the name of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An error: without a place it says nothing that the place of another does not.
    Error,
    /// A failed test, also without a place.
    Test,
    /// A numbered line: the name of a failed test if a place follows, else anything.
    Item,
}

/// A place in the project that a traceback went through.
struct Frame {
    at: usize,
    file: String,
    line: Option<u32>,
}

struct Search<'a> {
    log: &'a Log,
    found: Vec<Located>,
    cause: Option<Cause>,
    frame: Option<Frame>,
    context: Option<String>,
    /// How many findings there were when the current test began.
    test_begin: Option<usize>,
}

impl<'a> Search<'a> {
    fn line(&mut self, at: usize) {
        let log = self.log;
        let (command, words) = rule::command(log.line(at));
        let words = &words[..words.floor_char_boundary(LINE_BYTES_MAX)];
        if command == Some("warning") || (command == Some("error") && rule::is_exit_code(words)) {
            self.end_cause();
            return;
        }
        match rule::matching(words) {
            Some(found) => self.understood(at, &found),
            None if command == Some("error") => self.push(at, None, None, words),
            None => {}
        }
    }

    fn understood(&mut self, at: usize, found: &Match<'_>) {
        let message = found.message.unwrap_or_default();
        match found.shape {
            Shape::Whole if rule::is_harmless(message) => self.cause = None,
            Shape::Whole => self.push(at, found.file, found.line, without_level(message)),
            Shape::PlaceThenMessage => self.place_then_message(at, found),
            Shape::Title => self.begin_cause(at, message, Kind::Error),
            Shape::Test => self.begin_cause(at, message, Kind::Test),
            Shape::Item => self.begin_cause(at, message, Kind::Item),
            Shape::Detail => self.detail(at, message),
            Shape::Value => self.extend_cause(message),
            Shape::Place => self.place(found.file, found.line),
            Shape::PlaceAndKind => self.place_and_kind(at, found, message),
            Shape::Frame => self.enter_frame(at, found),
            Shape::Name => self.name(at, found.file, message),
            Shape::Context => self.context = found.file.map(str::to_owned),
            Shape::InContext => {
                let file = self.context.clone();
                self.push(at, file.as_deref(), found.line, message);
            }
            Shape::Quiet => self.end_cause(),
            Shape::Begin => self.test_begin = Some(self.found.len()),
            Shape::Passed => self.found.truncate(self.test_begin.take().unwrap_or(self.found.len())),
        }
    }

    fn push(&mut self, at: usize, file: Option<&str>, line: Option<u32>, message: &str) {
        let finding = Finding { file: file.map(|file| one_line(in_workspace(file))), line, message: one_line(message) };
        self.found.push(Located { at, explained: true, test: None, finding });
    }

    /// Says which test the newest finding is about.
    fn of_test(&mut self, test: Option<&str>) {
        if let (Some(located), Some(test)) = (self.found.last_mut(), test) {
            located.test = Some(one_line(test));
        }
    }

    fn name(&mut self, at: usize, file: Option<&str>, message: &str) {
        self.push(at, file, None, message);
        self.of_test(Some(message));
        if let Some(located) = self.found.last_mut() {
            located.explained = false;
        }
    }

    fn begin_cause(&mut self, at: usize, message: &str, kind: Kind) {
        self.end_cause();
        self.frame = None;
        let test = (kind != Kind::Error).then(|| message.to_owned());
        self.cause = Some(Cause { at, last: at, message: message.to_owned(), test, details: 0, kind, found: None });
    }

    /// A failed test of which nobody said where is still a finding.
    fn end_cause(&mut self) {
        if let Some(cause) = self.cause.take().filter(|cause| cause.kind == Kind::Test && cause.found.is_none()) {
            self.push(cause.at, None, None, &cause.message);
            self.of_test(cause.test.as_deref());
        }
    }

    fn detail(&mut self, at: usize, message: &str) {
        if let Some(frame) = self.frame.take() {
            let test = self.cause.take().filter(|cause| cause.kind != Kind::Error && cause.found.is_none());
            let whole = test.as_ref().map_or_else(|| message.to_owned(), |test| format!("{}: {message}", test.message));
            self.push(frame.at, Some(&frame.file), frame.line, &whole);
            self.of_test(test.and_then(|test| test.test).as_deref());
            return;
        }
        match &mut self.cause {
            Some(cause) if cause.kind != Kind::Error => self.extend_cause(message),
            // Further lines of the same message.
            Some(cause) if cause.last + 1 == at => cause.last = at,
            Some(_) | None => self.begin_cause(at, message, Kind::Error),
        }
    }

    fn extend_cause(&mut self, message: &str) {
        let Some(cause) = self.cause.as_mut().filter(|cause| cause.kind != Kind::Error) else { return };
        if cause.details >= DETAILS_MAX {
            return;
        }
        cause.details += 1;
        cause.message = format!("{}; {}", cause.message, message.trim());
        if let Some(found) = cause.found.and_then(|found| self.found.get_mut(found)) {
            found.finding.message = one_line(&cause.message);
        }
    }

    fn place(&mut self, file: Option<&str>, line: Option<u32>) {
        let open = self.cause.as_ref().filter(|cause| cause.found.is_none());
        let Some(cause) = open.filter(|_| !file.is_none_or(rule::is_foreign)) else { return };
        let (at, message, test) = (cause.at, cause.message.clone(), cause.test.clone());
        self.push(at, file, line, &message);
        self.of_test(test.as_deref());
        let found = self.found.len() - 1;
        if let Some(cause) = &mut self.cause {
            cause.found = Some(found);
        }
    }

    fn place_and_kind(&mut self, at: usize, found: &Match<'_>, kind: &str) {
        let cause = self.cause.take().filter(|cause| cause.found.is_none());
        let (at, message) = match cause {
            Some(cause) if cause.message.starts_with(kind) => (cause.at, cause.message),
            Some(cause) => (cause.at, format!("{kind}: {}", cause.message)),
            None if rule::is_harmless(kind) => return,
            None => (at, kind.to_owned()),
        };
        self.push(at, found.file, found.line, &message);
    }

    fn enter_frame(&mut self, at: usize, found: &Match<'_>) {
        let Some(file) = found.file else { return };
        let first = self.frame.as_ref().map_or(at, |frame| frame.at);
        if self.frame.is_none() || !rule::is_foreign(file) {
            self.frame = Some(Frame { at: first, file: file.to_owned(), line: found.line });
        }
    }

    fn place_then_message(&mut self, at: usize, found: &Match<'_>) {
        let following = (at + 1..self.log.body.end).map(|index| self.log.line(index).trim());
        let details: Vec<&str> = following
            .take_while(|line| !line.is_empty() && !line.starts_with("note: ") && *line != "stack backtrace:")
            .take(DETAILS_MAX)
            .map(|line| &line[..line.floor_char_boundary(LINE_BYTES_MAX)])
            .collect();
        let mut message = details.join("; ");
        let test = found.test.filter(|test| *test != "main");
        if let Some(test) = test {
            message = format!("{test}: {message}");
        }
        self.cause = None;
        self.push(at, found.file, found.line, &message);
        self.of_test(test);
    }
}

/// `error: x` as `x`: that it is an error is what a finding means.
fn without_level(message: &str) -> &str {
    let rest = message.strip_prefix("fatal ").unwrap_or(message);
    rest.strip_prefix("error: ").or_else(|| rest.strip_prefix("error ")).unwrap_or(message)
}

/// A path of the project without the runner's own directory: `/home/runner/work/NAME/NAME/src/x.rs` as `src/x.rs`.
pub(super) fn in_workspace(file: &str) -> &str {
    const WORKSPACES: [(&str, usize); 4] =
        [("/home/runner/work/", 2), ("/Users/runner/work/", 2), ("/__w/", 2), ("/github/workspace/", 0)];
    let file = file.strip_prefix("file://").unwrap_or(file);
    let windows = file.strip_prefix("D:\\a\\").map(|rest| rest.splitn(3, '\\').nth(2));
    let unix = WORKSPACES
        .iter()
        .find_map(|(prefix, names)| file.strip_prefix(prefix).map(|rest| rest.splitn(names + 1, '/').nth(*names)));
    windows.or(unix).flatten().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(file: &str, line: Option<u32>, message: &str) -> Finding {
        Finding { file: Some(file.to_owned()), line, message: message.to_owned() }
    }

    #[test]
    fn paths_of_the_project_lose_the_directory_of_the_runner() {
        for (file, expected) in [
            ("/home/runner/work/shop/shop/src/x.rs", "src/x.rs"),
            ("file:///Users/runner/work/shop/shop/x.js", "x.js"),
            ("/__w/shop/shop/x.c", "x.c"),
            ("/github/workspace/a/x.go", "a/x.go"),
            ("D:\\a\\shop\\shop\\a\\x.cs", "a\\x.cs"),
            ("/usr/include/x.h", "/usr/include/x.h"),
            ("/home/runner/work/shop", "/home/runner/work/shop"),
        ] {
            assert_eq!(in_workspace(file), expected);
        }
    }

    #[test]
    fn a_name_goes_when_another_finding_says_more() {
        let placed = finding("a.py", Some(3), "test_a[1]: assert 1 == 2");
        let other = finding("a.py", None, "test_a");
        let longer = finding("a.py", None, "test_ab");
        let file = finding("x", None, "./a.py");

        let found = [other, placed.clone(), longer.clone(), placed.clone(), file];

        assert_eq!(distinct(&found), [placed, longer]);
    }
}
