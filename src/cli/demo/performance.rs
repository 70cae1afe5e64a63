//! The account as it unfolds: puts facts of two sources into the order in which they happened, and knows when to stop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, watch,
    },
    time::interval,
};
use tokio_util::sync::CancellationToken;

use super::{
    daemon::Presence,
    facts,
    journal::Reader,
    line::{Line, Tone, Who},
    sight::{Eyes, Sight},
    stage::Stage,
    tally::Tally,
    teller::Teller,
};
use crate::{
    client::Client,
    clock::Clock,
    process::Ending,
    simulator::{Happened, story},
};

/// How often the journal is read.
const READ: Duration = Duration::from_millis(40);
/// How long a line is held back, so that an older one of the other source can still come before it.
const HELD: SignedDuration = SignedDuration::from_millis(200);
/// How long the demo waits for somebody to start the daemon again.
const ABSENCE: SignedDuration = SignedDuration::from_mins(10);

/// How the story ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Merged,
    /// Somebody stopped it.
    Interrupted,
    /// It did not get on; what it waited for.
    Missing(String),
}

/// The account.
pub(super) struct Performance<'s> {
    stage: &'s Stage,
    teller: Teller,
    happened: broadcast::Receiver<Happened>,
    presence: mpsc::Receiver<Presence>,
    journal: Reader,
    clock: Clock,
    tally: Tally,
    sight: watch::Sender<Sight>,
    awaited: watch::Sender<String>,
    /// Lines that are held back.
    held: Vec<Line>,
    patience: SignedDuration,
    progress_at: Timestamp,
    away: bool,
    failed: Option<String>,
}

impl<'s> Performance<'s> {
    /// An account that has not begun.
    pub(super) fn new(
        stage: &'s Stage,
        teller: Teller,
        (happened, presence): (broadcast::Receiver<Happened>, mpsc::Receiver<Presence>),
        clock: Clock,
    ) -> Self {
        let progress_at = clock.now();
        Self {
            stage,
            teller,
            happened,
            presence,
            journal: Reader::new(stage.sandbox().state_dir()),
            clock,
            tally: Tally::default(),
            sight: watch::Sender::new(Sight::default()),
            awaited: watch::Sender::new(String::new()),
            held: Vec::new(),
            patience: SignedDuration::try_from(stage.patience()).unwrap_or(SignedDuration::MAX),
            progress_at,
            away: false,
            failed: None,
        }
    }

    /// What people see of it.
    pub(super) fn eyes(&self) -> Eyes {
        Eyes::new(self.sight.subscribe(), self.awaited.clone())
    }

    /// Tells what happens until the people are done, or nothing happens any more.
    pub(super) async fn play(
        &mut self,
        people: impl Future<Output = anyhow::Result<()>>,
        asked: &CancellationToken,
    ) -> anyhow::Result<End> {
        tokio::pin!(people);
        let mut ticks = interval(READ);
        let mut done = false;
        let end = loop {
            tokio::select! {
                biased;
                () = asked.cancelled() => break End::Interrupted,
                Some(presence) = self.presence.recv() => self.on_presence(presence).await?,
                happened = self.happened.recv() => self.on_happened(happened),
                ended = &mut people, if !done => { ended?; done = true }
                _ = ticks.tick() => {
                    self.read().await;
                    self.tell_up_to(self.clock.now() - HELD)?;
                    if done { break End::Merged }
                    if let Some(missing) = self.missing() { break End::Missing(missing) }
                }
            }
        };
        self.read().await;
        self.tell_up_to(Timestamp::MAX)?;
        Ok(end)
    }

    /// Leaves the page open until somebody ends it.
    pub(super) async fn stay(&mut self, asked: &CancellationToken) -> anyhow::Result<()> {
        self.patience = SignedDuration::MAX;
        self.play(std::future::pending(), asked).await.map(drop)
    }

    /// Says what came of it.
    pub(super) async fn conclude(&self, end: &End, stays: bool) -> anyhow::Result<()> {
        let now = self.clock.now();
        let mut summary = self.tally.summary(&self.stage.sandbox().github().write_log());
        summary.ms = u64::try_from(now.duration_since(self.teller.began()).as_millis()).unwrap_or(0);
        summary.merged = *end == End::Merged;
        summary.withheld = self.sight.borrow().withheld;
        summary.missing = match end {
            End::Merged => None,
            End::Interrupted => Some("it was interrupted".to_owned()),
            End::Missing(missing) => Some(missing.clone()),
        };
        let log = self.stage.log_to_show(end)?;
        summary.log = log.map(|path| path.display().to_string());
        if summary.merged {
            summary.page = Some(self.stage.merged_text(story::PAGE).await?);
        }
        self.teller.conclude(&summary)?;
        if stays {
            self.teller.invite(&self.link().await)?;
        }
        Ok(())
    }

