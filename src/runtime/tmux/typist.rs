//! Types one prompt into one pane. Once begun it is carried to its end, whoever has lost interest.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::warn;

use super::{
    control::Control,
    mark::{self, DONE, Mark},
    pane::{self, Pane},
    quote::{command, literal},
};
use crate::{
    boundary::cross,
    clock::Clock,
    model::{PromptId, Submission},
    runtime::{Address, Error, Gate, Message, Screen, Settle, Why, os, settle::Reaction},
};

/// For how long after a person's last key nothing is typed.
const PERSON_QUIET: Duration = Duration::from_secs(3);

/// One prompt on its way.
pub(crate) struct Typist {
    /// The server.
    pub(crate) control: Control,
    /// The launch.
    pub(crate) address: Address,
    /// Its private directory, for the file that is pasted.
    pub(crate) session_dir: PathBuf,
    /// The pause between text and Enter.
    pub(crate) settle: Settle,
    /// Tells how long a person has been quiet.
    pub(crate) clock: Clock,
}

impl Typist {
    /// Types `message` and Enter, unless it was typed before or the screen does not pass `gate`.
    pub(crate) async fn submit(&self, message: &Message, gate: &Gate) -> Result<Submission, Error> {
        let prompt = message.prompt();
        let pane = Pane::find(&self.control, &self.address).await?;
        match self.mark(&pane, prompt).await? {
            Mark::None => {}
            known @ (Mark::Placed | Mark::Submitted { .. } | Mark::Strange) => return Ok(known.submission()),
        }
        let before = self.judge(&pane, message, gate).await?;
        let silent = os::echoes(&pane.tty) == Some(false);
        if !self.place(&pane, message).await? {
            // The pane changed since it was looked at, or somebody else was faster.
            return match self.mark(&pane, prompt).await?.submission() {
                Submission::Untouched => Err(Error::NotReceptive(Why::NotReady)),
                known @ (Submission::Placed | Submission::Submitted | Submission::Indeterminate) => Ok(known),
            };
        }
        let drawn = self.settled(&pane, before, gate.draws()).await;
        if let Err(error) = self.judge_enter(&pane, message, gate, drawn).await {
            let why = if let Error::NotReceptive(why) = &error { why.to_string() } else { format!("{error:#}") };
            warn!(prompt.id = %prompt, why, "The text of a prompt was typed, but its Enter was withheld: {why}");
            return Ok(Submission::Placed);
        }
        if let Err(error) = self.enter(&pane, prompt, silent).await {
            warn!(prompt.id = %prompt, error = format!("{error:#}"), "Cannot tell whether the Enter of a prompt was typed");
            // What was sent may still be carried out, so only a mark that says so proves anything.
            let known = self.mark(&pane, prompt).await.map_or(Submission::Indeterminate, |mark| mark.submission());
            return Ok(if known == Submission::Submitted { known } else { Submission::Indeterminate });
        }
        Ok(self.mark(&pane, prompt).await.map_or(Submission::Indeterminate, |mark| mark.submission()))
    }

    /// Types Enter and marks it, in one step. `silent`: the terminal did not echo the text.
    async fn enter(&self, pane: &Pane, prompt: &PromptId, silent: bool) -> Result<(), Error> {
        let silent = silent && os::echoes(&pane.tty) == Some(false);
        let lines = if silent { Some(self.lines_with(pane, prompt).await?) } else { None };
        cross("tmux.submit");
        let replies = self.control.ask_all(mark::submit(&pane.id, &self.address, prompt, lines.as_deref())).await?;
        cross("tmux.submitted");
        if replies.last().is_none_or(|last| last.text() != DONE) {
            warn!(prompt.id = %prompt, "The text of a prompt was typed, but its Enter was not");
        }
        Ok(())
    }

    /// What the pane says about a prompt.
    pub(crate) async fn mark(&self, pane: &Pane, prompt: &PromptId) -> Result<Mark, Error> {
        let replies = self.control.ask(vec![mark::show(&pane.id, prompt)]).await?;
        mark::shown(&replies[0].text(), &self.address).ok_or(Error::Gone)
    }

    /// The lines, counted from the oldest, on which an id stands, with their text.
    pub(crate) async fn find_lines(&self, prompt: &PromptId) -> Result<Vec<(usize, String)>, Error> {
        let pane = Pane::find(&self.control, &self.address).await?;
        self.lines(&pane, prompt).await
    }

    async fn lines_with(&self, pane: &Pane, prompt: &PromptId) -> Result<Vec<usize>, Error> {
        Ok(self.lines(pane, prompt).await?.into_iter().map(|(line, _)| line).collect())
    }

