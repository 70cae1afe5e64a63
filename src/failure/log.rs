//! The log of a job as lines, and which of them belong to the failed step.
//!
//! A job's log has no step names: a step begins where the runner prints its command as a group, and a failed one ends
//! with an error line of the runner's.

use std::ops::Range;

use crate::text;

use super::rule;

/// What the runner prints in front of the first line of a step.
const STEP_BEGIN: &str = "##[group]Run ";

/// A sanitised and redacted text in lines, of which some belong to the failed step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    text: String,
    /// The byte ranges of the lines, line ends not included.
    lines: Vec<Range<usize>>,
    /// The first line of the failed step, if the runner announced it: the command.
    pub(super) command: Option<usize>,
    /// The lines that the failed step printed.
    pub(super) body: Range<usize>,
}

impl Log {
    /// The log of a GitHub Actions job whose failed step may be called `step`.
    pub(super) fn of_job(log: &str, step: Option<&str>) -> Self {
        let mut log = Self::new(&text::sanitise(&without_timestamps(log)).text);
        log.find_failed_step(step);
        log
    }

    /// The Markdown that a check wrote about itself.
    pub(super) fn of_summary(summary: &str) -> Self {
        Self::new(&text::strip_hidden_markup(summary).text)
    }

    fn new(text: &str) -> Self {
        // Before anything is cut: half a secret has no form that could be known.
        let text = text::redact(text, &[]).0;
        let mut lines = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            lines.push(at..at + line.trim_end_matches('\n').len());
            at += line.len();
        }
        Self { body: 0..lines.len(), text, lines, command: None }
    }

    /// The line with this index.
    pub(super) fn line(&self, index: usize) -> &str {
        &self.text[self.lines[index].clone()]
    }

    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn find_failed_step(&mut self, name: Option<&str>) {
        let steps = self.steps();
        let named = |step: &&Range<usize>| name.is_some_and(|name| is_called(self.line(step.start), name));
        let failed: Vec<&Range<usize>> = steps.iter().filter(|step| self.last_error(step).is_some()).collect();
        // Steps that may fail run before the one that failed the job, steps that always run after it. Its name tells
        // them apart; without it the first is the better guess, since what follows is often a consequence.
        let failed =
            failed.iter().copied().find(named).or_else(|| failed.first().copied()).or_else(|| steps.iter().find(named));
        let Some(step) = failed.cloned() else { return };
        let end = self.last_error(&step).map_or(step.end, |last| last + 1);
        if self.line(step.start).starts_with(STEP_BEGIN) {
            self.command = Some(step.start);
            self.body = self.after_header(&step)..end;
        } else {
            self.body = step.start..end;
        }
    }

    /// The steps in their order; what the runner prints before the first counts as one.
    fn steps(&self) -> Vec<Range<usize>> {
        let mut starts: Vec<usize> = (0..self.lines.len()).filter(|index| begins_step(self.line(*index))).collect();
        if starts.first() != Some(&0) && !self.lines.is_empty() {
            starts.insert(0, 0);
        }
        let ends = starts.iter().skip(1).copied().chain([self.lines.len()]);
        starts.iter().zip(ends).map(|(start, end)| *start..end).collect()
    }

    fn last_error(&self, step: &Range<usize>) -> Option<usize> {
        step.clone().rev().find(|index| self.line(*index).starts_with("##[error]"))
    }

    /// Where the output of a step begins: behind its command, shell and environment, which are a group of their own.
    fn after_header(&self, step: &Range<usize>) -> usize {
        let header = step.clone().find(|index| self.line(*index) == "##[endgroup]");
        header.map_or(step.start + 1, |end| end + 1)
    }
}

/// Whether the runner announces a step with `line`.
pub(super) fn begins_step(line: &str) -> bool {
    line.starts_with(STEP_BEGIN) || line == "Post job cleanup."
}

/// Whether the step that begins with `line` is called `name`. A step without a name is called like its command.
fn is_called(line: &str, name: &str) -> bool {
    let command = line.strip_prefix(STEP_BEGIN).unwrap_or(line).trim();
    let name = name.strip_prefix("Run ").unwrap_or(name).trim();
    !command.is_empty() && (command == name || (name.len() > 20 && command.starts_with(name)))
}

