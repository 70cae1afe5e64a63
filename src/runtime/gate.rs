//! What must hold on the screen at the moment of typing. Pure: it judges a [`Screen`] and the name of a process.
//!
//! A gate that cannot be evaluated is closed.

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Message, Screen, Why};

/// What must hold on the screen; the patterns come from the agent's adapter and see the visible rows joined by `\n`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Gate {
    /// Must match: the agent's composer waits for text.
    #[serde(with = "optional")]
    pub ready: Option<Regex>,
    /// None of these may match: dialogs in which Enter gives an answer.
    #[serde(with = "many")]
    pub dialogs: Vec<Regex>,
    /// Its first group (or the whole match, if it has none) is a person's half-typed text; any visible character in it
    /// closes the gate. Dim text does not count: agents show suggestions so.
    #[serde(with = "optional")]
    pub draft: Option<Regex>,
    /// Whether a shell in the foreground closes the gate.
    pub shells: bool,
}

impl Gate {
    /// Whether `message` may be typed at what `screen` shows.
    ///
    /// # Errors
    ///
    /// The first reason against it; a dialog before all others.
    pub fn judge(&self, screen: &Screen, foreground: Option<&str>, message: &Message) -> Result<(), Why> {
        let shown = screen.visible_text();
        if self.dialogs.iter().any(|dialog| dialog.is_match(&shown)) {
            return Err(Why::Dialog);
        }
        self.judge_reader(foreground)?;
        if self.ready.as_ref().is_some_and(|ready| !ready.is_match(&shown)) {
            return Err(Why::NotReady);
        }
        if self.draft.as_ref().is_some_and(|draft| holds_text(draft, &screen.typed_text())) {
            return Err(Why::Draft);
        }
        // A terminal that does not tell is believed only if the composer itself was recognised.
        let marked = screen.bracketed_paste.unwrap_or(self.ready.is_some());
        if marked || message.may_be_typed_plain() { Ok(()) } else { Err(Why::NoBracketedPaste) }
    }
}

impl Gate {
    /// Whether the agent is known to draw what stands in its composer.
    #[must_use]
    pub const fn draws(&self) -> bool {
        self.draft.is_some()
    }

    /// Whether Enter would still submit `message`, which stands in the composer: a dialog may have opened meanwhile, or
    /// the agent may have died. A pattern that the message itself matches says nothing now. As long as an agent that draws
    /// its composer has not `drawn` the text, what it shows is old: an Enter could answer a dialog that nobody has seen.
    ///
    /// # Errors
    ///
    /// What Enter would do instead.
    pub fn judge_enter(
        &self,
        screen: &Screen,
        foreground: Option<&str>,
        message: &Message,
        drawn: bool,
    ) -> Result<(), Why> {
        if self.draws() && !drawn {
            return Err(Why::NotReading);
        }
        let shown = screen.visible_text();
        let opened = |dialog: &&Regex| dialog.is_match(&shown) && !dialog.is_match(message.text());
        if self.dialogs.iter().any(|dialog| opened(&dialog)) {
            return Err(Why::Dialog);
        }
        self.judge_reader(foreground)
    }

    /// Whether an agent would read what is typed.
    fn judge_reader(&self, foreground: Option<&str>) -> Result<(), Why> {
        match foreground.filter(|_| self.shells) {
            None if self.shells => Err(Why::Foreground),
            Some(name) if is_shell(name) => Err(Why::Shell),
            Some(_) | None => Ok(()),
        }
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        let words = |gate: &Self| {
            let one = |pattern: &Option<Regex>| pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
            let dialogs: Vec<_> = gate.dialogs.iter().map(|dialog| dialog.as_str().to_owned()).collect();
            (one(&gate.ready), dialogs, one(&gate.draft), gate.shells)
        };
        words(self) == words(other)
    }
}

/// Whether a process of this name would run what is typed.
fn is_shell(name: &str) -> bool {
    const SHELLS: [&str; 15] = [
        "ash",
        "bash",
        "busybox",
        "cmd",
        "csh",
        "dash",
        "elvish",
        "fish",
        "ksh",
        "nu",
        "powershell",
        "pwsh",
        "sh",
        "tcsh",
        "zsh",
    ];
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).trim_start_matches('-').to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    SHELLS.contains(&name) || name == "xonsh"
}

fn holds_text(draft: &Regex, shown: &str) -> bool {
    draft.captures_iter(shown).any(|found| {
        let typed = found.get(1).or_else(|| found.get(0).filter(|_| found.len() == 1));
        typed.is_some_and(|typed| !typed.as_str().trim().is_empty())
    })
}

fn compiled<E: serde::de::Error>(pattern: &str) -> Result<Regex, E> {
    Regex::new(pattern).map_err(E::custom)
}

mod optional {
    use super::{Deserialize as _, Deserializer, Regex, Serialize as _, Serializer, compiled};

    #[expect(clippy::ref_option, reason = "the signature is what serde calls")]
    pub(super) fn serialize<S: Serializer>(pattern: &Option<Regex>, to: S) -> Result<S::Ok, S::Error> {
        pattern.as_ref().map(Regex::as_str).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Regex>, D::Error> {
        Option::<String>::deserialize(from)?.map(|pattern| compiled(&pattern)).transpose()
    }
}

mod many {
    use super::{Deserialize as _, Deserializer, Regex, Serializer, compiled};

