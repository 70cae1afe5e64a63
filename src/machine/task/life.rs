//! What a task is, and how it goes on: its workspace, its agent, its pull request, its end.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    effect::Effect,
    event::{self, Task, Work},
    machine::{
        Now,
        incident::{Incident, Position},
    },
    model::{
        AgentName, Attempt, Branch, Cause, IssueNumber, LookupKey, MachineKey, PrNumber, PromptRef, RepoId, Rescue,
        SessionId, TaskId,
    },
};

const PREPARATIONS_MAX: u32 = 3;
const OPEN_RETRY_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Everything that is known of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub task: TaskId,
    /// The repository that it changes.
    pub repo: RepoId,
    /// What is to be done.
    pub work: Work,
    /// Which agent does it.
    pub agent: AgentName,
    /// Its branch.
    pub branch: Branch,
    /// When it was claimed.
    pub since: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// Where its workspace is, once it is there.
    pub workspace: Option<String>,
    /// Its pull request, once there is one.
    pub pull: Option<PrNumber>,
    /// Why it is not getting on, if it is not.
    pub trouble: Option<String>,
    /// Why its workspace was kept, if it was.
    pub kept: Option<String>,
    /// What keeps the work of its workspace, if that was removed with some.
    #[serde(default)]
    pub rescue: Option<Rescue>,
    /// Whether its pull request is being opened.
    pub opening: Opening,
    /// How often the running phase was tried.
    pub tries: u32,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Whether its setup runs.
    #[serde(default)]
    pub setup_runs: bool,
    /// That its setup failed, and how far the answer got.
    #[serde(default)]
    pub setup_failed: Option<Incident>,
    /// How many incidents it had.
    #[serde(default)]
    pub serial: u64,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its workspace is being made.
    Preparing,
    /// Its workspace is being made ready, or that failed and is tried again.
    SettingUp,
    /// Its agent works, and there is no pull request yet.
    Working,
    /// Its pull request is open.
    InReview,
    /// Its agent is ended and its workspace removed.
    Closing(Ending),
    /// It cannot go on without a person.
    Failed,
    /// Its pull request was merged.
    Done,
    /// It was given up.
    Abandoned,
}

/// Whether a pull request is being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// It is not.
    No,
    /// It is.
    Asked,
    /// It is, and the branch has moved since: that there was nothing to open may no longer be so.
    PushedSince,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Merged.
    Merged,
    /// Closed or stopped.
    GivenUp,
}

/// Whether the first prompt of a task should still be sent.
#[must_use]
pub fn still_wanted(state: &State, reference: &PromptRef) -> bool {
    match reference.cause {
        Cause::Task => state.phase == Phase::Working,
        Cause::Handover => matches!(state.phase, Phase::Working | Phase::InReview),
        Cause::Incident { .. } | Cause::Person(_) | Cause::Comment { .. } => false,
    }
}

/// Handles one event.
pub(crate) fn step(state: Option<State>, event: Task, now: &Now<'_>) -> Option<(State, Vec<Effect>)> {
    let mut effects = Vec::new();
    let state = match (state, event) {
        (state, Task::Claimed { task, repo, work, agent }) => {
            if let Some(mut running) = state.filter(|state| !state.is_over()) {
                running.begin_again(&mut effects);
                running
            } else {
                let begun = State::claimed((task, repo), work, agent, now);
                begun.prepare(&mut effects);
                begun
            }
        }
        (None, _) => return None,
        (Some(mut state), event) => {
            state.take(event, now, &mut effects);
            state
        }
    };
    Some((state, effects))
}

impl State {
    fn claimed(id: (TaskId, RepoId), work: Work, agent: Option<AgentName>, now: &Now<'_>) -> Self {
        let (task, repo) = id;
        let branch = branch(&task, &work);
        let agent = agent.unwrap_or_else(|| now.rules.agent.name.clone());
        Self {
            task,
            repo,
            work,
            agent,
            branch,
            since: now.at,
            phase: Phase::Preparing,
            workspace: None,
            pull: None,
            trouble: None,
            kept: None,
            rescue: None,
            opening: Opening::No,
            tries: 0,
            retry_at: None,
            setup_runs: false,
            setup_failed: None,
            serial: 0,
        }
    }