    async fn lines(&self, pane: &Pane, prompt: &PromptId) -> Result<Vec<(usize, String)>, Error> {
        let all = command(["capture-pane", "-p", "-t", &pane.id, "-S", "-"]);
        let text = self.control.ask(vec![all]).await?[0].text();
        let numbered = text.lines().enumerate().filter(|(_, line)| line.contains(prompt.as_str()));
        Ok(numbered.map(|(number, line)| (number, line.to_owned())).collect())
    }

    /// The screen if the message may be typed now.
    async fn judge(&self, pane: &Pane, message: &Message, gate: &Gate) -> Result<Screen, Error> {
        if pane.ended.is_some() {
            return Err(Error::Gone);
        }
        if pane.in_mode {
            return Err(Error::NotReceptive(Why::CopyMode));
        }
        let screen = self.look(pane).await?;
        gate.judge(&screen, pane.foreground().as_deref(), message).map_err(Error::NotReceptive)?;
        Ok(screen)
    }

    /// Whether Enter would submit the message that stands there now.
    async fn judge_enter(&self, pane: &Pane, message: &Message, gate: &Gate, drawn: bool) -> Result<(), Error> {
        let screen = self.look(pane).await?;
        gate.judge_enter(&screen, pane.foreground().as_deref(), message, drawn).map_err(Error::NotReceptive)
    }

    /// The screen, if no person types there: their keys would come between ours.
    async fn look(&self, pane: &Pane) -> Result<Screen, Error> {
        let session = format!("={}", self.address);
        let format = "#{client_control_mode} #{client_readonly} #{client_activity}";
        let clients = command(["list-clients", "-t", &session, "-F", format]);
        let replies = self.control.ask(vec![clients, pane::capture(&pane.id, 0)]).await?;
        if replies[0].text().lines().any(|client| self.types(client)) {
            return Err(Error::NotReceptive(Why::Typing));
        }
        Ok(pane.screen(&replies[1].text, String::new()))
    }

    /// Whether a client is a person who typed within the last seconds. tmux counts whole seconds.
    fn types(&self, client: &str) -> bool {
        let Some(seconds) = client.strip_prefix("0 0 ").and_then(|seconds| seconds.parse::<i64>().ok()) else {
            return false;
        };
        let quiet = self.clock.now().as_second().saturating_sub(seconds);
        (0..=PERSON_QUIET.as_secs().cast_signed()).contains(&quiet)
    }

    /// Pastes the text and marks it, in one step. False: nothing was pasted.
    async fn place(&self, pane: &Pane, message: &Message) -> Result<bool, Error> {
        let prompt = message.prompt();
        let buffer = format!("antiphon-{}-{prompt}", self.address);
        let file = self.session_dir.join(format!("paste-{prompt}"));
        let path = file.to_str().ok_or_else(|| Error::Other(anyhow::anyhow!("the launch's directory is not UTF-8")))?;
        write(&file, message.text()).map_err(|error| Error::other(error, "cannot write the text to be pasted"))?;
        let load = command(["load-buffer", "-b", &buffer, &literal(path)]);
        let loaded = self.control.ask(vec![load]).await;
        drop(std::fs::remove_file(&file));
        loaded?;
        cross("tmux.place");
        let placed = self.control.ask_all(mark::place(&pane.id, &self.address, prompt, &buffer)).await;
        cross("tmux.placed");
        let done = placed?.last().is_some_and(|last| last.text() == DONE);
        if !done {
            drop(self.control.ask(vec![command(["delete-buffer", "-b", &buffer])]).await);
        }
        Ok(done)
    }

    /// Waits until the application has read the text and drawn it; see [`Settle`]. Whether it has. What cannot be seen is not
    /// waited for.
    async fn settled(&self, pane: &Pane, before: Screen, draws: bool) -> bool {
        let mut ticks = tokio::time::interval(Settle::LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let begin = ticks.tick().await;
        let (mut now, mut shown, mut changed) = (begin, before, None);
        loop {
            let quiet = changed.map(|changed| now.duration_since(changed));
            let reaction = Reaction { unread: os::unread(&pane.tty), quiet };
            if !self.settle.wait(now.duration_since(begin), reaction, draws) {
                return reaction.is_drawn();
            }
            now = ticks.tick().await;
            let Ok(replies) = self.control.ask(vec![pane::capture(&pane.id, 0)]).await else { return false };
            let screen = pane.screen(&replies[0].text, String::new());
            if screen != shown {
                (shown, changed) = (screen, Some(now));
            }
        }
    }
}

/// Writes a text where only its owner can read it. What a dead daemon left there is replaced.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = os::private_file();
    options.write(true).create(true).truncate(true).open(file)?.write_all(text.as_bytes())
}
