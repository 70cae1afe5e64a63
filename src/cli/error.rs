//! The one error of the command line: its kind decides the exit code, its hints say what to do next.
//!
//! It never prints itself; `output` does.

use std::error::Error as StdError;

use serde_json::{Value, json};

use crate::{client, config, journal, yaml::Diagnostic};

/// What went wrong, as a person who typed a command needs to hear it.
#[derive(Debug)]
pub(super) struct Error {
    /// Which kind of failure; decides the exit code.
    pub(super) kind: Kind,
    /// What went wrong: a lower-case fragment.
    pub(super) message: String,
    /// Why, from the nearest cause to the deepest.
    pub(super) causes: Vec<String>,
    /// What to do about it.
    pub(super) hints: Vec<String>,
    /// Mistakes in files, each shown at its place.
    pub(super) mistakes: Vec<Diagnostic>,
}

/// The kinds of failure that scripts can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whoever read the output has closed it. Nobody is told.
    ReaderGone,
    /// Something did not work.
    Failed,
    /// The command line, the settings or a rule file is wrong.
    Invalid,
    /// No daemon runs here.
    NoDaemon,
    /// The daemon does not do this, or does not know what it is about.
    Refused,
    /// A check found problems.
    Unsound,
}

impl Kind {
    /// Every kind, sorted by exit code.
    pub(super) const ALL: [Self; 6] =
        [Self::ReaderGone, Self::Failed, Self::Invalid, Self::NoDaemon, Self::Refused, Self::Unsound];

    /// The exit code.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::NoDaemon => 3,
            Self::Refused => 4,
            Self::Unsound => 5,
        }
    }

    /// The word for it in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ReaderGone => "ok",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::NoDaemon => "no-daemon",
            Self::Refused => "refused",
            Self::Unsound => "unsound",
        }
    }

    /// What the exit code means, in one sentence.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::ReaderGone => "It worked, also when whoever read the output had seen enough and closed it.",
            Self::Failed => "It did not work: the error says why.",
            Self::Invalid => "The command line, the settings or a rule file is wrong. Nothing was done.",
            Self::NoDaemon => "No daemon runs with this state directory, or it cannot be reached.",
            Self::Refused => "The daemon refused, or does not know what was named. Nothing was done.",
            Self::Unsound => "`doctor`, `github check`, `journal verify` or `bench` worked and found problems.",
        }
    }
}

impl Error {
    /// An error of this kind.
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hints: Vec::new(), mistakes: Vec::new() }
    }

    /// Something did not work.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// What was typed or written is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    /// The same error with a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error with its cause, and the causes of that.
    pub(super) fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Mistakes in files; `what` says of which.
    pub(super) fn mistakes(what: &str, mistakes: Vec<Diagnostic>) -> Self {
        let count = match mistakes.len() {
            1 => "a mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        Self { mistakes, ..Self::invalid(format!("{what} hold {count}")) }
    }

    /// The error as one JSON object.
    pub(super) fn as_json(&self) -> Value {
        let mistakes: Vec<Value> = self.mistakes.iter().map(mistake).collect();
        json!({
            "error": self.message,
            "kind": self.kind.name(),
            "exit_code": self.kind.exit_code(),
            "causes": self.causes,
            "hints": self.hints,
            "mistakes": mistakes,
        })
    }
}

/// A mistake in a file as JSON.
pub(super) fn mistake(found: &Diagnostic) -> Value {
    json!({
        "file": found.file(),
        "line": found.line,
        "column": found.column,
        "path": found.path,
        "message": found.message,
        "hint": found.hint,
    })
}

impl From<config::Error> for Error {
    fn from(error: config::Error) -> Self {
        match error {
            config::Error::NotFound { .. } => Self::invalid(error.to_string())
                .hint("write them with `antiphon init`, or name them with --config FILE"),
            config::Error::Unreadable { ref source, .. } => Self::invalid(error.to_string()).because(source),
            config::Error::Invalid(mistakes) => Self::mistakes("the settings", mistakes),
            config::Error::NoHome => {
                Self::invalid(error.to_string()).hint("set HOME, or name a directory with --state-dir DIR")
            }
        }
    }
}

impl From<journal::Error> for Error {
    fn from(error: journal::Error) -> Self {
        let message = error.to_string();
        match error {
            journal::Error::Locked { .. } => Self::failed(message)
                .hint("a daemon runs there: look at it with `antiphon status`, or choose another --state-dir"),
            journal::Error::TooNew { .. } => Self::failed(message).hint("update antiphon"),
            journal::Error::NotWritable(why) => {
                Self::failed(message).because(why.as_ref()).hint("see to free space and to the directory's permissions")
            }
            journal::Error::Other(why) => Self::failed(message).because(why.as_ref()),
        }
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        let message = error.to_string();
        match error {
            client::Error::NotRunning { .. } => Self::new(Kind::NoDaemon, message)
                .hint("start one with `antiphon up`; if it runs elsewhere, name its --state-dir"),
            client::Error::Refused(problem) => {
                let refused = Self::new(Kind::Refused, message);
                problem.hint.into_iter().fold(refused, Self::hint)
            }
            client::Error::TooNew { .. } => {
                Self::failed(message).hint("use the version of antiphon that runs the daemon")
            }
            client::Error::Other(why) => Self::failed(message).because(why.as_ref()),
        }
    }
}

impl From<anyhow::Error> for Error {
    /// What a lower layer names is shown as that; everything else is its chain of causes.
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast::<config::Error>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        match error.downcast::<journal::Error>() {
            Ok(error) => error.into(),
            Err(error) => {
                let causes = error.chain().skip(1).map(ToString::to_string).collect();
                Self { causes, ..Self::failed(error.to_string()) }
            }
        }
    }
}

impl From<clap::Error> for Error {
    /// For those who asked for JSON; everybody else gets what clap shows.
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n").map(str::trim);
        let message = paragraphs.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let tips = paragraphs.filter_map(|it| it.strip_prefix("tip: ")).map(ToOwned::to_owned).collect();
        Self { hints: tips, ..Self::invalid(message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_exit_code_of_its_own_and_stands_in_the_documentation() {
        let documented = include_str!("../../docs/exit-codes.md");
        let codes: Vec<u8> = Kind::ALL.into_iter().map(Kind::exit_code).collect();

        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
        for kind in Kind::ALL {
            let row = format!("| {} | `{}` | {} |", kind.exit_code(), kind.name(), kind.meaning());
            assert!(documented.contains(&row), "docs/exit-codes.md lacks\n{row}");
        }
    }

    #[test]
    fn a_lower_layers_error_keeps_its_kind_through_anyhow() {
        let hidden = anyhow::Error::from(config::Error::NoHome);

        assert_eq!(Error::from(hidden).kind, Kind::Invalid);
    }

    #[test]
    fn other_errors_show_every_cause() {
        let error = anyhow::anyhow!("disk full").context("cannot write x").context("the daemon did not start");

        let shown = Error::from(error);

        assert_eq!((shown.message.as_str(), shown.kind), ("the daemon did not start", Kind::Failed));
        assert_eq!(shown.causes, ["cannot write x", "disk full"]);
    }
}