    pub(super) fn serialize<S: Serializer>(patterns: &[Regex], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(patterns.iter().map(Regex::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Regex>, D::Error> {
        Vec::<String>::deserialize(from)?.iter().map(|pattern| compiled(pattern)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Attribute, Line, Run, Style};

    fn screen(rows: &[&str]) -> Screen {
        let line = |text: &&str| Line(vec![Run { text: (*text).to_owned(), style: Style::default() }]);
        Screen {
            columns: 80,
            rows: u16::try_from(rows.len()).unwrap(),
            lines: rows.iter().map(line).collect(),
            bracketed_paste: Some(true),
            ..Screen::default()
        }
    }

    fn gate() -> Gate {
        Gate {
            ready: Some(Regex::new("(?m)^>").unwrap()),
            dialogs: vec![Regex::new("Do you want to proceed").unwrap()],
            draft: Some(Regex::new("(?m)^> ?(.*)$").unwrap()),
            shells: true,
        }
    }

    fn message(text: &str) -> Message {
        Message::new("abcdefghij".parse().unwrap(), format!("[antiphon:abcdefghij] {text}")).unwrap()
    }

    #[test]
    fn an_empty_composer_of_the_agent_is_open() {
        assert_eq!(gate().judge(&screen(&["hello", "> "]), Some("claude"), &message("x")), Ok(()));
    }

    #[test]
    fn each_reason_closes_the_gate() {
        let cases = [
            (vec!["Do you want to proceed?", "> 1. Yes"], Some("claude"), Why::Dialog),
            (vec!["> "], Some("bash"), Why::Shell),
            (vec!["> "], None, Why::Foreground),
            (vec!["loading"], Some("claude"), Why::NotReady),
            (vec!["> half a sent"], Some("claude"), Why::Draft),
        ];
        for (rows, foreground, why) in cases {
            assert_eq!(gate().judge(&screen(&rows), foreground, &message("x")), Err(why), "{rows:?}");
        }
    }

    #[test]
    fn a_login_shell_by_its_path_is_a_shell_and_an_agent_is_not() {
        for shell in ["sh", "-bash", "/bin/zsh", "C:\\Windows\\cmd.exe", "pwsh", "PowerShell.exe", "-fish"] {
            assert!(is_shell(shell), "{shell}");
        }
        for agent in ["claude", "node", "codex", "shed", "bashful", "python3"] {
            assert!(!is_shell(agent), "{agent}");
        }
    }

    #[test]
    fn a_dim_suggestion_does_not_close_the_gate() {
        let mut screen = screen(&["> "]);
        let style = Style { attributes: vec![Attribute::Dim], ..Style::default() };
        screen.lines[0].0.push(Run { text: "Try \"fix the tests\"".into(), style });

        assert_eq!(gate().judge(&screen, Some("claude"), &message("x")), Ok(()));
    }

    #[test]
    fn text_of_many_lines_needs_bracketed_paste() {
        let mut screen = screen(&["> "]);
        screen.bracketed_paste = Some(false);

        assert_eq!(gate().judge(&screen, Some("claude"), &message("a\nb")), Err(Why::NoBracketedPaste));
        assert_eq!(gate().judge(&screen, Some("claude"), &message("a")), Ok(()));
        screen.bracketed_paste = None;
        assert_eq!(gate().judge(&screen, Some("claude"), &message("a\nb")), Ok(()));
        assert_eq!(Gate::default().judge(&screen, None, &message("a\nb")), Err(Why::NoBracketedPaste));
    }

    #[test]
    fn scrollback_is_not_judged() {
        let mut screen = screen(&["Do you want to proceed?", "> "]);
        screen.rows = 1;

        assert_eq!(gate().judge(&screen, Some("claude"), &message("x")), Ok(()));
    }

    #[test]
    fn enter_is_withheld_from_what_came_up_meanwhile_and_not_because_of_the_message_itself() {
        let (asks, quotes) = (screen(&["Do you want to proceed?"]), message("Do you want to proceed?"));
        let x = message("x");
        let enter = |shown: &str, foreground| gate().judge_enter(&screen(&[shown]), foreground, &x, true);

        assert_eq!(enter("Do you want to proceed?", Some("claude")), Err(Why::Dialog));
        assert_eq!(gate().judge_enter(&asks, Some("claude"), &quotes, true), Ok(()));
        assert_eq!(enter("> x", Some("zsh")), Err(Why::Shell));
        assert_eq!(enter("> x", None), Err(Why::Foreground));
        assert_eq!(enter("> x", Some("claude")), Ok(()));
    }

    #[test]
    fn enter_is_withheld_from_a_composer_that_has_not_drawn_the_text() {
        let (old, x) = (screen(&["> "]), message("x"));
        let knows_no_composer = Gate { draft: None, ..gate() };

        assert_eq!(gate().judge_enter(&old, Some("claude"), &x, false), Err(Why::NotReading));
        assert_eq!(knows_no_composer.judge_enter(&old, Some("claude"), &x, false), Ok(()));
    }

    #[test]
    fn a_gate_survives_its_json() {
        let json = serde_json::to_string(&gate()).unwrap();

        assert_eq!(serde_json::from_str::<Gate>(&json).unwrap(), gate());
        assert!(serde_json::from_str::<Gate>(&json.replace("(?m)^>\"", "(\"")).is_err());
    }
}
