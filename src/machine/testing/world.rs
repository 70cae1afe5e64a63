//! All five machines together, on virtual time, with inboxes between them and an executor that the test plays.
//!
//! Rows of one machine's inbox are taken in order, and so are effects of one lane; between machines and lanes the order
//! is by age, or by chance if the test wants that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{NO_TEXTS, START, checked_step, deadline_of, entropy, facts::*, outcome_of, said, shown};
use crate::{
    effect::{Act, Effect},
    event::{self, ActionOutcome, Event, Hook, LookFailure, OpenPull, Refusal, Seen},
    machine::{Now, Rules, State, pull, session, still_wanted, still_wanted_act, task},
    model::{
        Channel, CheckState, Evidence, Generation, Issue, IssueNumber, Lifecycle, MachineKey, PrNumber, PromptId,
        PromptRef, Receipt, SessionId, Sha, Snapshot, Submission, TaskId, TextHash,
    },
    reaction::Action,
};

/// All machines, and the world around them.
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) at: Timestamp,
    pub(crate) machines: BTreeMap<MachineKey, State>,
    deadlines: BTreeMap<MachineKey, Timestamp>,
    rows: Vec<(MachineKey, Event)>,
    outbox: Vec<Effect>,
    steps: u64,
    chance: Option<u64>,
    /// What GitHub holds.
    pub(crate) pulls: BTreeMap<PrNumber, Snapshot>,
    pub(crate) issues: BTreeMap<IssueNumber, Issue>,
    pub(crate) branches: BTreeMap<TaskId, Sha>,
    /// What fails now: the fingerprint of every failure.
    pub(crate) cause: String,
    /// Launches whose process lives.
    pub(crate) alive: BTreeSet<(SessionId, Generation)>,
    /// What was typed to agents, in words.
    pub(crate) typed: Vec<String>,
    /// Actions that were carried out, in words.
    pub(crate) acts: Vec<String>,
    /// Every event with its effects, in words.
    pub(crate) journal: Vec<String>,
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            at: START,
            machines: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            rows: Vec::new(),
            outbox: Vec::new(),
            steps: 0,
            chance: None,
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            branches: BTreeMap::new(),
            cause: "cause".to_owned(),
            alive: BTreeSet::new(),
            typed: Vec::new(),
            acts: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// What comes next is a matter of chance, the same for the same seed.
    pub(crate) fn by_chance(mut self, seed: u64) -> Self {
        self.chance = Some(seed | 1);
        self
    }

    /// A world whose task `hello-3` has an open pull request that just passed its checks.
    pub(crate) fn in_review(rules: Rules) -> Self {
        let mut world = Self::new(rules);
        world.opens_issue(ISSUE);
        world.settle();
        world.pushes('a');
        world.ends_turn();
        world.settle();
        world.checks('a', PASSED);
        world.pass(super::mins(2));
        world
    }

    // What people, agents and GitHub do.

    pub(crate) fn opens_issue(&mut self, number: IssueNumber) {
        self.issues.insert(number, issue(number));
        self.hints_repository();
    }

    pub(crate) fn hints_repository(&mut self) {
        self.post(MachineKey::Backlog(REPO), event::Backlog::Hinted { repo: REPO });
    }

    pub(crate) fn hints(&mut self) {
        self.post(pull_key(), event::Pull::Hinted { repo: REPO, number: NUMBER, urgent: true });
    }

    /// The agent of `hello-3` commits and pushes.
    pub(crate) fn pushes(&mut self, letter: char) {
        self.branches.insert(task_id(), sha(letter));
        if let Some(pull) = self.pulls.get_mut(&NUMBER) {
            pull.head.sha = sha(letter);
            pull.checks = vec![check("test", true, PENDING)];
            self.hints();
        }
    }

    /// CI reports on a commit; GitHub shows it if that is the head.
    pub(crate) fn checks(&mut self, letter: char, state: CheckState) {
        let pull = self.pulls.get_mut(&NUMBER).expect("there is a pull request");
        if pull.head.sha == sha(letter) {
            pull.checks = vec![check("test", true, state)];
        }
        self.hints();
    }

    /// Somebody changes the pull request at GitHub.
    pub(crate) fn on_github(&mut self, change: impl FnOnce(Snapshot) -> Snapshot) {
        let pull = self.pulls.remove(&NUMBER).expect("there is a pull request");
        self.pulls.insert(NUMBER, change(pull));
        self.hints();
    }

    /// The agent of `hello-3` runs a hook.
    pub(crate) fn hook(&mut self, hook: Hook) {
        let generation = self.session().generation;
        self.post(MachineKey::Session(session_id()), event::Session::Hooked { generation, hook });
    }

    pub(crate) fn ends_turn(&mut self) {
        self.settle();
        self.hook(Hook::TurnEnded);
    }

    /// The process of `hello-3` dies.
    pub(crate) fn dies(&mut self) {
        let session = self.session();
        let (to, generation) = (session.key(), session.generation);
        self.alive.clear();
        self.post(to, event::Session::Probed { generation, seen: Seen::Exited { code: Some(1) } });
    }

    pub(crate) fn post(&mut self, to: MachineKey, event: impl Into<Event>) {
        self.rows.push((to, event.into()));
    }

    // Time and chance.

    /// Handles everything that is there, without any time passing.
    pub(crate) fn settle(&mut self) {
        while self.handle_one() {}
    }

    /// Handles one row or one effect; false if there is none.
    pub(crate) fn handle_one(&mut self) -> bool {
        let rows = first_of_each(&self.rows, |(to, _)| to.to_string());
        let effects = first_of_each(&self.outbox, Effect::lane);
        let count = rows.len() + effects.len();
        if count == 0 {
            return false;
        }
        let chosen = self.chosen(count);
        if let Some(index) = rows.get(chosen) {
            let (to, event) = self.rows.remove(*index);
            self.step(&to, &event);
        } else {
            let effect = self.outbox.remove(effects[chosen - rows.len()]);
            self.carry_out(effect);
        }
        self.check_slots();
        true
    }

    /// The oldest row first, or whatever chance wants.
    fn chosen(&mut self, count: usize) -> usize {
        let Some(chance) = &mut self.chance else { return 0 };
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        usize::try_from(*chance % count as u64).unwrap()
    }

    /// Lets time pass; every deadline fires at its moment.
    pub(crate) fn pass(&mut self, duration: SignedDuration) {
        let until = self.at + duration;
        self.settle();
        while let Some((at, key)) = self.next_deadline().filter(|(at, _)| *at <= until) {
            self.at = at;
            self.step(&key, &deadline_of(&key));
            self.settle();
        }
        self.at = until;
    }

    fn next_deadline(&self) -> Option<(Timestamp, MachineKey)> {
        self.deadlines.iter().map(|(key, at)| (*at, key.clone())).min()
    }

    fn step(&mut self, key: &MachineKey, event: &Event) {
        self.steps += 1;
        let now = Now { rules: &self.rules, at: self.at, entropy: entropy(self.steps), texts: NO_TEXTS };
        let made = checked_step(key, self.machines.remove(key), event, &now);
        let effects = made.as_ref().map_or(&[][..], |(_, effects)| effects.as_slice());
        self.note(key, event, effects);
        let Some((state, effects)) = made else { return };
        self.deadlines.remove(key);
        let deadline = state.next_deadline(&self.rules, self.at);
        self.deadlines.extend(deadline.map(|(at, _)| (key.clone(), at)));
        self.machines.insert(key.clone(), state);
        for effect in effects {
            if let Effect::Tell { to, event } = effect {
                self.rows.push((to, event));
            } else {
                self.outbox.push(effect);
            }
        }
    }

    fn note(&mut self, key: &MachineKey, event: &Event, effects: &[Effect]) {
        self.journal.push(format!("{:>7.1} s  {key}: {}", since_start(self.at), said(event)));
        self.journal.extend(shown(effects).into_iter().map(|effect| format!("            → {effect}")));
    }

    /// What the fleet holds is never above the limit, and every task that works holds a slot.
    fn check_slots(&self) {
        let Some(State::Fleet(fleet)) = self.machines.get(&MachineKey::Fleet) else { return };
        assert!(fleet.running.len() <= self.rules.slots as usize, "{:?} run at once", fleet.running);
        for state in self.machines.values() {
            let State::Task(task) = state else { continue };
            let holds = match task.phase {
                task::Phase::Preparing | task::Phase::SettingUp | task::Phase::Working | task::Phase::InReview => true,
                task::Phase::Closing(_) | task::Phase::Failed | task::Phase::Done | task::Phase::Abandoned => false,
            };
            assert!(!holds || fleet.running.contains(&task.task), "{} works without a slot", task.task);
        }
    }

    // The executor.

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { .. } => unreachable!("tells are delivered by the commit"),
            Effect::Look { number, look, known, .. } => self.look(number, look, known.as_ref()),
            Effect::Triage { number, head, checks, .. } => {
                let failures = checks.iter().map(|check| failure(check, &self.cause)).collect();
                let to = MachineKey::Pull { repo: REPO, number };
                self.post(to, event::Pull::Triaged { head, checks, failures });
            }
            Effect::LookRepository { repo, .. } => self.look_repository(repo),
            Effect::Prepare { task, .. } => {
                let event = event::Task::Prepared { path: format!("workspaces/{task}"), base: sha('0'), setup: true };
                self.post(MachineKey::Task(task), event);
            }
            Effect::SetUp { task, .. } => self.post(MachineKey::Task(task), event::Task::SetUp),
            Effect::OpenPull { task, .. } => self.open_pull(&task),
            Effect::RemoveWorkspace { task, .. } => self.post(MachineKey::Task(task), event::Task::WorkspaceRemoved),
            Effect::RestoreWorkspace { rescue, .. } => {
                let path = format!("workspaces/{}", rescue.task);
                self.post(MachineKey::Task(rescue.task), event::Task::WorkspaceRestored { path });
            }
            Effect::Launch { session, generation, .. } => {
                self.alive.insert((session.clone(), generation));
                let started = Hook::Started { agent_session: Some(format!("of {session}")), transcript: None };
                let to = MachineKey::Session(session);
                self.post(to.clone(), event::Session::Launched { generation, agent_session: None });
                self.post(to, event::Session::Hooked { generation, hook: started });
            }
            Effect::Prompt { session, generation, prompt, references } => {
                self.prompt(&session, generation, prompt, references);
            }
            Effect::Dismiss { .. }
            | Effect::SeekReceipt { .. }
            | Effect::Meter { .. }
            | Effect::Answer { .. }
            | Effect::Report { .. }
            | Effect::PruneOutput { .. } => {}
            Effect::Stop { session, generation } => {
                self.alive.remove(&(session.clone(), generation));
                self.post(MachineKey::Session(session), event::Session::Stopped { generation });
            }
            Effect::Act(act) => self.act(&act),
        }
    }

    fn look(&mut self, number: PrNumber, look: u64, known: Option<&TextHash>) {
        let event = match self.pulls.get(&number) {
            None => event::Pull::LookFailed { look, why: LookFailure::NotFound },
            Some(pull) if known == Some(&hash(pull)) => event::Pull::Unchanged { look },
            Some(pull) => event::Pull::Observed { look, snapshot: Box::new(pull.clone()), hash: hash(pull) },
        };
        self.post(MachineKey::Pull { repo: REPO, number }, event);
    }

    fn look_repository(&mut self, repo: crate::model::RepoId) {
        let listed = |pull: &Snapshot| OpenPull {
            number: pull.number,
            head: pull.head.sha.clone(),
            branch: pull.head.branch.clone(),
            updated_at: pull.updated_at,
        };
        let open = self.pulls.values().filter(|pull| pull.lifecycle == Lifecycle::Open);
        let pulls = open.map(listed).collect();
        let issues = self.issues.values().filter(|issue| issue.open).cloned().collect();
        let hearing = Some(event::Hearing { since: START, newest: Some(self.at) });
        self.post(MachineKey::Backlog(repo), event::Backlog::Observed { issues, pulls, etag: None, hearing });
    }

    fn open_pull(&mut self, task: &TaskId) {
        let to = MachineKey::Task(task.clone());
        let Some(head) = self.branches.get(task).filter(|_| *task == task_id()) else {
            return self.post(to, event::Task::NothingPushed);
        };
        let mut opened = snapshot().check("test", PENDING);
        opened.head.sha = head.clone();
        self.pulls.entry(NUMBER).or_insert(opened);
        self.post(to, event::Task::PullOpened { number: NUMBER });
        self.hints();
    }

    fn prompt(&mut self, id: &SessionId, generation: Generation, prompt: PromptId, references: Vec<PromptRef>) {
        let to = MachineKey::Session(id.clone());
        let current = match self.machines.get(&to) {
            Some(State::Session(session)) => session.generation,
            _ => Generation(0),
        };
        if current != generation || !self.alive.contains(&(id.clone(), generation)) {
            return self.post(to, event::Session::Refused { prompt, why: Refusal::Gone });
        }
        let wanted = |it: &PromptRef| self.machines.get(&it.from).is_some_and(|state| still_wanted(state, it));
        let kept: Vec<_> = references.iter().filter(|it| wanted(it)).cloned().collect();
        if kept.is_empty() {
            return self.post(to, event::Session::Withdrawn { prompt, references });
        }
        let covers: Vec<_> = kept.iter().map(|it| self.covers(it)).collect();
        let words: Vec<_> = kept.iter().zip(&covers).map(|(it, covers)| about(it, covers)).collect();
        self.typed.push(words.join(" + "));
        let text = TextHash::of(prompt.as_str());
        let quote = format!("[antiphon:{prompt}]");
        let evidence = Evidence { prompt: prompt.clone(), receipt: Receipt::Hook, quote, at: self.at };
        self.post(to.clone(), event::Session::Composed { prompt: prompt.clone(), references: kept, covers, text });
        let delivered =
            event::Session::Delivered { prompt, submission: Submission::Submitted, channel: Channel::Terminal };
        let hook = Hook::PromptTaken { evidence: Some(evidence) };
        let taken = event::Session::Hooked { generation, hook };
        // The agent may be quicker than the report.
        let both = if self.chosen(2) == 0 { [delivered, taken] } else { [taken, delivered] };
        both.into_iter().for_each(|event| self.post(to.clone(), event));
    }

    fn covers(&self, reference: &PromptRef) -> Vec<String> {
        match (self.machines.get(&reference.from), &reference.cause) {
            (Some(State::Pull(state)), crate::model::Cause::Incident { kind, .. }) => pull::covers(state, *kind),
            _ => Vec::new(),
        }
    }

    fn act(&mut self, act: &Act) {
        let wanted = self.machines.get(&act.of).is_some_and(|state| still_wanted_act(state, act));
        let outcome = if wanted { self.carry_out_action(act) } else { ActionOutcome::Dropped };
        self.post(act.of.clone(), outcome_of(act, outcome));
    }

    fn carry_out_action(&mut self, act: &Act) -> ActionOutcome {
        let step = self.rules.action(&act.rule, act.list, act.step).expect("the rule has this action");
        if step.action == Action::Merge {
            let Some(State::Pull(state)) = self.machines.get(&pull_key()) else { panic!("no pull request") };
            let pull = self.pulls.get_mut(&NUMBER).expect("there is a pull request");
            if act.head.as_ref() != Some(&pull.head.sha) || !pull::allows_merge(state, pull, &self.rules) {
                return ActionOutcome::Dropped;
            }
            pull.lifecycle = Lifecycle::Merged;
            self.issues.remove(&ISSUE);
        }
        self.acts.push(format!("{} {}", act.rule, step.action.name()));
        ActionOutcome::Done
    }

    // What tests look at.

    pub(crate) fn pull(&self) -> &pull::State {
        let Some(State::Pull(state)) = self.machines.get(&pull_key()) else { panic!("no pull request") };
        state
    }

    pub(crate) fn session(&self) -> &session::State {
        let Some(State::Session(state)) = self.machines.get(&MachineKey::Session(session_id())) else {
            panic!("no session")
        };
        state
    }

    pub(crate) fn phase(&self, task: &TaskId) -> Option<task::Phase> {
        match self.machines.get(&MachineKey::Task(task.clone())) {
            Some(State::Task(state)) => Some(state.phase),
            _ => None,
        }
    }
}

/// The positions of the oldest entry of each queue, oldest first.
fn first_of_each<T>(entries: &[T], queue: impl Fn(&T) -> String) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    (0..).zip(entries).filter(|(_, entry)| seen.insert(queue(entry))).map(|(index, _)| index).collect()
}

fn about(reference: &PromptRef, covers: &[String]) -> String {
    let what = match &reference.cause {
        crate::model::Cause::Task => "the task".to_owned(),
        crate::model::Cause::Person(_) => "a person's words".to_owned(),
        crate::model::Cause::Comment { by, .. } => format!("a comment of @{by}"),
        crate::model::Cause::Handover => "a handover".to_owned(),
        crate::model::Cause::Incident { kind, .. } => format!("{} {}", kind.as_str(), reference.attempt),
    };
    if covers.is_empty() { what } else { format!("{what} ({})", covers.join(", ")) }
}