    /// A link that logs a browser in, once; without a daemon, where the page would be.
    async fn link(&self) -> String {
        let made = async { Client::connect(&self.stage.sandbox().state_dir())?.link().await };
        made.await.unwrap_or_else(|_| format!("http://{}", self.stage.sandbox().address()))
    }

    async fn on_presence(&mut self, presence: Presence) -> anyhow::Result<()> {
        match presence {
            Presence::Up { pid, again } => {
                self.away = false;
                self.tally.daemon_started();
                self.sight.send_modify(|sight| sight.attended = true);
                if again {
                    self.welcome(pid).await;
                } else {
                    self.teller.daemon(pid, &self.stage.sandbox().command())?;
                }
            }
            Presence::Gone { how, was_up: false } => {
                self.failed =
                    Some(format!("the daemon did not start: {}{}", ended(how), self.stage.sandbox().last_words()));
            }
            Presence::Gone { how, was_up: true } => {
                self.away = true;
                self.tell_up_to(Timestamp::MAX)?;
                let line = self.own("daemon-gone", format!("the daemon is gone: {}", ended(how)));
                let line = line.with("argv", self.stage.sandbox().command());
                self.progress_at = line.at;
                self.teller.tell(&line.because("nobody here asked it to end").meant(Tone::Bad))?;
                self.teller.remark("  The agent works on without it. Start it again, in any terminal, with")?;
                self.teller.command(&self.stage.sandbox().command())?;
            }
        }
        Ok(())
    }

    /// What did not arrive meanwhile is delivered again, as GitHub's delivery log allows.
    async fn welcome(&mut self, pid: Option<u32>) {
        let process = pid.map_or_else(String::new, |pid| format!(", as process {pid}"));
        let line = self.own("daemon-returned", format!("the daemon is back{process}"));
        self.held.push(line.meant(Tone::Good).with("pid", pid));
        let count = self.stage.sandbox().github().deliveries().redeliver_failed().await;
        self.tally.redelivered(count as u64);
        if count > 0 {
            let what = format!("has GitHub deliver {count} failed webhooks again");
            self.held.push(self.own("redelivered", what).because("GitHub's delivery log keeps them for three days"));
        }
    }

    fn on_happened(&mut self, happened: Result<Happened, RecvError>) {
        // Nobody lags behind thousands of facts, and the simulator outlives the account.
        let Ok(happened) = happened else { return };
        let now = self.clock.now();
        self.tally.happened(&happened);
        self.sight.send_if_modified(|sight| {
            let before = sight.clone();
            sight.happened(&happened);
            *sight != before
        });
        let Some(line) = facts::line(&happened, now) else { return };
        match self.held.iter_mut().rev().find(|held| held.who == Who::GitHub) {
            Some(last) if last.kind == facts::WEBHOOKS && line.kind == facts::WEBHOOKS => facts::join(last, &line),
            Some(_) | None => self.held.push(line),
        }
    }

    async fn read(&mut self) {
        for entry in self.journal.news().await {
            self.tally.noted(&entry);
            let lines = self.journal.lines(&entry).await;
            self.held.extend(lines);
            self.sight.send_if_modified(|sight| {
                let before = sight.clone();
                sight.noted(&entry);
                *sight != before
            });
        }
    }

    fn tell_up_to(&mut self, until: Timestamp) -> anyhow::Result<()> {
        self.held.sort_by_key(|line| line.at);
        let ripe = self.held.partition_point(|line| line.at <= until);
        for line in self.held.drain(..ripe) {
            self.progress_at = self.progress_at.max(self.clock.now());
            self.teller.tell(&line)?;
        }
        Ok(())
    }

    /// What the story waits for, if it has waited too long.
    fn missing(&self) -> Option<String> {
        if let Some(failed) = &self.failed {
            return Some(failed.clone());
        }
        let patience = if self.away { ABSENCE } else { self.patience };
        let silent = self.clock.now().duration_since(self.progress_at);
        (silent > patience).then(|| {
            let awaited = self.awaited.borrow();
            let away = if self.away { ", and no daemon runs" } else { "" };
            format!("nothing happened for {} s while waiting for {}{away}", patience.as_secs(), *awaited)
        })
    }

    fn own(&self, kind: &'static str, what: String) -> Line {
        Line::new(self.clock.now(), Who::Demo, kind, what)
    }
}

fn ended(how: Option<Ending>) -> String {
    match how {
        Some(Ending::Code(code)) => format!("it ended with code {code}"),
        Some(Ending::Signal(signal)) => format!("it was ended by signal {signal}"),
        None => "it does not listen any more".to_owned(),
    }
}