    fn take(&mut self, event: Task, now: &Now<'_>, effects: &mut Vec<Effect>) {
        match event {
            Task::Claimed { .. } => {}
            Task::Prepared { path, setup, .. } => self.on_prepared(path, setup, now, effects),
            Task::PreparationFailed { why } => self.on_preparation_failed(why, now, effects),
            Task::SetUp => self.on_set_up(now, effects),
            Task::SetupFailed { why } => self.on_setup_failed(why),
            Task::Acted { serial, revision, list, step, outcome } => {
                self.on_acted((serial, Position { revision, list, step }), &outcome, now, effects);
            }
            Task::TurnEnded => self.open_pull(effects),
            Task::BranchPushed => self.on_branch_pushed(effects),
            Task::PullOpened { number } => self.on_pull_opened(number, effects),
            Task::NothingPushed => self.on_nothing_pushed(effects),
            Task::OpenFailed { why, transient } => self.on_open_failed(why, transient, now),
            Task::PullMerged => self.close(Ending::Merged, effects),
            Task::PullClosed | Task::StopWanted => self.close(Ending::GivenUp, effects),
            Task::IssueClosed => self.on_issue_closed(effects),
            Task::SessionEnded => self.on_session_ended(effects),
            Task::WorkspaceRemoved => self.on_workspace_settled(None, effects),
            Task::WorkspaceKept { why } => self.on_workspace_settled(Some(why), effects),
            Task::WorkspaceRescued { rescue } => self.on_workspace_rescued(rescue, effects),
            Task::WorkspaceRestored { path } => self.on_workspace_restored(path),
            Task::NotRestored { why } => self.trouble = Some(why),
            Task::CleanWanted => self.on_clean_wanted(effects),
            Task::RestoreWanted => self.on_restore_wanted(effects),
            Task::PruneWanted => self.on_prune_wanted(effects),
            Task::NotPruned { why } => self.trouble = Some(why),
            Task::RetryWanted => self.on_retry_wanted(effects),
            Task::OutputPruned { .. } => {}
            // What is due is ordered below, as after every event.
            Task::DeadlinePassed => {}
        }
        if self.retry_at.is_some_and(|at| now.at >= at) {
            self.try_again(effects);
        }
        self.tick_setup(now, effects);
    }

    fn on_prepared(&mut self, path: String, setup: bool, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Preparing {
            return;
        }
        self.workspace = Some(path);
        self.trouble = None;
        self.retry_at = None;
        if setup {
            self.set_up(effects);
        } else {
            self.begin_work(now, effects);
        }
    }

    pub(super) fn begin_work(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(workspace) = self.workspace.clone() else { return };
        self.phase = Phase::Working;
        self.trouble = None;
        self.tries = 0;
        let session = MachineKey::Session(self.session());
        let conversation = match &self.work {
            Work::Adopted { conversation, .. } => conversation.clone(),
            Work::Issue(_) | Work::Text { .. } => None,
        };
        let wanted = event::Session::Wanted {
            task: self.task.clone(),
            repo: self.repo,
            agent: now.rules.agent_named(&self.agent),
            workspace,
            conversation,
        };
        effects.push(Effect::Tell { to: session.clone(), event: wanted.into() });
        if let Work::Adopted { number, .. } = self.work {
            self.on_pull_opened(number, effects);
            return;
        }
        let reference = PromptRef { from: self.key(), cause: Cause::Task, revision: 1, attempt: Attempt(1) };
        effects.push(Effect::Tell { to: session, event: event::Session::PromptWanted { reference }.into() });
    }

    fn on_preparation_failed(&mut self, why: String, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Preparing {
            return;
        }
        self.trouble = Some(why);
        self.tries += 1;
        if self.tries < PREPARATIONS_MAX {
            self.retry_at = Some(now.at + now.rules.pace.preparation_retry * i32::try_from(self.tries).unwrap_or(1));
        } else {
            // Others need not wait for the person that this one waits for.
            self.phase = Phase::Failed;
            self.release_slot(effects);
        }
    }

