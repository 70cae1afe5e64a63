//! What was typed into a pane, written on the pane itself: one option per prompt.
//!
//! The mark and the keys travel in one command line, so that a daemon's death cannot come between them, and tmux checks
//! the mark itself, so that two daemons cannot both type.

use super::quote::command;
use crate::{
    model::{PromptId, Submission},
    runtime::Address,
};

const PLACED: &str = "placed";
const SUBMITTED: &str = "submitted";

/// A prompt's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// No byte was typed.
    None,
    /// The text was typed, Enter was not.
    Placed,
    /// Enter was typed.
    Submitted {
        /// If the terminal did not echo: on which lines, counted from the oldest, the id stood before Enter.
        silent: Option<Vec<usize>>,
    },
    /// Something else is written there.
    Strange,
}

impl Mark {
    /// Reads a mark.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once(' ').map_or((text, None), |(word, rest)| (word, Some(rest))) {
            ("", None) => Self::None,
            (PLACED, None) => Self::Placed,
            (SUBMITTED, None) => Self::Submitted { silent: None },
            (SUBMITTED, Some(lines)) => {
                let lines = lines.split(',').filter(|line| !line.is_empty()).map(str::parse);
                lines.collect::<Result<_, _>>().map_or(Self::Strange, |lines| Self::Submitted { silent: Some(lines) })
            }
            _ => Self::Strange,
        }
    }

    /// What the mark says about the prompt, when nobody is typing.
    pub(crate) const fn submission(&self) -> Submission {
        match self {
            Self::None => Submission::Untouched,
            Self::Placed => Submission::Placed,
            Self::Submitted { .. } => Submission::Submitted,
            Self::Strange => Submission::Indeterminate,
        }
    }
}

/// The option of a prompt.
pub(crate) fn option(prompt: &PromptId) -> String {
    format!("@antiphon_{prompt}")
}

/// The command that prints the launch of a pane and the mark of a prompt there. Both at once: a new server gives the ids
/// of an old one's panes to others.
pub(crate) fn show(pane: &str, prompt: &PromptId) -> String {
    let format = format!("#{{{launch}}}|#{{{option}}}", launch = super::pane::LAUNCH, option = option(prompt));
    command(["display-message", "-p", "-t", pane, &format])
}

/// The mark in what [`show`] printed; `None` if the pane is another launch's.
pub(crate) fn shown(printed: &str, address: &Address) -> Option<Mark> {
    let mark = printed.strip_prefix(&address.to_string())?.strip_prefix('|')?;
    Some(Mark::parse(mark.trim_end_matches('\n')))
}

/// The command that marks a prompt as placed and pastes `buffer`, if this is still the living, attentive pane of the
/// launch and the prompt has no mark. It prints [`DONE`] in the last of its four replies if it did.
pub(crate) fn place(pane: &str, address: &Address, prompt: &PromptId, buffer: &str) -> String {
    let option = option(prompt);
    let set = command(["set-option", "-p", "-t", pane, &option, PLACED]);
    let paste = command(["paste-buffer", "-d", "-p", "-r", "-b", buffer, "-t", pane]);
    conditional(pane, &condition(address, &option, ""), &set, &paste)
}

/// The command that marks a prompt as submitted and types Enter, under the same conditions and with the mark of
/// [`place`]. `silent` as in [`Mark::Submitted`].
pub(crate) fn submit(pane: &str, address: &Address, prompt: &PromptId, silent: Option<&[usize]>) -> String {
    let option = option(prompt);
    let lines = silent.map(|lines| lines.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
    let mark = lines.map_or_else(|| SUBMITTED.to_owned(), |lines| format!("{SUBMITTED} {lines}"));
    let set = command(["set-option", "-p", "-t", pane, &option, &mark]);
    // The character, not the key: with some keyboard protocols the key would be sent as something else.
    let enter = command(["send-keys", "-l", "-t", pane, "\r"]);
    conditional(pane, &condition(address, &option, PLACED), &set, &enter)
}

/// What [`place`] and [`submit`] print when they typed.
pub(crate) const DONE: &str = "done";
/// How many replies [`place`] and [`submit`] give: their own and three.
pub(crate) const REPLIES: usize = 4;

fn condition(address: &Address, option: &str, mark: &str) -> String {
    let launch = super::pane::LAUNCH;
    format!(
        "#{{&&:#{{==:#{{{launch}}},{address}}},#{{&&:#{{==:#{{pane_dead}}#{{pane_in_mode}},00}},#{{==:#{{{option}}},{mark}}}}}}}"
    )
}

fn conditional(pane: &str, condition: &str, first: &str, second: &str) -> String {
    let say = |word| command(["display-message", "-p", word]);
    let then = format!("{first} ; {second} ; {}", say(DONE));
    // As many replies as the other branch, so that they can be counted.
    let otherwise = format!("{no} ; {no} ; {no}", no = say("no"));
    command(["if-shell", "-F", "-t", pane, condition, &then, &otherwise])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_of_another_launch_says_nothing_about_a_prompt() {
        let address = crate::runtime::testing::address("t-1", 1);

        assert_eq!(shown("t-1-1|placed\n", &address), Some(Mark::Placed));
        assert_eq!(shown("t-1-1|\n", &address), Some(Mark::None));
        for other in ["|\n", "t-1-11|\n", "t-2-1|submitted\n", ""] {
            assert_eq!(shown(other, &address), None, "{other:?}");
        }
    }

    #[test]
    fn a_mark_says_how_far_a_prompt_got() {
        let silent = |lines: &[usize]| Mark::Submitted { silent: Some(lines.to_vec()) };
        for (text, mark) in [
            ("", Mark::None),
            ("placed", Mark::Placed),
            ("submitted", Mark::Submitted { silent: None }),
            ("submitted ", silent(&[])),
            ("submitted 3,14", silent(&[3, 14])),
            ("submitted x", Mark::Strange),
            ("other", Mark::Strange),
        ] {
            assert_eq!(Mark::parse(text), mark, "{text:?}");
        }
    }
}
