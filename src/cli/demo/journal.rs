//! What the daemon writes down, as it grows, and what of it is worth telling.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    super::sandbox::Tail,
    line::Line,
    noted::{self, Seen, antiphon},
};
use crate::{
    effect::Effect,
    event::{self, Event},
    journal::Entry,
    machine::{State, incident::Incident},
    model::{Cause, PrNumber, PromptRef, TextHash},
    reaction,
};

/// Reads the journal as it grows.
pub(super) struct Reader {
    tail: Tail,
    seen: BTreeMap<PrNumber, Seen>,
    rules: Option<reaction::Rules>,
}

impl Reader {
    /// A reader of the journal in this state directory, which need not be there yet.
    pub(super) fn new(dir: PathBuf) -> Self {
        let rules = reaction::Rules::load(&reaction::shipped()).ok();
        Self { tail: Tail::new(dir), seen: BTreeMap::new(), rules }
    }

    /// What is new, oldest first.
    pub(super) async fn news(&mut self) -> Vec<Entry> {
        self.tail.news().await
    }

    /// What an entry is worth telling.
    pub(super) async fn lines(&mut self, entry: &Entry) -> Vec<Line> {
        let mut lines = match &entry.event {
            Event::Pull(event::Pull::Observed { snapshot, .. }) => {
                let now = Seen::of(snapshot);
                let before = self.seen.insert(snapshot.number, now.clone()).unwrap_or_default();
                noted::observed(entry, snapshot, (&before, &now))
            }
            Event::Pull(event) => noted::of_pull(entry, event).into_iter().collect(),
            Event::Task(event) => noted::of_task(entry, event).into_iter().collect(),
            Event::Session(event::Session::Composed { prompt, references, text, .. }) => {
                vec![self.composed(entry, prompt, (references, text)).await]
            }
            Event::Session(event) => noted::of_session(entry, event).into_iter().collect(),
            Event::Backlog(event) => noted::of_backlog(entry, event).into_iter().collect(),
            Event::Fleet(_) => Vec::new(),
        };
        let orders = entry.effects.iter();
        lines.extend(orders.filter_map(|effect| match effect {
            Effect::Act(act) => Some(noted::acts(entry, act, self.rules.as_ref())),
            Effect::OpenPull { branch, .. } => Some(noted::opens(entry, branch)),
            Effect::Tell { .. }
            | Effect::Look { .. }
            | Effect::Triage { .. }
            | Effect::LookRepository { .. }
            | Effect::Prepare { .. }
            | Effect::SetUp { .. }
            | Effect::RemoveWorkspace { .. }
            | Effect::RestoreWorkspace { .. }
            | Effect::PruneOutput { .. }
            | Effect::Launch { .. }
            | Effect::Prompt { .. }
            | Effect::Dismiss { .. }
            | Effect::SeekReceipt { .. }
            | Effect::Meter { .. }
            | Effect::Stop { .. }
            | Effect::Answer { .. }
            | Effect::Report { .. } => None,
        }));
        lines
    }

    async fn composed(
        &self,
        entry: &Entry,
        prompt: &crate::model::PromptId,
        (references, text): (&[PromptRef], &TextHash),
    ) -> Line {
        let words = self.tail.text(text).await.unwrap_or_default();
        let mut causes = Vec::new();
        for reference in references {
            causes.push(self.because(reference).await);
        }
        antiphon(entry, "prompt-composed", format!("writes prompt {prompt}, {} bytes, for that agent", words.len()))
            .because(causes.join(", and "))
            .quoting(noted::excerpt(&words).iter().map(String::as_str))
            .with("prompt", prompt.to_string())
    }

    async fn because(&self, reference: &PromptRef) -> String {
        match &reference.cause {
            Cause::Task => "the task begins (rule issue-ready)".to_owned(),
            Cause::Incident { kind, .. } => {
                let rule = match self.tail.state(&reference.from).await {
                    Some(State::Pull(state)) => rule_of(state.incidents.get(kind)),
                    Some(State::Session(state)) => rule_of(state.incidents.get(kind)),
                    Some(State::Task(_) | State::Backlog(_) | State::Fleet(_)) | None => String::new(),
                };
                format!("{} ({rule}attempt {})", noted::meaning(*kind), reference.attempt)
            }
            Cause::Person(_) => "a person said so".to_owned(),
            Cause::Comment { by, .. } => format!("@{by} asks in a comment"),
            Cause::Handover => "another agent takes the task over".to_owned(),
        }
    }
}

fn rule_of(incident: Option<&Incident>) -> String {
    let plan = incident.and_then(|incident| incident.plan.as_ref());
    plan.map(|plan| format!("rule {}, ", plan.rule)).unwrap_or_default()
}
