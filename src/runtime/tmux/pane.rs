//! What tmux says about the pane of one launch.

use std::path::PathBuf;

use super::{control::Control, quote::command};
use crate::runtime::{Address, Cursor, Error, Probe, Screen, os};

/// The option in which a pane knows its launch: a pane that a person added has none.
pub(crate) const LAUNCH: &str = "@antiphon_launch";

/// The fields of [`Pane`], none of which can hold the separator but the last.
const FIELDS: &str = "#{@antiphon_launch}|#{pane_id}|#{pane_dead}|#{pane_dead_status}|#{pane_dead_signal}|\
                      #{pane_in_mode}|#{pane_pid}|#{pane_tty}|#{bracket_paste_flag}|#{history_size}|#{cursor_x}|\
                      #{cursor_y}|#{cursor_flag}|#{pane_width}|#{pane_height}|#{pid}|#{pane_current_command}";

/// A pane at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pane {
    /// `%N`: the only name that never means another pane.
    pub(crate) id: String,
    /// How the process ended; `None` while it runs.
    pub(crate) ended: Option<Probe>,
    /// Whether a person scrolls or selects.
    pub(crate) in_mode: bool,
    /// The process that was started.
    pub(crate) pid: Option<u32>,
    /// Its terminal.
    pub(crate) tty: PathBuf,
    /// Whether the application asked for marked pastes; older versions of tmux do not tell.
    pub(crate) bracketed_paste: Option<bool>,
    /// Lines above the screen.
    pub(crate) history: usize,
    /// Where the cursor is.
    pub(crate) cursor: Cursor,
    /// Width and height.
    pub(crate) size: (u16, u16),
    /// The tmux server.
    pub(crate) server: Option<u32>,
    /// The name of the foreground process, as tmux finds it.
    pub(crate) command: String,
}

impl Pane {
    /// Looks for the pane of a launch.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when there is none.
    pub(crate) async fn find(control: &Control, address: &Address) -> Result<Self, Error> {
        let replies = control.ask(vec![list(address)]).await?;
        Self::among(&replies[0].text(), address).ok_or(Error::Gone)
    }

    /// The pane of a launch in the answer to [`list`].
    pub(crate) fn among(listed: &str, address: &Address) -> Option<Self> {
        let launch = address.to_string();
        listed.lines().find_map(|line| {
            let (name, fields) = line.split_once('|')?;
            if name == launch { Self::parse(fields) } else { None }
        })
    }

    /// Whether the process lives.
    pub(crate) fn probe(&self) -> Probe {
        self.ended.clone().unwrap_or(Probe::Alive { pid: self.pid })
    }

    /// Whether the terminal is closed although tmux did not collect the process: it may still run, or tmux may have
    /// missed its end.
    pub(crate) const fn is_unclear(&self) -> bool {
        matches!(self.ended, Some(Probe::Exited { code: None, signal: None }))
    }

    /// The process that was started, for ending it.
    pub(crate) fn leader(&self) -> Option<os::Leader> {
        Some(os::Leader { pid: self.pid?, reaped: self.ended.is_some() && !self.is_unclear() })
    }

    /// The name of the process that reads what is typed.
    pub(crate) fn foreground(&self) -> Option<String> {
        let named = self.pid.and_then(os::foreground_group).and_then(os::group_leader_name);
        named.or_else(|| Some(self.command.clone()).filter(|command| !command.is_empty()))
    }

    /// The screen of this pane from what `capture-pane -e` printed.
    pub(crate) fn screen(&self, captured: &[u8], title: String) -> Screen {
        let (columns, rows) = self.size;
        let text = captured.strip_suffix(b"\n").unwrap_or(captured);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let mut parser = vt100::Parser::new(at_least_one(height), at_least_one(columns), 0);
        parser.process(&lines.join(&b"\r\n"[..]));
        let drawn = Screen::read(parser.screen_mut(), 0);
        Screen { columns, rows, cursor: self.cursor, title, bracketed_paste: self.bracketed_paste, ..drawn }
    }