    fn open_pull(&mut self, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Working {
            return;
        }
        self.opening = Opening::Asked;
        effects.push(Effect::OpenPull {
            task: self.task.clone(),
            repo: self.repo,
            branch: self.branch.clone(),
            work: self.work.clone(),
        });
    }

    /// A push of an agent whose turn has ended came late: there is something to open now.
    fn on_branch_pushed(&mut self, effects: &mut Vec<Effect>) {
        match self.opening {
            Opening::No if self.trouble.is_some() => self.open_pull(effects),
            Opening::No => {}
            Opening::Asked | Opening::PushedSince => self.opening = Opening::PushedSince,
        }
    }

    fn on_pull_opened(&mut self, number: PrNumber, effects: &mut Vec<Effect>) {
        if let Phase::Closing(_) = self.phase {
            // It was opened while the task was given up: what it holds is safe there.
            self.pull = Some(number);
        }
        if self.phase != Phase::Working {
            return;
        }
        self.opening = Opening::No;
        self.phase = Phase::InReview;
        self.pull = Some(number);
        self.trouble = None;
        self.tries = 0;
        self.retry_at = None;
        let managed = event::Pull::Managed { task: self.task.clone(), session: self.session() };
        effects.push(Effect::Tell { to: MachineKey::Pull { repo: self.repo, number }, event: managed.into() });
    }

    fn on_nothing_pushed(&mut self, effects: &mut Vec<Effect>) {
        let opening = std::mem::replace(&mut self.opening, Opening::No);
        if self.phase != Phase::Working {
            return;
        }
        self.trouble = Some("the agent ended its turn, and its branch has no new commit on GitHub".to_owned());
        if opening == Opening::PushedSince {
            self.open_pull(effects);
        }
    }

    fn on_open_failed(&mut self, why: String, transient: bool, now: &Now<'_>) {
        self.opening = Opening::No;
        if self.phase != Phase::Working {
            return;
        }
        self.trouble = Some(why);
        if transient {
            self.tries += 1;
            let pause = SignedDuration::from_secs(1_i64 << self.tries.min(9)).min(OPEN_RETRY_MAX);
            self.retry_at = Some(now.at + pause);
        }
    }

    /// Without a pull request, nobody needs the work any more. With one, it is the pull request that matters: it may
    /// even be its merge that closed the issue.
    fn on_issue_closed(&mut self, effects: &mut Vec<Effect>) {
        match (self.phase, self.pull) {
            (Phase::InReview, Some(number)) => {
                let event = event::Pull::Hinted { repo: self.repo, number, urgent: false }.into();
                effects.push(Effect::Tell { to: MachineKey::Pull { repo: self.repo, number }, event });
            }
            _ => self.close(Ending::GivenUp, effects),
        }
    }

    fn close(&mut self, ending: Ending, effects: &mut Vec<Effect>) {
        let has_agent = match self.phase {
            Phase::Closing(_) | Phase::Done | Phase::Abandoned => return,
            Phase::Working | Phase::InReview => true,
            Phase::Preparing | Phase::SettingUp | Phase::Failed => false,
        };
        self.phase = Phase::Closing(ending);
        self.retry_at = None;
        self.setup_failed = None;
        self.release_pull(ending, effects);
        // A session that was never wanted answers nothing: then the workspace is next.
        if has_agent {
            let to = MachineKey::Session(self.session());
            effects.push(Effect::Tell { to, event: event::Session::EndWanted.into() });
        } else {
            self.remove_workspace(false, effects);
        }
    }

    fn release_pull(&self, ending: Ending, effects: &mut Vec<Effect>) {
        let Some(number) = self.pull.filter(|_| ending == Ending::GivenUp) else { return };
        let to = MachineKey::Pull { repo: self.repo, number };
        effects.push(Effect::Tell { to, event: event::Pull::Released.into() });
    }

