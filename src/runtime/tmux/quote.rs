//! How text passes through tmux unchanged: the one place that knows what tmux would expand.
//!
//! Everything goes over a control-mode connection, where a line is parsed once. Inside single quotes its parser takes
//! everything literally (`;`, `#`, `$`, `~`, `\`); a quote itself and control characters need double quotes and escapes.

use std::{ffi::OsString, fmt::Write as _};

/// One argument of a command line. `text` must not hold a NUL.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        if character == '\'' || character.is_ascii_control() {
            // Leave the single quotes for one character.
            quoted.push_str("'\"");
            match character {
                '\'' => quoted.push('\''),
                control => write!(quoted, "\\{:03o}", u32::from(control)).expect("a string takes all text"),
            }
            quoted.push_str("\"'");
        } else {
            quoted.push(character);
        }
    }
    quoted.push('\'');
    quoted
}

/// Text for an argument that tmux expands as a format: `#(…)` in it would otherwise run a command.
pub(crate) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        let (before, from) = rest.split_at(at);
        let after = from.trim_start_matches('#');
        let marks = &from[..from.len() - after.len()];
        literal.push_str(before);
        literal.push_str(marks);
        // Before a bracket they would begin a style, and tmux leaves them as they are.
        if !after.starts_with('[') {
            literal.push_str(marks);
        }
        rest = after;
    }
    literal.push_str(rest);
    literal
}

/// Text for an argument in which tmux also puts the time: every `%` would otherwise be read as a part of it.
pub(crate) fn timeless(text: &str) -> String {
    text.replace('%', "%%")
}

/// A line for a shell that takes each argument as it is; `None` if one is no text.
pub(crate) fn shell<'a>(arguments: impl IntoIterator<Item = &'a OsString>) -> Option<String> {
    let quote = |argument: &'a OsString| Some(format!("'{}'", argument.to_str()?.replace('\'', r"'\''")));
    arguments.into_iter().map(quote).collect::<Option<Vec<_>>>().map(|arguments| arguments.join(" "))
}

/// A command line of quoted arguments.
pub(crate) fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    arguments.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_quotes_and_controls_is_only_enclosed() {
        assert_eq!(quote("a;b #(x) $HOME ~ \\n \"q\" 漢"), "'a;b #(x) $HOME ~ \\n \"q\" 漢'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn quotes_and_controls_are_escaped_one_by_one() {
        assert_eq!(quote("it's"), "'it'\"'\"'s'");
        assert_eq!(quote("a\nb\r"), "'a'\"\\012\"'b'\"\\015\"''");
    }

    #[test]
    fn a_command_line_is_one_line_whatever_is_in_it() {
        assert_eq!(command(["set", "a\nkill-server", ";"]), "'set' 'a'\"\\012\"'kill-server' ';'");
    }

    #[test]
    fn a_line_for_a_shell_keeps_its_arguments_apart_and_the_time_out() {
        let arguments = ["/a b/it's".into(), "$(x)%H".into()];

        assert_eq!(timeless(&shell(&arguments).unwrap()), r"'/a b/it'\''s' '$(x)%%H'");
    }

    #[test]
    fn formats_are_made_literal() {
        assert_eq!(literal("/w/#(touch x)/#{pane_id}"), "/w/##(touch x)/##{pane_id}");
        assert_eq!(literal("##a#[b##[c#"), "####a#[b##[c##");
    }
}
