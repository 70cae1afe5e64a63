//! The lines around the first error: what a person would scroll to.
//!
//! It is never simply the end of the log: that is where the runner says that something failed, not what.

use std::{collections::BTreeSet, ops::Range};

use crate::text;

use super::{
    finding::Located,
    log::{self, Log},
    rule,
    words::shortened,
};

/// The longest window, in lines and bytes.
const LINES_MAX: usize = 200;
const BYTES_MAX: usize = 24 << 10;

/// How many lines of the log are chosen; the rest of the window is for the notes about what is left out.
const CHOSEN_MAX: usize = 170;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 600;

/// How many of the last lines are shown when nothing looks like an error.
const BLIND_LINES: usize = 60;

/// The window of `log`. `None`: the log is empty.
pub(super) fn around_first_error(log: &Log, found: &[Located]) -> Option<String> {
    if log.is_empty() {
        return None;
    }
    Some(text::cap(&written(log, &chosen(log, found)), BYTES_MAX, LINES_MAX))
}

/// The lines to show, the most telling first until there are enough.
fn chosen(log: &Log, found: &[Located]) -> BTreeSet<usize> {
    let mut choice = Choice { log, chosen: BTreeSet::new() };
    let end = log.body.end;
    let explained = found.iter().filter(|located| located.explained);
    let first = explained.clone().next().or(found.first()).map(|located| located.at);
    let alarm = log.body.clone().find(|index| is_alarm(log, *index));
    let Some(anchor) = first.or(alarm) else {
        choice.around(end, BLIND_LINES, 0);
        return choice.chosen;
    };
    choice.around(anchor, 15, 45);
    choice.around(end, 4, 0);
    // What went wrong before the first error that has a place may be its cause.
    if let Some(alarm) = alarm.filter(|alarm| *alarm < anchor) {
        choice.around(alarm, 3, 15);
    }
    for located in explained {
        choice.around(located.at, 5, 20);
    }
    choice.around(anchor, 40, CHOSEN_MAX);
    choice.chosen
}

struct Choice<'a> {
    log: &'a Log,
    chosen: BTreeSet<usize>,
}

impl Choice<'_> {
    /// Adds the line, so many before it and so many behind it.
    fn around(&mut self, line: usize, before: usize, behind: usize) {
        let start = line.saturating_sub(before).max(self.log.body.start);
        let end = line.saturating_add(behind).saturating_add(1).min(self.log.body.end);
        for index in start..end {
            if self.chosen.len() >= CHOSEN_MAX {
                return;
            }
            self.chosen.insert(index);
        }
    }
}

/// Whether the line is an alarm that is not the runner's last word.
pub(super) fn is_alarm(log: &Log, index: usize) -> bool {
    let (command, words) = rule::command(log.line(index));
    match command {
        Some("error") => !rule::is_exit_code(words),
        Some(_) => false,
        None => rule::is_alarm(words),
    }
}

fn written(log: &Log, chosen: &BTreeSet<usize>) -> String {
    let mut window: String = log.command.and_then(|index| readable(log, index)).unwrap_or_default();
    let mut expected = log.body.start;
    for &index in chosen {
        window.push_str(&gap(log, expected..index));
        window.push_str(&readable(log, index).unwrap_or_default());
        expected = index + 1;
    }
    window.push_str(&gap(log, expected..log.body.end));
    window
}

/// A note about the lines that are left out; a single line takes no more room than the note.
fn gap(log: &Log, lines: Range<usize>) -> String {
    match lines.len() {
        0 => String::new(),
        1 => readable(log, lines.start).unwrap_or_default(),
        many => format!("… {many} lines left out …\n"),
    }
}

fn readable(log: &Log, index: usize) -> Option<String> {
    log::readable(log.line(index)).map(|line| format!("{}\n", shortened(&line, LINE_BYTES_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::finding;

    fn window(log: &str) -> String {
        let log = Log::of_job(log, None);
        around_first_error(&log, &finding::search(&log)).unwrap()
    }

    fn numbered(name: &str, count: usize) -> String {
        (1..=count).map(|n| format!("{name} {n}\n")).collect()
    }

    #[test]
    fn the_first_error_is_shown_and_not_the_end() {
        let log = format!("{}src/x.rs:3:5: error: boom\n{}", numbered("before", 1_000), numbered("after", 1_000));

        let window = window(&log);

        assert!(window.starts_with("… 960 lines left out …\nbefore 961\n"), "{window}");
        assert!(window.contains("before 1000\nsrc/x.rs:3:5: error: boom\nafter 1\n"), "{window}");
        assert!(window.ends_with("lines left out …\nafter 997\nafter 998\nafter 999\nafter 1000\n"), "{window}");
        assert!(window.lines().count() <= LINES_MAX);
    }

    #[test]
    fn a_loud_line_before_the_first_place_may_be_the_cause() {
        let log = format!("ERROR: no database\n{}src/x.rs:3:5: error: boom\n", numbered("noise", 500));

        let window = window(&log);

        assert!(window.starts_with("ERROR: no database\nnoise 1\n"), "{window}");
        assert!(window.ends_with("src/x.rs:3:5: error: boom\n"), "{window}");
    }

    #[test]
    fn every_explained_error_gets_its_lines() {
        let log = format!("a.c:1:1: error: one\n{}b.c:2:2: error: two\n{}", numbered("x", 400), numbered("y", 400));

        let window = window(&log);

        assert!(window.contains("a.c:1:1: error: one\n") && window.contains("b.c:2:2: error: two\ny 1\n"), "{window}");
    }

    #[test]
    fn without_an_error_the_last_lines_are_shown() {
        let log = format!("{}##[error]Process completed with exit code 1.\n", numbered("x", 300));

        let window = window(&log);

        assert!(window.starts_with("… 241 lines left out …\nx 242\n"), "{window}");
        assert!(window.ends_with("x 300\nerror: Process completed with exit code 1.\n"), "{window}");
    }

    #[test]
    fn the_names_of_tests_are_passed_over_for_their_explanation() {
        let names: String = (1..=30).map(|n| format!("test t{n} ... FAILED\n{}", numbered("ok", 30))).collect();
        let log = format!("{names}thread 'a' panicked at x.rs:1:1:\nboom\n{}", numbered("after", 200));

        let window = window(&log);

        assert!(window.contains("ok 30\nthread 'a' panicked at x.rs:1:1:\nboom\nafter 1\n"), "{window}");
    }

    #[test]
    fn the_first_error_gets_more_lines_than_the_others() {
        let log: String = (1..=30).map(|n| format!("{}a.c:{n}:1: error: x\n", numbered("x", 60))).collect();

        assert!(window(&log).starts_with("… 45 lines left out …\nx 46\n"));
    }

    #[test]
    fn long_lines_are_cut() {
        let window = window(&format!("error: {}\n", "x".repeat(1_000_000)));

        assert!(window.len() < 700 && window.contains("bytes left out"), "{window}");
    }

    #[test]
    fn marks_of_the_runner_are_written_for_people() {
        let log = "##[group]Build\n[command]cc\n##[endgroup]\n##[warning]old\n##[error]bad\n";

        assert_eq!(window(log), "Build\n[command]cc\nwarning: old\nerror: bad\n");
    }
}