    fn on_session_ended(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Closing(_)) {
            self.remove_workspace(false, effects);
        }
    }

    pub(super) fn release_slot(&self, effects: &mut Vec<Effect>) {
        let event = event::Fleet::SlotReleased { task: self.task.clone() }.into();
        effects.push(Effect::Tell { to: MachineKey::Fleet, event });
    }

    /// It failed, a person wanted it tried again, and now there is a slot for it.
    fn begin_again(&mut self, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Failed {
            self.phase = Phase::Preparing;
            self.tries = 0;
            self.setup_failed = None;
            self.prepare(effects);
        }
    }

    fn prepare(&self, effects: &mut Vec<Effect>) {
        let (task, repo, branch) = (self.task.clone(), self.repo, self.branch.clone());
        effects.push(Effect::Prepare { task, repo, branch });
    }

    fn on_retry_wanted(&mut self, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Failed {
            let (task, work, agent) = (self.task.clone(), self.work.clone(), Some(self.agent.clone()));
            let event = event::Backlog::SpawnWanted { task, work, agent }.into();
            effects.push(Effect::Tell { to: MachineKey::Backlog(self.repo), event });
        } else {
            self.try_again(effects);
        }
    }

    fn try_again(&mut self, effects: &mut Vec<Effect>) {
        self.retry_at = None;
        match self.phase {
            Phase::Preparing => self.prepare(effects),
            Phase::SettingUp => self.set_up_again(effects),
            Phase::Working => self.open_pull(effects),
            Phase::InReview | Phase::Closing(_) | Phase::Failed | Phase::Done | Phase::Abandoned => {}
        }
    }

    /// This machine's address.
    #[must_use]
    pub fn key(&self) -> MachineKey {
        MachineKey::Task(self.task.clone())
    }

    /// Its session: it bears the task's name.
    #[must_use]
    pub fn session(&self) -> SessionId {
        session_of(&self.task)
    }

    /// Its issue, if it came from one.
    #[must_use]
    pub const fn issue(&self) -> Option<IssueNumber> {
        match &self.work {
            Work::Issue(issue) => Some(issue.number),
            Work::Text { .. } | Work::Adopted { .. } => None,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Abandoned)
    }

    /// The keys by which it is found.
    #[must_use]
    pub fn lookup(&self) -> Vec<LookupKey> {
        if self.is_over() {
            return Vec::new();
        }
        let branch = LookupKey::HeadBranch(self.repo, self.branch.clone());
        self.issue().map(|issue| LookupKey::Issue(self.repo, issue)).into_iter().chain([branch]).collect()
    }

    /// The next moment after `now` at which something is due, and what.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let retry = self.retry_at.map(|at| (at, "next try"));
        retry.into_iter().chain(self.setup_deadline()).filter(|(at, _)| *at > now).min()
    }
}

/// The session of a task bears the task's name.
#[must_use]
pub fn session_of(task: &TaskId) -> SessionId {
    task.as_str().parse().expect("session and task names have the same form")
}

