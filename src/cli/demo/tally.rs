//! What came of it, in numbers: counted from the facts, never assumed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::short;
use crate::{
    event::{self, Event},
    journal::Entry,
    model::{Cause, PromptId, PromptRef, Submission},
    simulator::{Conclusion, Happened, Write},
};

/// The last line of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    pub(super) schema: u32,
    pub(super) kind: &'static str,
    /// Whether the pull request was merged. The exit code says the same.
    pub(super) merged: bool,
    /// What did not happen, if it was not.
    pub(super) missing: Option<String>,
    /// How long all of it took.
    pub(super) ms: u64,
    pub(super) pull: Option<u64>,
    pub(super) merge_commit: Option<String>,
    /// What the page that the issue asked for reads now.
    pub(super) page: Option<String>,
    pub(super) prompts_composed: usize,
    pub(super) prompts_submitted: usize,
    pub(super) prompts_acknowledged: usize,
    pub(super) prompts_indeterminate: usize,
    /// Every prompt with its causes, in the order in which they were composed.
    pub(super) prompts: Vec<Prompt>,
    pub(super) ci_runs: u64,
    pub(super) ci_red: u64,
    pub(super) ci_green: u64,
    pub(super) pushes: u64,
    /// Everything that Antiphon changed on GitHub except pushes, as `POST /…`.
    pub(super) writes: Vec<String>,
    /// Reviews and comments that the agent was not shown.
    pub(super) withheld: u32,
    pub(super) webhooks_delivered: u64,
    pub(super) webhooks_failed: u64,
    pub(super) webhooks_redelivered: u64,
    pub(super) daemon_starts: u32,
    /// The daemon's log, if it is kept.
    pub(super) log: Option<String>,
}

/// A prompt and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Prompt {
    pub(super) id: String,
    /// What it answers: who wanted it, why, and which attempt it is.
    pub(super) causes: Vec<String>,
    pub(super) state: &'static str,
    /// Where its arrival was read.
    pub(super) quote: Option<String>,
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    summary: Summary,
    prompts: BTreeMap<PromptId, usize>,
}

impl Tally {
    /// Takes in what happened on GitHub.
    pub(super) fn happened(&mut self, happened: &Happened) {
        let summary = &mut self.summary;
        if let Happened::PullOpened { number, .. } = happened {
            summary.pull = Some(*number);
        }
        if let Happened::PullMerged { sha, .. } = happened {
            summary.merge_commit = Some(short(sha).to_owned());
        }
        if let Happened::CheckFinished { conclusion, .. } = happened {
            summary.ci_runs += 1;
            match conclusion {
                Conclusion::Success => summary.ci_green += 1,
                Conclusion::Failure | Conclusion::TimedOut => summary.ci_red += 1,
                Conclusion::Cancelled => {}
            }
        }
        if matches!(happened, Happened::Delivered { .. }) {
            summary.webhooks_delivered += 1;
        }
        if matches!(happened, Happened::NotDelivered { .. }) {
            summary.webhooks_failed += 1;
        }
    }

    /// Takes in what the daemon wrote down.
    pub(super) fn noted(&mut self, entry: &Entry) {
        let Event::Session(event) = &entry.event else { return };
        if let event::Session::Composed { prompt, references, .. } = event {
            self.prompts.insert(prompt.clone(), self.summary.prompts.len());
            let causes = references.iter().map(cause).collect();
            self.summary.prompts.push(Prompt { id: prompt.to_string(), causes, state: "composed", quote: None });
        }
        if let event::Session::Delivered { prompt, submission, .. } = event {
            self.reached(prompt, word(*submission));
        }
        let hooked = if let event::Session::Hooked { hook: event::Hook::PromptTaken { evidence }, .. } = event {
            evidence.as_ref()
        } else {
            None
        };
        let found = if let event::Session::Acknowledged { evidence } = event { Some(evidence) } else { hooked };
        if let Some(evidence) = found {
            self.reached(&evidence.prompt, "acknowledged");
            if let Some(prompt) = self.prompt(&evidence.prompt) {
                prompt.quote = Some(evidence.quote.clone());
            }
        }
    }

    /// A daemon came up.
    pub(super) const fn daemon_started(&mut self) {
        self.summary.daemon_starts += 1;
    }

    /// Failed webhooks were delivered again.
    pub(super) const fn redelivered(&mut self, count: u64) {
        self.summary.webhooks_redelivered += count;
    }

    /// The end of the account, as far as it can be counted.
    pub(super) fn summary(&self, written: &[Write]) -> Summary {
        let mut summary = self.summary.clone();
        let count = |state: &str| summary.prompts.iter().filter(|prompt| prompt.state == state).count();
        let (acknowledged, indeterminate) = (count("acknowledged"), count("indeterminate"));
        let submitted = acknowledged + indeterminate + count("submitted");
        let is_push = |write: &&Write| write.method == "PUSH";
        summary.schema = 1;
        summary.kind = "summary";
        summary.prompts_composed = summary.prompts.len();
        summary.prompts_submitted = submitted;
        summary.prompts_acknowledged = acknowledged;
        summary.prompts_indeterminate = indeterminate;
        summary.pushes = written.iter().filter(is_push).count() as u64;
        let others = written.iter().filter(|write| !is_push(write));
        summary.writes = others.map(|write| format!("{} {}", write.method, write.path)).collect();
        summary
    }

    /// An arrival can be proven before the typing is reported; what is proven stays so.
    fn reached(&mut self, id: &PromptId, state: &'static str) {
        if let Some(prompt) = self.prompt(id).filter(|prompt| prompt.state != "acknowledged") {
            prompt.state = state;
        }
    }

    fn prompt(&mut self, id: &PromptId) -> Option<&mut Prompt> {
        let index = self.prompts.get(id)?;
        self.summary.prompts.get_mut(*index)
    }
}

/// What a prompt answers, so that two prompts for the same cause read the same.
pub(super) fn cause(reference: &PromptRef) -> String {
    let PromptRef { from, cause, revision, attempt } = reference;
    let why = match cause {
        Cause::Task => "task".to_owned(),
        Cause::Incident { kind, .. } => kind.as_str().to_owned(),
        Cause::Person(hash) => format!("words {hash}"),
        Cause::Comment { words, .. } => format!("comment {}", words.hash),
        Cause::Handover => "handover".to_owned(),
    };
    format!("{from} {why} revision {revision} attempt {attempt}")
}

const fn word(submission: Submission) -> &'static str {
    match submission {
        Submission::Untouched => "untouched",
        Submission::Placed => "placed",
        Submission::Submitted => "submitted",
        Submission::Indeterminate => "indeterminate",
    }
}
