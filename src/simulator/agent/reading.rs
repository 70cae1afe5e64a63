//! What a message asks for, as far as it says so plainly. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Task {
    /// Whether the base is to be merged, and its branch if it was named.
    pub(super) merge: Option<Merge>,
    /// Changes of files, in the order of the message, none twice.
    pub(super) edits: Vec<Edit>,
}

/// A conflict to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    /// The base branch; `None` stands for the remote's default.
    pub(super) base: Option<String>,
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// The file gets one more line, and comes into being if it is not there.
    Add {
        /// The file.
        path: String,
        /// The line.
        text: String,
    },
    /// A line gets another text.
    Replace {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// The new text.
        text: String,
    },
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is part of the source and tested")
}

static CREATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)create `?([\w./-]+)`? with the line: ?`?(.*?)`?\s*$"));
static EXPECTED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"([\w./-]+):(\d+): expected "(.*)", found "(.*)""#));
static PLACE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([\w-][\w./-]*\.\w+)[`*]*(?::|,? (?:on )?line )[`*]*(\d+)"));
static USE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)\buse ["“]([^"”]+)["”]"#));
static CONFLICT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bconflict(s|ing)?\b"));
static BASE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\borigin/([\w./-]*\w)|(?i:\b(?:base|branch|with|against|merge|into|onto) `([\w./-]*\w)`)")
});

/// Reads a message.
pub(super) fn read(message: &str) -> Task {
    let mut edits = Vec::new();
    let mut place: Option<(String, usize)> = None;
    for line in message.lines() {
        let found = edit_in(line, &mut place);
        edits.extend(found.filter(|edit| !edits.contains(edit)));
    }
    let merge = CONFLICT.is_match(message).then(|| Merge { base: base_in(message) });
    // A log that happens to speak of conflicts asks for its own correction first.
    Task { merge: merge.filter(|_| edits.is_empty()), edits }
}

/// The edit that a line asks for. A place named on a line before counts for a comment that follows it.
fn edit_in(line: &str, place: &mut Option<(String, usize)>) -> Option<Edit> {
    if let Some(found) = CREATE.captures(line) {
        return Some(Edit::Add { path: found[1].to_owned(), text: found[2].to_owned() });
    }
    if let Some(found) = EXPECTED.captures(line) {
        let (path, text) = (found[1].to_owned(), found[3].to_owned());
        return Some(Edit::Replace { path, line: found[2].parse().ok()?, text });
    }
    if let Some(found) = PLACE.captures(line) {
        *place = Some((found[1].to_owned(), found[2].parse().ok()?));
    }
    let text = USE.captures(line)?[1].to_owned();
    let (path, line) = place.clone()?;
    Some(Edit::Replace { path, line, text })
}

fn base_in(message: &str) -> Option<String> {
    let found = BASE.captures(message)?;
    found.get(1).or_else(|| found.get(2)).map(|name| name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(path: &str, line: usize, text: &str) -> Edit {
        Edit::Replace { path: path.to_owned(), line, text: text.to_owned() }
    }

    #[test]
    fn an_issue_says_which_files_get_which_lines() {
        let task =
            read("Please.\n- Create `pages/a.txt` with the line: Hello, you\n> Create b.txt with the line: `B`  \n");

        let add = |path: &str, text: &str| Edit::Add { path: path.to_owned(), text: text.to_owned() };
        assert_eq!(task, Task { merge: None, edits: vec![add("pages/a.txt", "Hello, you"), add("b.txt", "B")] });
    }

    #[test]
    fn a_log_says_which_lines_are_wrong_and_says_it_twice() {
        let line = "2026-01-02T03:04:05.1234567Z pages/a.txt:12: expected \"Say \"hi\".\", found \"Say \"hi\"\"";

        assert_eq!(read(&format!("{line}\n{line}\n")).edits, [replace("pages/a.txt", 12, "Say \"hi\".")]);
    }

    #[test]
    fn a_comment_counts_for_the_place_on_its_line_or_before_it() {
        let task = read("`a.txt:3` please use \"A\" here\n\n**b.txt**, line 4 (ada):\n> Use “B”.\n");

        assert_eq!(task.edits, [replace("a.txt", 3, "A"), replace("b.txt", 4, "B")]);
    }

    #[test]
    fn a_conflict_is_to_be_merged_with_the_base_that_is_named() {
        let base = |message: &str| read(message).merge.map(|merge| merge.base);

        assert_eq!(base("Your branch conflicts with `release/1.x`."), Some(Some("release/1.x".to_owned())));
        assert_eq!(base("There are conflicts: merge origin/main."), Some(Some("main".to_owned())));
        assert_eq!(base("Resolve the conflict."), Some(None));
        assert_eq!(base("Nothing of the kind."), None);
    }

    #[test]
    fn what_is_not_plain_is_not_understood() {
        assert_eq!(read("Make it better, see a.txt:3."), Task::default());
    }
}
