//! Tells the account: to people with colours and within the width of their terminal, to programs as JSON lines.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::{
    line::{Line, Tone, Who},
    stage::REPO,
    tally::Summary,
};
use crate::config::Environment;

/// Where what was done begins: after the time, the name and the arrow.
const INDENT: usize = 20;
/// Narrower terminals get lines that wrap by themselves.
const WIDTH_MIN: usize = 50;
/// Longer lines are hard to read.
const WIDTH_MAX: usize = 100;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// What stands above the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    /// By what durations are divided.
    pub(super) time_scale: u32,
    /// Where the simulated GitHub is.
    pub(super) github: String,
    /// Who works.
    pub(super) agent: String,
    /// The pause between two deeds.
    pub(super) pace_ms: u64,
    /// Where everything is.
    pub(super) dir: String,
}

/// Tells.
pub(super) struct Teller {
    json: bool,
    width: usize,
    began: Timestamp,
}

impl Teller {
    /// Tells from now on.
    pub(super) fn new(json: bool, environment: &Environment, began: Timestamp) -> Self {
        let asked = || environment.var("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = terminal_width().or_else(asked).unwrap_or(80).clamp(WIDTH_MIN, WIDTH_MAX);
        Self { json, width, began }
    }

    /// When it began.
    pub(super) const fn began(&self) -> Timestamp {
        self.began
    }

    /// What this is, before anything happens.
    pub(super) fn open(&self, opening: &Opening) -> io::Result<()> {
        let Opening { time_scale, github, agent, pace_ms, dir } = opening;
        if self.json {
            return say(&serde_json::json!({
                "schema": 1, "kind": "opening", "time_scale": time_scale, "github": github, "agent": agent,
                "pace_ms": pace_ms, "dir": dir,
            }));
        }
        let mut out = anstream::stdout();
        writeln!(
            out,
            "{BOLD}Antiphon demo{BOLD:#} · every duration divided by {time_scale} · no account, no key, no network"
        )?;
        let real = "The daemon, its rules and git are real; GitHub is simulated, and people are scripted.";
        for part in wrapped(real, self.width) {
            writeln!(out, "{DIM}{part}{DIM:#}")?;
        }
        writeln!(out)?;
        for (name, value) in [("GitHub", github.as_str()), ("agent", agent.as_str()), ("files", dir.as_str())] {
            writeln!(out, "  {name:<8}{value}")?;
        }
        out.flush()
    }

    /// The daemon's process, and how anybody starts it again.
    pub(super) fn daemon(&self, pid: Option<u32>, command: &[String]) -> io::Result<()> {
        if self.json {
            return say(&serde_json::json!({
                "schema": 1, "kind": "daemon", "pid": pid, "argv": command, "command": shell(command),
            }));
        }
        let mut out = anstream::stdout();
        let pid = pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
        writeln!(out, "  {:<8}process {pid}. Kill it if you like, and start it again with", "daemon")?;
        self.command(command)
    }

    /// A command to copy; it stays one when it is pasted.
    pub(super) fn command(&self, words: &[String]) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut out = anstream::stdout();
        let mut line = String::new();
        for word in phrases(words) {
            if !line.is_empty() && line.chars().count() + word.chars().count() + 8 > self.width {
                writeln!(out, "    {DIM}{line} \\{DIM:#}")?;
                line = "  ".to_owned();
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        writeln!(out, "    {DIM}{line}{DIM:#}")?;
        out.flush()
    }

    /// One line of the account.
    pub(super) fn tell(&self, line: &Line) -> io::Result<()> {
        if self.json {
            return say(&line.as_json(self.began));
        }
        let mut out = anstream::stdout();
        out.write_all(self.shown(line).as_bytes())?;
        out.flush()
    }

    /// The end.
    pub(super) fn conclude(&self, summary: &Summary) -> io::Result<()> {
        if self.json {
            let value = serde_json::to_value(summary)?;
            return say(&value);
        }
        let mut out = anstream::stdout();
        writeln!(out)?;
        match &summary.missing {
            None => writeln!(out, "{}Merged{0:#} in {:.1} s.", colour(Tone::Good), seconds(summary.ms))?,
            Some(missing) => {
                writeln!(out, "{}Not merged{0:#} after {:.1} s:", colour(Tone::Bad), seconds(summary.ms))?;
                for part in wrapped(missing, self.width.saturating_sub(2)) {
                    writeln!(out, "  {part}")?;
                }
            }
        }
        for text in numbers(summary) {
            writeln!(out, "  {text}")?;
        }
        if let Some(page) = &summary.page {
            writeln!(out, "  {:<10}{}", "the page", page.trim_end())?;
        }
        if let Some(log) = &summary.log {
            writeln!(out, "  {:<10}{log}", "the log")?;
        }
        out.flush()
    }

    /// Where the page is, while it is open.
    pub(super) fn invite(&self, link: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut out = anstream::stdout();
        writeln!(out, "\nThe page is still open. This link works once:\n  {link}\n")?;
        writeln!(out, "Press ctrl-c to end everything.")?;
        out.flush()
    }

    /// Words of this command to whoever watches.
    pub(super) fn remark(&self, words: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut out = anstream::stdout();
        writeln!(out, "{words}")?;
        out.flush()
    }

    fn shown(&self, line: &Line) -> String {
        let since = u64::try_from(line.at.duration_since(self.began).as_millis()).unwrap_or(0);
        let time = format!("{:.1}s", seconds(since));
        let (name, who, tone) = (line.who.name(), whose(&line.who), colour(line.tone));
        let (room, indent) = (self.width.saturating_sub(INDENT), " ".repeat(INDENT));
        // Whatever people do begins something new.
        let gap = if matches!(line.who, Who::Person(_)) && line.kind != "labeled" { "\n" } else { "" };
        let mut parts = wrapped(&line.what, room).into_iter();
        let first = parts.next().unwrap_or_default();
        let what = format!("{gap}{DIM}{time:>6}{DIM:#}  {who}{name:<9}{who:#} {DIM}⇢{DIM:#} {tone}{first}{tone:#}\n");
        let rest = parts.map(|part| format!("{indent}{tone}{part}{tone:#}\n"));
        let why = line.why.iter().flat_map(|why| wrapped(&format!("because {why}"), room));
        let why = why.map(|part| format!("{indent}{DIM}{part}{DIM:#}\n"));
        let quote = line.quote.iter().flat_map(|words| wrapped(words, room.saturating_sub(2)));
        let quote = quote.map(|part| format!("{indent}{DIM}│{DIM:#} {part}\n"));
        [what].into_iter().chain(rest).chain(why).chain(quote).collect()
    }
}

fn numbers(summary: &Summary) -> Vec<String> {
    let Summary { prompts_submitted, prompts_acknowledged, ci_red, ci_green, pushes, .. } = summary;
    let mut texts = vec![
        format!("{:<10}{prompts_submitted} typed, {prompts_acknowledged} acknowledged by the agent's hook", "prompts"),
        format!("{:<10}test.sh was red {ci_red}×, and green {ci_green}×", "CI"),
        format!("{:<10}{pushes} by the agent, with a credential lent for its own branch", "pushes"),
        format!("{:<10}{} by Antiphon: {}", "writes", summary.writes.len(), plain(&summary.writes).join(", ")),
        format!(
            "{:<10}{} delivered, {} failed, {} delivered again",
            "webhooks", summary.webhooks_delivered, summary.webhooks_failed, summary.webhooks_redelivered
        ),
    ];
    if summary.withheld > 0 {
        texts.push(format!("{:<10}{} texts of people who may not write", "withheld", summary.withheld));
    }
    if summary.daemon_starts > 1 {
        texts.push(format!(
            "{:<10}came up {} times; what failed meanwhile was delivered again",
            "daemon", summary.daemon_starts
        ));
    }
    texts
}

/// The words of a command, an option with its value as one.
fn phrases(words: &[String]) -> Vec<String> {
    let mut phrases: Vec<String> = Vec::new();
    for word in words {
        match phrases.last_mut() {
            Some(option) if option.starts_with("--") && !option.contains(' ') => {
                option.push(' ');
                option.push_str(&quoted(word));
            }
            Some(_) | None => phrases.push(quoted(word)),
        }
    }
    phrases
}

/// Writes without the part of their path that is always the same.
fn plain(writes: &[String]) -> Vec<String> {
    let short = |write: &String| {
        let method = write.split(' ').next().unwrap_or_default();
        write.split_once(REPO).map_or_else(|| write.clone(), |(_, path)| format!("{method} {path}"))
    };
    writes.iter().map(short).collect()
}

fn say(value: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{value}")?;
    out.flush()
}

#[expect(clippy::cast_precision_loss, reason = "no demo lasts long enough to lose a tenth of a second")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

const fn whose(who: &Who) -> Style {
    match who {
        Who::Person(_) => AnsiColor::Magenta.on_default(),
        Who::GitHub => AnsiColor::Blue.on_default(),
        Who::Antiphon => AnsiColor::Cyan.on_default().bold(),
        Who::Agent => AnsiColor::Yellow.on_default(),
        Who::Demo => BOLD,
    }
}

const fn colour(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Quiet => DIM,
    }
}

/// Breaks words into lines of at most `room`; a longer word stays whole.
fn wrapped(words: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A command as it is typed into a shell.
fn shell(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(unix)]
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(not(unix))]
const fn terminal_width() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_the_terminal() {
        let teller = Teller { json: false, width: 50, began: Timestamp::UNIX_EPOCH };
        let at = Timestamp::from_millisecond(1234).unwrap();
        let line = Line::new(at, Who::Antiphon, "x", "takes issue #1 as task pages-1, at once")
            .because("a slot is free and nothing blocks it")
            .quoting(["words that somebody said to somebody else"]);

        let shown = anstream::adapter::strip_str(&teller.shown(&line)).to_string();

        insta::assert_snapshot!(shown, @r"
          1.2s  Antiphon  ⇢ takes issue #1 as task
                            pages-1, at once
                            because a slot is free and
                            nothing blocks it
                            │ words that somebody said to
                            │ somebody else
        ");
    }

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(shell(&["env".into(), "A=b".into(), "/a b/it's".into()]), r"env A=b '/a b/it'\''s'");
    }
}