fn branch(task: &TaskId, work: &Work) -> Branch {
    let name = match work {
        Work::Issue(issue) if issue.slug.is_empty() => format!("antiphon/{}", issue.number),
        Work::Issue(issue) => format!("antiphon/{}-{}", issue.number, issue.slug),
        Work::Text { .. } => format!("antiphon/{task}"),
        Work::Adopted { branch, .. } => return branch.clone(),
    };
    name.parse().expect("numbers and slugs make a valid branch name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::testing::*, model::TextHash};

    const NOTHING: [&str; 0] = [];

    fn key() -> MachineKey {
        MachineKey::Task(task_id())
    }

    fn claim(work: Work) -> Task {
        Task::Claimed { task: task_id(), repo: REPO, work, agent: None }
    }

    fn of_issue() -> Work {
        Work::Issue(Box::new(issue(ISSUE)))
    }

    fn prepared() -> Task {
        Task::Prepared { path: "workspaces/hello-3".to_owned(), base: sha('0'), setup: false }
    }

    fn failed() -> Task {
        Task::PreparationFailed { why: "no network".to_owned() }
    }

    fn claimed() -> One {
        let mut task = One::new(key(), rules());
        assert_eq!(task.feed(claim(of_issue())), ["prepare workspace"]);
        task
    }

    fn working() -> One {
        let mut task = claimed();
        task.feed(prepared());
        task
    }

    fn in_review() -> One {
        let mut task = working();
        task.feed(Task::TurnEnded);
        task.feed(Task::PullOpened { number: NUMBER });
        task
    }

    /// The session ends and the workspace goes; says what the last of it led to.
    fn close(task: &mut One) -> Vec<String> {
        assert_eq!(task.feed(Task::SessionEnded), ["remove workspace"]);
        task.feed(Task::WorkspaceRemoved)
    }

    const OVER: [&str; 2] = ["tell fleet: slot released", "tell backlog/1: task ended"];

    #[test]
    fn a_task_gets_its_workspace_then_its_agent_then_its_first_prompt() {
        let mut task = claimed();

        assert_eq!(
            task.feed(prepared()),
            ["tell session/hello-3: agent wanted", "tell session/hello-3: prompt wanted (the task)"]
        );
        assert_eq!(task.task().branch.as_str(), "antiphon/3-greet");
    }

    // G109
    #[test]
    fn a_task_that_is_claimed_or_prepared_twice_runs_once() {
        let mut task = claimed();
        assert_eq!(task.feed(claim(of_issue())), NOTHING);
        task.feed(prepared());
        assert_eq!(task.feed(prepared()), NOTHING);
        assert_eq!(task.feed(failed()), NOTHING);

        assert_eq!(task.task().phase, Phase::Working);
    }

    #[test]
    fn a_workspace_that_cannot_be_made_is_tried_again_and_then_left_to_a_person() {
        let mut task = claimed();
        assert_eq!(task.feed(failed()), NOTHING);
        assert_eq!(task.pass(secs(29)), NOTHING);
        assert_eq!(task.pass(secs(1)), ["prepare workspace"]);
        task.feed(failed());
        assert_eq!(task.pass(secs(60)), ["prepare workspace"]);

        assert_eq!(task.feed(failed()), ["tell fleet: slot released"]);
        assert_eq!(task.task().phase, Phase::Failed);
        assert_eq!(task.pass(mins(600)), NOTHING);

        assert_eq!(task.feed(Task::RetryWanted), ["tell backlog/1: spawn wanted"]);
        assert_eq!(task.feed(claim(of_issue())), ["prepare workspace"]);
        task.feed(failed());
        assert_eq!(task.task().phase, Phase::Preparing, "the tries count from the start");
    }

    // G115: the executor finds the pull request that is there already; the task never asks for a second one
    #[test]
    fn every_turn_end_asks_for_the_pull_request_until_there_is_one() {
        let mut task = working();
        assert_eq!(task.feed(Task::TurnEnded), ["open pull request"]);
        assert_eq!(task.feed(Task::NothingPushed), NOTHING);
        assert!(task.task().trouble.is_some());
        assert_eq!(task.feed(Task::TurnEnded), ["open pull request"]);

        assert_eq!(task.feed(Task::PullOpened { number: NUMBER }), ["tell pull/1/7: managed"]);
        assert_eq!(task.feed(Task::PullOpened { number: NUMBER }), NOTHING);
        assert_eq!(task.feed(Task::TurnEnded), NOTHING);
        assert_eq!((task.task().phase, &task.task().trouble), (Phase::InReview, &None));
    }

    #[test]
    fn a_push_that_comes_after_the_turn_opens_the_pull_request() {
        let mut task = working();
        assert_eq!(task.feed(Task::BranchPushed), NOTHING, "the agent is still at work");
        task.feed(Task::TurnEnded);
        task.feed(Task::NothingPushed);

        assert_eq!(task.feed(Task::BranchPushed), ["open pull request"]);
    }

    #[test]
    fn a_push_that_comes_while_nothing_was_found_is_looked_at_again() {
        let mut task = working();
        task.feed(Task::TurnEnded);
        assert_eq!(task.feed(Task::BranchPushed), NOTHING);

        assert_eq!(task.feed(Task::NothingPushed), ["open pull request"]);
        assert_eq!(task.feed(Task::NothingPushed), NOTHING);
    }

    #[test]
    fn a_pull_request_that_cannot_be_opened_now_is_tried_again() {
        let mut task = working();
        task.feed(Task::TurnEnded);
        task.feed(Task::OpenFailed { why: "502".to_owned(), transient: true });
        assert_eq!(task.pass(secs(2)), ["open pull request"]);
        task.feed(Task::OpenFailed { why: "502".to_owned(), transient: true });
        assert_eq!(task.pass(secs(3)), NOTHING);

        task.feed(Task::PullOpened { number: NUMBER });

        assert_eq!(task.deadline(), None);
    }

    #[test]
    fn a_pull_request_that_cannot_be_opened_at_all_is_left_to_a_person() {
        let mut task = working();
        task.feed(Task::TurnEnded);
        task.feed(Task::OpenFailed { why: "422".to_owned(), transient: false });
        assert_eq!(task.pass(mins(600)), NOTHING);

        assert_eq!(task.feed(Task::RetryWanted), ["open pull request"]);
    }

    // S45, G114
    #[test]
    fn a_merged_task_ends_its_agent_then_its_workspace_then_gives_its_slot_back() {
        let mut task = in_review();
        assert_eq!(task.feed(Task::PullMerged), ["tell session/hello-3: end wanted"]);
        assert_eq!(task.feed(Task::IssueClosed), NOTHING);
        assert_eq!(task.feed(Task::PullMerged), NOTHING);

        assert_eq!(close(&mut task), OVER);

        assert_eq!((task.task().phase, &task.task().workspace), (Phase::Done, &None));
        assert_eq!(task.feed(Task::WorkspaceRemoved), NOTHING);
    }

    // G034
    #[test]
    fn a_closed_pull_request_gives_the_task_up_and_is_let_go() {
        let mut task = in_review();

        assert_eq!(task.feed(Task::PullClosed), ["tell pull/1/7: released", "tell session/hello-3: end wanted"]);
        assert_eq!(close(&mut task), OVER);
        assert_eq!(task.task().phase, Phase::Abandoned);
    }

    // G114: the merge that closes the issue may be seen after it
    #[test]
    fn an_issue_that_closes_in_review_only_makes_its_pull_request_looked_at() {
        let mut task = in_review();

        assert_eq!(task.feed(Task::IssueClosed), ["tell pull/1/7: hinted"]);

        assert_eq!(task.task().phase, Phase::InReview);
    }

    // G113 as far
    #[test]
    fn an_issue_that_closes_before_there_is_a_pull_request_ends_the_task() {
        let mut early = claimed();
        assert_eq!(early.feed(Task::IssueClosed), ["remove workspace"]);
        assert_eq!(early.feed(prepared()), NOTHING, "the workspace is removed after it was made");
        assert_eq!(early.feed(Task::WorkspaceRemoved), OVER);

        let mut late = working();
        assert_eq!(late.feed(Task::IssueClosed), ["tell session/hello-3: end wanted"]);
        assert_eq!(close(&mut late), OVER);
    }

    // S47, S49 as far: what holds work is kept, and the task is over all the same
    #[test]
    fn a_workspace_that_holds_work_is_kept_and_named() {
        let mut task = in_review();
        task.feed(Task::PullClosed);
        task.feed(Task::SessionEnded);

        assert_eq!(task.feed(Task::WorkspaceKept { why: "1 unpushed commit".to_owned() }), OVER);

        assert_eq!(task.task().kept.as_deref(), Some("1 unpushed commit"));
        assert_eq!(task.task().workspace.as_deref(), Some("workspaces/hello-3"));
    }

    #[test]
    fn a_pull_request_that_was_opened_while_the_task_was_given_up_is_remembered() {
        let mut task = working();
        task.feed(Task::TurnEnded);
        task.feed(Task::StopWanted);
        assert_eq!(task.feed(Task::PullOpened { number: NUMBER }), NOTHING);

        let removed = task.take(&Task::SessionEnded.into());

        assert!(matches!(&removed[..], [Effect::RemoveWorkspace { pull: Some(NUMBER), .. }]));
    }

    #[test]
    fn a_task_that_ended_can_be_claimed_again() {
        let mut task = in_review();
        task.feed(Task::PullClosed);
        close(&mut task);

        assert_eq!(task.feed(claim(of_issue())), ["prepare workspace"]);
        assert_eq!((task.task().pull, task.task().phase), (None, Phase::Preparing));
    }

    #[test]
    fn an_adopted_pull_request_needs_no_first_prompt() {
        let mut task = One::new(key(), rules());
        task.feed(claim(Work::Adopted { number: NUMBER, branch: "feature".parse().unwrap(), conversation: None }));

        assert_eq!(task.feed(prepared()), ["tell session/hello-3: agent wanted", "tell pull/1/7: managed"]);
        assert_eq!(task.task().branch.as_str(), "feature");
    }

    #[test]
    fn the_first_prompt_is_wanted_until_there_is_a_pull_request() {
        let reference = first();
        assert!(still_wanted(working().task(), &reference));
        assert!(!still_wanted(in_review().task(), &reference));
        assert!(!still_wanted(claimed().task(), &reference));
        assert!(!still_wanted(working().task(), &ci()));
    }

    #[test]
    fn branches_are_named_after_the_work() {
        let bare = Work::Issue(Box::new(crate::model::Issue { slug: String::new(), ..issue(ISSUE) }));
        let text = Work::Text { slug: "greet".to_owned(), text: TextHash::of("greet people") };

        assert_eq!(branch(&task_id(), &bare).as_str(), "antiphon/3");
        assert_eq!(branch(&task_id(), &text).as_str(), "antiphon/hello-3");
    }

    #[test]
    fn what_comes_for_a_task_that_never_was_makes_none() {
        let mut task = One::new(key(), rules());

        for event in [Task::TurnEnded, prepared(), Task::PullMerged, Task::RetryWanted, Task::DeadlinePassed] {
            assert_eq!(task.feed(event), NOTHING);
        }

        assert_eq!(task.state, None);
    }

    fn rescued() -> Rescue {
        Rescue { task: task_id(), at: Timestamp::UNIX_EPOCH, commit: sha('e') }
    }

    fn over_and_kept() -> One {
        let mut task = working();
        task.feed(Task::StopWanted);
        task.feed(Task::SessionEnded);
        task.feed(Task::WorkspaceKept { why: "changes".to_owned() });
        task
    }

    #[test]
    fn the_workspace_of_an_ended_task_goes_when_a_person_wants_it_and_comes_back() {
        let mut task = over_and_kept();

        assert_eq!(task.feed(Task::RestoreWanted), NOTHING, "it is there");
        assert_eq!(task.feed(Task::CleanWanted), ["remove workspace"]);
        assert_eq!(task.feed(Task::WorkspaceRescued { rescue: rescued() }), NOTHING, "its slot was given back before");
        assert_eq!((&task.task().workspace, &task.task().kept), (&None, &None));
        assert_eq!(task.feed(Task::CleanWanted), NOTHING, "it is gone");

        assert_eq!(task.feed(Task::RestoreWanted), ["restore workspace"]);
        assert_eq!(task.feed(Task::WorkspaceRestored { path: "workspaces/hello-3".to_owned() }), NOTHING);
        assert_eq!(task.task().workspace.as_deref(), Some("workspaces/hello-3"));
        assert_eq!((task.task().phase, &task.task().rescue), (Phase::Abandoned, &Some(rescued())));
        assert_eq!(task.feed(Task::CleanWanted), ["remove workspace"]);
    }

    #[test]
    fn a_workspace_that_could_not_be_rescued_stays_and_says_why() {
        let mut task = over_and_kept();
        task.feed(Task::CleanWanted);

        assert_eq!(task.feed(Task::WorkspaceKept { why: "disk full".to_owned() }), NOTHING);
        assert_eq!(task.task().kept.as_deref(), Some("disk full"));
        assert_eq!(task.feed(Task::CleanWanted), ["remove workspace"]);
    }

    #[test]
    fn the_workspace_of_a_task_that_goes_on_is_left_alone() {
        let mut task = in_review();

        assert_eq!(task.feed(Task::CleanWanted), NOTHING);
        assert_eq!(task.feed(Task::RestoreWanted), NOTHING);
        assert!(task.task().workspace.is_some());
    }

    #[test]
    fn a_task_is_found_by_its_issue_and_its_branch_until_it_is_over() {
        let mut task = in_review();
        assert_eq!(
            task.task().lookup(),
            [LookupKey::Issue(REPO, ISSUE), LookupKey::HeadBranch(REPO, "antiphon/3-greet".parse().unwrap())]
        );
        task.feed(Task::PullMerged);
        close(&mut task);

        assert_eq!(task.task().lookup(), []);
    }
}