/// The runner writes the time in front of every line, and a byte order mark in front of some.
fn without_timestamps(log: &str) -> String {
    let mut plain = String::with_capacity(log.len());
    for line in log.split_inclusive('\n') {
        let line = line.trim_start_matches('\u{FEFF}');
        plain.push_str(&line[timestamp(line)..]);
    }
    plain
}

/// The length of `2026-11-20T06:53:55.1234567Z ` at the beginning of `line`, else 0.
pub(super) fn timestamp(line: &str) -> usize {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = line.as_bytes();
    let fits = |(shape, byte): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { shape == byte };
    if bytes.len() <= SHAPE.len() || !SHAPE.iter().zip(bytes).all(fits) {
        return 0;
    }
    let fraction = &bytes[SHAPE.len()..];
    let zulu = fraction.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    match fraction.get(zulu..) {
        Some([b'Z', b' ', ..]) => SHAPE.len() + zulu + 2,
        Some([b'Z', ..]) => SHAPE.len() + zulu + 1,
        _ => 0,
    }
}

/// A line of the log as people read it: without the runner's own marks.
pub(super) fn readable(line: &str) -> Option<String> {
    let (command, words) = rule::command(line);
    match command {
        Some("endgroup") => None,
        Some(level @ ("error" | "warning")) => Some(format!("{level}: {words}")),
        Some(_) => Some(words.to_owned()),
        None => Some(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(log: &str, step: Option<&str>) -> (Option<String>, Vec<String>) {
        let log = Log::of_job(log, step);
        let lines = log.body.clone().map(|index| log.line(index).to_owned()).collect();
        (log.command.map(|index| log.line(index).to_owned()), lines)
    }

    const TWO_STEPS: &str = "\u{FEFF}2026-11-20T06:53:55.1234567Z Runner\n\
        2026-11-20T06:53:55.1234567Z ##[group]Run make lint\n\
        2026-11-20T06:53:55.1234567Z shell: bash\n\
        2026-11-20T06:53:55Z ##[endgroup]\n\
        \u{FEFF}2026-11-20T06:53:55Z \u{1B}[31mlint\u{1B}[0m\r\n\
        2026-11-20T06:53:55Z\n\
        2026-11-20T06:53:55Z ##[error]Process completed with exit code 1.\n\
        2026-11-20T06:53:56Z ##[group]Run make test\n\
        2026-11-20T06:53:56Z ##[endgroup]\n\
        2026-11-20T06:53:56Z test\n\
        2026-11-20T06:53:56Z ##[error]Process completed with exit code 2.\n\
        2026-11-20T06:53:57Z Post job cleanup.\n\
        2026-11-20T06:53:57Z ##[warning]late\n";

    #[test]
    fn the_named_step_is_read() {
        let expected = vec!["test".to_owned(), "##[error]Process completed with exit code 2.".to_owned()];

        assert_eq!(body(TWO_STEPS, Some("Run make test")), (Some("##[group]Run make test".into()), expected));
    }

    #[test]
    fn the_first_failed_step_is_read_when_no_name_fits() {
        let expected = ["lint", "", "##[error]Process completed with exit code 1."].map(str::to_owned).to_vec();

        assert_eq!(body(TWO_STEPS, Some("Tests")), (Some("##[group]Run make lint".into()), expected));
    }

    #[test]
    fn a_job_that_never_reached_a_step_is_read() {
        let log = "Current runner\n##[error]Unable to resolve action x\nlate\n##[group]Run y\n";
        let expected = ["Current runner", "##[error]Unable to resolve action x"].map(str::to_owned).to_vec();

        assert_eq!(body(log, None), (None, expected));
    }

    #[test]
    fn a_log_of_another_system_is_read_as_a_whole() {
        assert_eq!(body("a\nb", None), (None, vec!["a".into(), "b".into()]));
        assert_eq!(body("", None), (None, vec![]));
    }

    #[test]
    fn only_whole_timestamps_go() {
        assert_eq!(
            without_timestamps("2026-11-20T06:53:55 x\n2026-11-20 x\n"),
            "2026-11-20T06:53:55 x\n2026-11-20 x\n"
        );
    }
}
