//! Words that have no place here: promises that nobody can look up, and the machines of those who wrote this.

use super::{Violation, assert_none, places, tree::Tree};

/// Marks of unfinished work. Written in halves, like everything here that this file itself must not contain.
const PROMISES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Beginnings of paths that exist on one machine only.
const PLACES: [&str; 4] =
    [concat!("../", "shared/"), concat!("/wo", "rk/"), concat!("/tmp/", "wt"), concat!("/ro", "ot/")];

/// What people wrote: not the recorded payloads, and not the licences.
fn written(tree: &Tree) -> impl Iterator<Item = (&String, usize, &str)> {
    let own = tree.files.iter().filter(|(path, _)| !path.starts_with("webhooks/") && !path.starts_with("LICENSE"));
    own.flat_map(|(path, text)| text.lines().enumerate().map(move |(index, line)| (path, index + 1, line)))
}

fn promises(tree: &Tree) -> Vec<Violation> {
    written(tree)
        .filter(|(_, _, line)| PROMISES.iter().any(|it| is_promise_without_issue(line, it)))
        .map(|(path, at, _)| {
            let message = format!("name the issue, as in `{}(#123)`, or do it now", PROMISES[0]);
            Violation::new(path, at, message)
        })
        .collect()
}

fn is_promise_without_issue(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_word = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let issue = after.strip_prefix("(#").and_then(|it| it.split_once(')')).map(|(number, _)| number);
        let whole = !is_word(before.chars().next_back()) && !is_word(after.chars().next());
        whole && issue.is_none_or(|it| it.parse::<u32>().is_err())
    })
}

fn machines(tree: &Tree) -> Vec<Violation> {
    written(tree)
        .filter(|(_, _, line)| PLACES.iter().any(|it| names_place(line, it)))
        .map(|(path, at, _)| {
            Violation::new(path, at, "this path exists on one machine only: name something inside the repository")
        })
        .collect()
}

/// Whether a line contains an absolute path that begins like this; the middle of a longer path is not one.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|it| it.is_alphanumeric() || "._-~/{}$)*".contains(it))
    })
}

#[test]
fn unfinished_work_names_its_issue() {
    assert_none(promises(Tree::repository()));
}

#[test]
fn no_file_speaks_of_the_machine_it_was_written_on() {
    assert_none(machines(Tree::repository()));
}

#[test]
fn a_promise_without_an_issue_is_found() {
    let text = format!("// {0}: later\n// {0}(#12): later\n// {0}S\n// {1}\n// {0}(#x)", PROMISES[0], PROMISES[1]);
    let tree = Tree::of(&[("scripts/a", &text)]);

    assert_eq!(places(&promises(&tree)), [("scripts/a", 1), ("scripts/a", 4), ("scripts/a", 5)]);
}

#[test]
fn a_path_of_one_machine_is_found_but_not_the_middle_of_another_path() {
    let text = format!("cd {0}main\nlet a = \"/home/runner{0}a\";\nlet a = \"{1}/a\";\n", PLACES[1], PLACES[2]);
    let tree = Tree::of(&[("docs/a.md", &text)]);

    assert_eq!(places(&machines(&tree)), [("docs/a.md", 1), ("docs/a.md", 3)]);
}