    fn parse(fields: &str) -> Option<Self> {
        let fields: Vec<&str> = fields.splitn(16, '|').collect();
        let [id, dead, status, signal, mode, pid, tty, paste, history, x, y, cursor, width, height, server, command] =
            fields[..]
        else {
            return None;
        };
        let exited = || Probe::Exited {
            code: status.parse().ok(),
            signal: Some(signal.to_owned()).filter(|signal| !signal.is_empty()),
        };
        Some(Self {
            id: id.to_owned(),
            ended: (dead == "1").then(exited),
            in_mode: !matches!(mode, "" | "0"),
            pid: pid.parse().ok(),
            tty: PathBuf::from(tty),
            bracketed_paste: match paste {
                "" => None,
                flag => Some(flag == "1"),
            },
            history: history.parse().ok()?,
            cursor: Cursor { row: y.parse().ok()?, column: x.parse().ok()?, visible: cursor == "1" },
            size: (width.parse().ok()?, height.parse().ok()?),
            server: server.parse().ok(),
            command: command.to_owned(),
        })
    }
}

/// The session of a launch as a target: `=` because tmux would otherwise take any session that begins so.
pub(crate) fn target(address: &Address) -> String {
    format!("={address}:")
}

/// The command that lists the panes of a launch.
pub(crate) fn list(address: &Address) -> String {
    command(["list-panes", "-s", "-t", &target(address), "-F", FIELDS])
}

/// The command that prints a pane with up to `history` lines above its screen, in colors.
pub(crate) fn capture(pane: &str, history: usize) -> String {
    command(["capture-pane", "-p", "-e", "-t", pane, "-S", &format!("-{history}")])
}

const fn at_least_one(size: u16) -> std::num::NonZeroU16 {
    match std::num::NonZeroU16::new(size) {
        Some(size) => size,
        None => std::num::NonZeroU16::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::address;

    const LISTED: &str = "|%9|0|||0|1|/dev/pts/1||0|0|0|1|80|24|7|vim\n\
                          t-1-1|%3|0|||0|77|/dev/pts/6||5|2|9|1|100|30|7|cl|aude\n";

    #[test]
    fn the_pane_of_a_launch_is_the_one_that_is_marked_so() {
        let pane = Pane::among(LISTED, &address("t-1", 1)).unwrap();

        assert_eq!(
            pane,
            Pane {
                id: "%3".into(),
                ended: None,
                in_mode: false,
                pid: Some(77),
                tty: "/dev/pts/6".into(),
                bracketed_paste: None,
                history: 5,
                cursor: Cursor { row: 9, column: 2, visible: true },
                size: (100, 30),
                server: Some(7),
                command: "cl|aude".into(),
            }
        );
        assert_eq!(Pane::among(LISTED, &address("t-1", 11)), None);
    }

    #[test]
    fn the_end_of_a_process_is_its_code_or_its_signal() {
        let ended = |fields: &str| {
            let line = format!("t-1-1|%3|1|{fields}|0|77|/dev/pts/6|1|5|2|9|1|100|30|7|");
            Pane::among(&line, &address("t-1", 1)).unwrap().probe()
        };

        assert_eq!(ended("7|"), Probe::Exited { code: Some(7), signal: None });
        assert_eq!(ended("|9"), Probe::Exited { code: None, signal: Some("9".into()) });
    }

    #[test]
    fn a_captured_pane_is_a_screen() {
        let mut pane = Pane::among(LISTED, &address("t-1", 1)).unwrap();
        pane.size = (4, 2);

        let screen = pane.screen(b"old\n\x1b[1mfull\x1b[0m\nend\n", "title".into());

        assert_eq!((screen.text().as_str(), screen.visible_text().as_str()), ("old\nfull\nend", "full\nend"));
        assert_eq!((screen.rows, screen.title.as_str(), screen.lines.len()), (2, "title", 3));
    }
}
