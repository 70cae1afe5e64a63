//! Where the command line speaks: results on standard output, errors and remarks on standard error.
//!
//! Colours reach terminals only, and not those of people who set `NO_COLOR`. A reader that closes the pipe ends the
//! command quietly. Nothing else in the command line writes to these streams.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::error::{Error, Kind};

const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

/// Writes text and a line end to standard output. Colours in it are taken out where they are not wanted.
pub(super) fn line(text: &str) -> Result<(), Error> {
    text_as_it_is(&format!("{text}\n"))
}

/// Writes text to standard output. Colours in it are taken out where they are not wanted.
pub(super) fn text_as_it_is(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
}

/// Writes to standard output what is for the terminal itself: nothing is taken out.
pub(super) fn raw(sequence: &str) -> Result<(), Error> {
    io::stdout().write_all(sequence.as_bytes()).map_err(|error| unwritten(&error))
}

/// Writes a value as JSON over several lines.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::failed("cannot be shown as JSON").because(&error))?;
    line(&text)
}

/// Writes a value as JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Error> {
    let text =
        serde_json::to_string(value).map_err(|error| Error::failed("cannot be shown as JSON").because(&error))?;
    line(&text)
}

/// Says something beside the result. Nobody depends on it.
pub(super) fn remark(text: &str) {
    drop(writeln!(anstream::stderr(), "{DIM}{text}{DIM:#}"));
}

/// Shows an error.
pub(super) fn complain(error: &Error, as_json: bool) {
    let mut out = anstream::stderr();
    // There is nobody left to tell if standard error is gone as well.
    drop(match (error.kind, as_json) {
        (Kind::ReaderGone, _) => Ok(()),
        (_, true) => writeln!(out, "{}", error.as_json()),
        (_, false) => write!(out, "{}", shown(error)),
    });
}

fn shown(error: &Error) -> String {
    let say = |style: Style, word: &str, what: &str| {
        let what = what.trim_end().replace('\n', "\n  ");
        format!("{style}{word}:{style:#} {what}\n")
    };
    let mistakes = error.mistakes.iter().map(|mistake| format!("{}\n\n", mistake.render(true)));
    let causes = error.causes.iter().map(|cause| say(DIM, "caused by", cause));
    let hints = error.hints.iter().map(|hint| say(CYAN, "hint", hint));
    mistakes.chain([say(RED, "error", &error.message)]).chain(causes).chain(hints).collect()
}

/// Standard output for whoever writes much to it; no colours.
pub(super) fn stream() -> impl Write + Send + 'static {
    io::BufWriter::with_capacity(64 << 10, io::stdout())
}

/// Whether a person looks at standard output.
pub(super) fn is_terminal() -> bool {
    io::IsTerminal::is_terminal(&io::stdout())
}

/// Standard output could not be written to.
pub(super) fn unwritten(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::new(Kind::ReaderGone, "nobody reads the output");
    }
    Error::failed("cannot write to standard output").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_with_causes_and_hints() {
        let io = io::Error::other("disk full");
        let error = Error::failed("cannot write the settings").because(&io).hint("make room");

        let plain = anstream::adapter::strip_str(&shown(&error)).to_string();

        assert_eq!(plain, "error: cannot write the settings\ncaused by: disk full\nhint: make room\n");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = unwritten(&io::ErrorKind::BrokenPipe.into());

        assert_eq!((error.kind, error.kind.exit_code()), (Kind::ReaderGone, 0));
    }
}
