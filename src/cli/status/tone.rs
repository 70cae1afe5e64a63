//! How phases look: a sign of its own and a colour, so that neither is needed to tell them apart.

use anstyle::{AnsiColor, Style};

use crate::view::{PullPhase, SessionPhase, Severity, TaskPhase};

/// How something stands, at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A person has to come.
    Trouble,
    /// Somebody should look.
    Warning,
    /// Somebody works on it.
    Busy,
    /// It waits for somebody else.
    Waiting,
    /// It is well.
    Good,
    /// It is over.
    Over,
}

impl Tone {
    const ALL: [Self; 6] = [Self::Trouble, Self::Warning, Self::Busy, Self::Waiting, Self::Good, Self::Over];

    /// Its sign.
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Trouble => '✗',
            Self::Warning => '▲',
            Self::Busy => '●',
            Self::Waiting => '○',
            Self::Good => '✓',
            Self::Over => '·',
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Trouble => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Busy => AnsiColor::Blue.on_default().bold(),
            Self::Waiting => AnsiColor::Cyan.on_default(),
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Over => Style::new().dimmed(),
        }
    }
}

impl From<TaskPhase> for Tone {
    fn from(phase: TaskPhase) -> Self {
        match phase {
            TaskPhase::Queued | TaskPhase::InReview => Self::Waiting,
            TaskPhase::Preparing
            | TaskPhase::SettingUp
            | TaskPhase::Working
            | TaskPhase::NoChange
            | TaskPhase::Closing => Self::Busy,
            TaskPhase::Failed => Self::Trouble,
            TaskPhase::Done => Self::Good,
            TaskPhase::Abandoned => Self::Over,
        }
    }
}

impl From<PullPhase> for Tone {
    fn from(phase: PullPhase) -> Self {
        match phase {
            PullPhase::NeedsHuman => Self::Trouble,
            PullPhase::Conflicting => Self::Warning,
            PullPhase::Repairing => Self::Busy,
            PullPhase::Waiting | PullPhase::InReview | PullPhase::Draft | PullPhase::Paused => Self::Waiting,
            PullPhase::Green | PullPhase::Ready | PullPhase::Merged => Self::Good,
            PullPhase::Closed => Self::Over,
        }
    }
}

impl From<SessionPhase> for Tone {
    fn from(phase: SessionPhase) -> Self {
        match phase {
            SessionPhase::NeedsInput | SessionPhase::Exited => Self::Trouble,
            SessionPhase::Launching | SessionPhase::Starting | SessionPhase::Working | SessionPhase::Stopping => {
                Self::Busy
            }
            SessionPhase::Idle => Self::Waiting,
            SessionPhase::Ended => Self::Over,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Urgent => Self::Trouble,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Over,
        }
    }
}

/// Colours the first sign of a line: tables are laid out without colours, whose letters have no width.
pub(super) fn coloured(line: &str) -> String {
    let sign = |letter: char| Tone::ALL.into_iter().find(|tone| tone.sign() == letter);
    let Some((at, tone)) = line.char_indices().find_map(|(at, letter)| Some((at, sign(letter)?))) else {
        return line.to_owned();
    };
    let (before, rest) = line.split_at(at);
    let (sign, after) = rest.split_at(tone.sign().len_utf8());
    let style = tone.style();
    format!("{before}{style}{sign}{style:#}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_sign_of_a_line_is_coloured() {
        assert_eq!(coloured(" t-1  ✓ done  ✗"), format!(" t-1  {0}✓{0:#} done  ✗", Tone::Good.style()));
        assert_eq!(coloured("nothing here"), "nothing here");
    }

    #[test]
    fn every_tone_has_a_sign_of_its_own() {
        let signs: std::collections::BTreeSet<_> = Tone::ALL.into_iter().map(Tone::sign).collect();

        assert_eq!(signs.len(), Tone::ALL.len());
    }
}
