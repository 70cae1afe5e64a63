//! One session with an agent that does what the test says.

use jiff::SignedDuration;

use super::{One, facts::*, outcome_of};
use crate::{
    effect::{Act, Effect},
    event::{ActionOutcome, Event, Hook, Refusal, Seen, Session},
    machine::{Rules, session},
    model::{
        Attempt, Cause, Channel, Evidence, Generation, IncidentKind, MachineKey, PromptId, PromptRef, Receipt,
        Submission, TextHash,
    },
};

/// A session. Effects go into a list; the test answers those that it cares about.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) one: One,
}

impl Desk {
    /// An agent that was wanted and is being launched.
    pub(crate) fn launching(rules: Rules) -> Self {
        let agent = rules.agent.clone();
        let mut desk = Self { one: One::new(MachineKey::Session(session_id()), rules) };
        desk.feed(Session::Wanted {
            task: task_id(),
            repo: REPO,
            agent,
            workspace: "workspaces/hello-3".to_owned(),
            conversation: None,
        });
        desk
    }

    /// An agent that runs and waits.
    pub(crate) fn idle(rules: Rules) -> Self {
        let mut desk = Self::launching(rules);
        desk.starts();
        desk
    }

    /// An agent whose receipts come from elsewhere.
    pub(crate) fn idle_with(receipt: Receipt) -> Self {
        let mut rules = super::rules();
        rules.agent.receipt = receipt;
        Self::idle(rules)
    }

    pub(crate) fn feed(&mut self, event: Session) -> Vec<String> {
        self.one.feed(event)
    }

    pub(crate) fn state(&self) -> &session::State {
        self.one.session()
    }

    /// The launch succeeds, and the agent says so.
    pub(crate) fn starts(&mut self) -> Vec<String> {
        let mut said = self.feed(Session::Launched { generation: self.state().generation, agent_session: None });
        said.extend(self.hook(Hook::Started { agent_session: Some("s-1".to_owned()), transcript: None }));
        said
    }

    pub(crate) fn hook(&mut self, hook: Hook) -> Vec<String> {
        self.feed(Session::Hooked { generation: self.state().generation, hook })
    }

    pub(crate) fn sees(&mut self, seen: Seen) -> Vec<String> {
        self.feed(Session::Probed { generation: self.state().generation, seen })
    }

    /// Its screen has just changed.
    pub(crate) fn changes(&mut self) -> Vec<String> {
        self.sees(Seen::Alive { dialog: false, changed_at: self.one.at, rests: false })
    }

    /// Its screen has not changed for a while.
    pub(crate) fn rests(&mut self) -> Vec<String> {
        let changed_at = self.one.at - self.one.rules.pace.quiet;
        self.sees(Seen::Alive { dialog: false, changed_at, rests: true })
    }

    /// A dialog is on its screen.
    pub(crate) fn asks(&mut self) -> Vec<String> {
        self.sees(Seen::Alive { dialog: true, changed_at: self.one.at, rests: false })
    }

    /// Time passes; there is no news of its screen.
    pub(crate) fn pass(&mut self, duration: SignedDuration) -> Vec<String> {
        self.one.pass(duration)
    }

    pub(crate) fn wants(&mut self, reference: PromptRef) -> Vec<String> {
        self.feed(Session::PromptWanted { reference })
    }

    /// The prompt on its way.
    pub(crate) fn prompt(&self) -> PromptId {
        self.state().sending.as_ref().expect("a prompt is on its way").prompt.clone()
    }

    pub(crate) fn composed(&mut self, references: Vec<PromptRef>) -> Vec<String> {
        let (prompt, covers) = (self.prompt(), references.iter().map(|_| vec!["an item".to_owned()]).collect());
        let text = TextHash::of(prompt.as_str());
        self.feed(Session::Composed { prompt, references, covers, text })
    }

    pub(crate) fn delivered(&mut self) -> Vec<String> {
        let prompt = self.prompt();
        self.feed(Session::Delivered { prompt, submission: Submission::Submitted, channel: Channel::Terminal })
    }

    pub(crate) fn refused(&mut self, why: Refusal) -> Vec<String> {
        let prompt = self.prompt();
        self.feed(Session::Refused { prompt, why })
    }

    pub(crate) fn evidence(&self, prompt: &PromptId) -> Evidence {
        let quote = format!("[antiphon:{prompt}]");
        Evidence { prompt: prompt.clone(), receipt: Receipt::Hook, quote, at: self.one.at }
    }

    /// The agent takes the prompt on its way.
    pub(crate) fn takes(&mut self) -> Vec<String> {
        let evidence = self.evidence(&self.prompt());
        self.hook(Hook::PromptTaken { evidence: Some(evidence) })
    }

    /// The session is told `reference`, types it, and the agent takes it.
    pub(crate) fn works_on(&mut self, reference: PromptRef) {
        self.wants(reference);
        self.delivered();
        self.takes();
    }

    /// The newest action of a rule.
    pub(crate) fn act(&self) -> Act {
        let act = |effect: &Effect| if let Effect::Act(act) = effect { Some(act.clone()) } else { None };
        self.one.effects.iter().rev().find_map(act).expect("an action was ordered")
    }

    /// The newest action was carried out.
    pub(crate) fn acted(&mut self, outcome: ActionOutcome) -> Vec<String> {
        let event = outcome_of(&self.act(), outcome);
        self.one.feed(event)
    }

    /// The newest prompt that the session wants of itself arrives in its own inbox.
    pub(crate) fn tells_itself(&mut self) -> Vec<String> {
        let told = |effect: &Effect| {
            let Effect::Tell { to: MachineKey::Session(_), event } = effect else { return None };
            Some(event.clone())
        };
        let event: Event = self.one.effects.iter().rev().find_map(told).expect("it told itself something");
        self.one.feed(event)
    }

    /// The agent's process ends, and that is seen.
    pub(crate) fn dies(&mut self) -> Vec<String> {
        self.sees(Seen::Exited { code: Some(1) })
    }

    pub(crate) fn generation(&self) -> Generation {
        self.state().generation
    }
}

/// What the pull request wants said about red checks.
pub(crate) fn ci() -> PromptRef {
    on_pull(IncidentKind::ChecksFailed)
}

/// What the pull request wants said about this.
pub(crate) fn on_pull(kind: IncidentKind) -> PromptRef {
    PromptRef { from: pull_key(), cause: Cause::Incident { kind, action: 0 }, revision: 1, attempt: Attempt(1) }
}

/// The first prompt of the task.
pub(crate) fn first() -> PromptRef {
    PromptRef { from: MachineKey::Task(task_id()), cause: Cause::Task, revision: 1, attempt: Attempt(1) }
}

/// A person's words.
pub(crate) fn from_person(words: &str) -> PromptRef {
    let from = MachineKey::Session(session_id());
    PromptRef { from, cause: Cause::Person(TextHash::of(words)), revision: 1, attempt: Attempt(1) }
}
