//! The pure state machine of one repository: which issues become tasks, and the periodic look that heals what
//! webhooks lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, Rules, context};
use crate::{
    effect::Effect,
    event::{self, Backlog, OpenPull, Work},
    model::{AgentName, Branch, IncidentKind, Issue, IssueNumber, MachineKey, PrNumber, RepoId, Sha, TaskId},
};

/// Everything that is known of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The repository.
    pub repo: RepoId,
    /// Tasks that run, by issue.
    pub running: BTreeMap<IssueNumber, TaskId>,
    /// Issues whose task ended while they stayed listed: claimed again only once they were closed or unlabelled, or by
    /// a person.
    pub ended: BTreeSet<IssueNumber>,
    /// Issues that a person picked: whether they are listed or not says nothing about them.
    pub picked: BTreeSet<IssueNumber>,
    /// Issues of running tasks that are no longer listed; their tasks were told.
    pub unlisted: BTreeSet<IssueNumber>,
    /// Tasks that wait for a slot.
    pub waiting: BTreeMap<TaskId, Wanted>,
    /// Tasks that were given up while they waited: their slot goes back when it comes.
    pub dropped: BTreeSet<TaskId>,
    /// Open pull requests as last listed.
    pub pulls: BTreeMap<PrNumber, Listed>,
    /// Open issues as last listed that wait for others.
    pub blocked: BTreeMap<IssueNumber, Vec<IssueNumber>>,
    /// Whether a look is running.
    pub looking: bool,
    /// Whether another one is wanted after it.
    pub look_wanted: bool,
    /// When the next periodic look is due.
    pub next_look: Option<Timestamp>,
    /// Why the last look failed, while it does.
    pub look_failure: Option<String>,
    /// When the last look succeeded.
    pub observed_at: Option<Timestamp>,
}

/// Work that waits for a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What is to be done.
    pub work: Work,
    /// Which agent does it.
    pub agent: Option<AgentName>,
}

/// What a list said of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its newest commit.
    pub head: Sha,
    /// Its branch.
    pub branch: Branch,
    /// When GitHub last changed it.
    pub updated_at: Timestamp,
    /// When it was last hinted at.
    pub hinted_at: Timestamp,
}

impl State {
    /// A repository of which nothing is known yet.
    #[must_use]
    pub const fn new(repo: RepoId) -> Self {
        Self {
            repo,
            running: BTreeMap::new(),
            ended: BTreeSet::new(),
            picked: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            waiting: BTreeMap::new(),
            dropped: BTreeSet::new(),
            pulls: BTreeMap::new(),
            blocked: BTreeMap::new(),
            looking: false,
            look_wanted: false,
            next_look: None,
            look_failure: None,
            observed_at: None,
        }
    }

    /// The next moment after `now` at which something is due, and what.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        self.next_look.filter(|at| !self.looking && *at > now).map(|at| (at, "reconcile"))
    }
}

/// Handles one event.
pub(crate) fn step(mut state: State, event: Backlog, now: &Now<'_>) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    match event {
        Backlog::Hinted { .. } => state.look_wanted = true,
        Backlog::Observed { issues, pulls } => {
            state.look_ended(None, now);
            state.observed_at = Some(now.at);
            state.take_pulls(pulls, now, &mut effects);
            state.take_issues(issues, now, &mut effects);
        }
        Backlog::LookFailed { why } => state.look_ended(Some(why), now),
        Backlog::SlotGranted { task } => state.on_slot_granted(task, &mut effects),
        Backlog::SpawnWanted { task, work, agent } => {
            if let Work::Issue(issue) = &work {
                state.picked.insert(issue.number);
            }
            state.want(task, Wanted { work, agent }, &mut effects);
        }
        Backlog::TaskEnded { task, issue } => state.on_task_ended(&task, issue),
        // What is due is ordered below, as after every event.
        Backlog::DeadlinePassed => {}
    }
    state.look(now, &mut effects);
    (state, effects)
}

impl State {
    fn look(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let due = self.next_look.is_some_and(|at| now.at >= at);
        if (self.look_wanted || due) && !self.looking {
            self.look_wanted = false;
            self.looking = true;
            self.next_look = None;
            effects.push(Effect::LookRepository { repo: self.repo });
        }
    }

    fn look_ended(&mut self, failure: Option<String>, now: &Now<'_>) {
        self.looking = false;
        self.look_failure = failure;
        self.next_look = Some(now.at + now.rules.pace.reconcile);
    }

    // A list does not show what happened to checks and reviews, so every open pull request is looked at now and then.
    fn take_pulls(&mut self, pulls: Vec<OpenPull>, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let gone: Vec<_> =
            self.pulls.keys().filter(|number| !pulls.iter().any(|pull| pull.number == **number)).copied().collect();
        for number in gone {
            self.pulls.remove(&number);
            self.hint(number, effects);
        }
        for OpenPull { number, head, branch, updated_at } in pulls {
            let known = self.pulls.get(&number).filter(|known| known.head == head && known.updated_at == updated_at);
            let fresh = known.is_some_and(|known| now.at < known.hinted_at + now.rules.pace.pull_reconcile);
            let hinted_at = match known.filter(|_| fresh) {
                Some(known) => known.hinted_at,
                None => {
                    self.hint(number, effects);
                    now.at
                }
            };
            self.pulls.insert(number, Listed { head, branch, updated_at, hinted_at });
        }
    }

    fn hint(&self, number: PrNumber, effects: &mut Vec<Effect>) {
        let event = event::Pull::Hinted { repo: self.repo, number, urgent: false }.into();
        effects.push(Effect::Tell { to: MachineKey::Pull { repo: self.repo, number }, event });
    }

    fn take_issues(&mut self, issues: Vec<Issue>, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.drop_unlisted(&issues, effects);
        self.ended.retain(|number| issues.iter().any(|issue| issue.number == *number && issue.open));
        self.blocked = issues
            .iter()
            .filter(|issue| issue.open && !issue.blockers.is_empty())
            .map(|issue| (issue.number, issue.blockers.clone()))
            .collect();
        for issue in issues {
            let known = self.running.contains_key(&issue.number) || self.ended.contains(&issue.number);
            if known || !issue.open || !issue.blockers.is_empty() {
                continue;
            }
            let context = context::of_issue(&issue, now);
            if now.rules.plan(IncidentKind::IssueReady, &context, now.at).is_none() {
                continue;
            }
            let task = task_of(now.rules, issue.number);
            self.running.insert(issue.number, task.clone());
            self.want(task, Wanted { work: Work::Issue(Box::new(issue)), agent: None }, effects);
        }
    }

    // An issue that was closed or lost its label is no longer wanted. A running task is told, and decides.
    fn drop_unlisted(&mut self, issues: &[Issue], effects: &mut Vec<Effect>) {
        let listed = |number: &IssueNumber| issues.iter().any(|issue| issue.number == *number && issue.open);
        let unlisted = self.running.iter().filter(|(number, _)| !listed(number) && !self.picked.contains(number));
        let unlisted: Vec<_> = unlisted.map(|(number, task)| (*number, task.clone())).collect();
        for (number, task) in unlisted {
            if self.drop_waiting(&task) {
                self.running.remove(&number);
            } else if self.unlisted.insert(number) {
                let event = event::Task::IssueClosed.into();
                effects.push(Effect::Tell { to: MachineKey::Task(task), event });
            }
        }
    }

    fn on_task_ended(&mut self, task: &TaskId, issue: Option<IssueNumber>) {
        self.drop_waiting(task);
        let Some(issue) = issue else { return };
        self.running.remove(&issue);
        self.picked.remove(&issue);
        if self.unlisted.remove(&issue) {
            // It may have been listed again since.
            self.look_wanted = true;
        } else {
            self.ended.insert(issue);
        }
    }

    /// Asks the fleet for a slot, once: each wish is granted once, and each slot is given back once.
    fn want(&mut self, task: TaskId, wanted: Wanted, effects: &mut Vec<Effect>) {
        if let Work::Issue(issue) = &wanted.work {
            self.running.insert(issue.number, task.clone());
        }
        let asked = self.dropped.remove(&task);
        if self.waiting.insert(task.clone(), wanted).is_none() && !asked {
            let event = event::Fleet::SlotWanted { task, repo: self.repo }.into();
            effects.push(Effect::Tell { to: MachineKey::Fleet, event });
        }
    }

    fn drop_waiting(&mut self, task: &TaskId) -> bool {
        let waited = self.waiting.remove(task).is_some();
        if waited {
            self.dropped.insert(task.clone());
        }
        waited
    }

    fn on_slot_granted(&mut self, task: TaskId, effects: &mut Vec<Effect>) {
        self.dropped.remove(&task);
        let (to, event) = match self.waiting.remove(&task) {
            Some(Wanted { work, agent }) => {
                let to = MachineKey::Task(task.clone());
                (to, event::Task::Claimed { task, repo: self.repo, work, agent }.into())
            }
            None => (MachineKey::Fleet, event::Fleet::SlotReleased { task }.into()),
        };
        effects.push(Effect::Tell { to, event });
    }
}

/// The name of the task for an issue.
#[must_use]
pub fn task_of(rules: &Rules, issue: IssueNumber) -> TaskId {
    format!("{}-{issue}", rules.task_prefix).parse().expect("a prefix and a number make a valid name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{State as Any, testing::*};

    const NOTHING: [&str; 0] = [];
    const WANTED: &str = "tell fleet: slot wanted";

    fn backlog() -> One {
        let mut one = One::new(MachineKey::Backlog(REPO), rules());
        assert_eq!(one.feed(Backlog::Hinted { repo: REPO }), ["look at repository"]);
        one
    }

    fn lists(one: &mut One, issues: &[Issue]) -> Vec<String> {
        one.feed(Backlog::Observed { issues: issues.to_vec(), pulls: Vec::new() })
    }

    fn shows(one: &mut One, pulls: &[OpenPull]) -> Vec<String> {
        one.feed(Backlog::Observed { issues: Vec::new(), pulls: pulls.to_vec() })
    }

    fn open(letter: char) -> OpenPull {
        OpenPull { number: NUMBER, head: sha(letter), branch: head_branch(), updated_at: START }
    }

    fn granted(one: &mut One) -> Vec<String> {
        one.feed(Backlog::SlotGranted { task: task_id() })
    }

    fn ended(one: &mut One) -> Vec<String> {
        one.feed(Backlog::TaskEnded { task: task_id(), issue: Some(ISSUE) })
    }

    fn state(one: &One) -> &State {
        let Some(Any::Backlog(state)) = &one.state else { panic!("no backlog") };
        state
    }

    // G109
    #[test]
    fn a_listed_issue_wants_one_slot_and_becomes_one_task() {
        let mut one = backlog();
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), [WANTED]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);

        assert_eq!(granted(&mut one), ["tell task/hello-3: claimed"]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);
    }

    #[test]
    fn an_issue_that_waits_for_others_waits() {
        let mut one = backlog();
        let blocked = Issue { blockers: vec![IssueNumber(2)], ..issue(ISSUE) };
        assert_eq!(lists(&mut one, std::slice::from_ref(&blocked)), NOTHING);
        assert_eq!(state(&one).blocked, [(ISSUE, vec![IssueNumber(2)])].into());

        assert_eq!(lists(&mut one, &[issue(ISSUE)]), [WANTED]);
        assert_eq!(state(&one).blocked, [].into());
    }

    #[test]
    fn an_issue_whose_task_ended_is_left_alone_while_it_stays_listed() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        granted(&mut one);
        ended(&mut one);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);

        lists(&mut one, &[]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), [WANTED]);
    }

    // G110
    #[test]
    fn a_label_that_goes_and_comes_while_the_task_waits_leaves_one_wish() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        assert_eq!(lists(&mut one, &[]), NOTHING);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);

        assert_eq!(granted(&mut one), ["tell task/hello-3: claimed"]);
    }

    // G110, G113 as far
    #[test]
    fn an_issue_that_is_no_longer_listed_gives_its_slot_back_when_it_comes() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        lists(&mut one, &[]);

        assert_eq!(granted(&mut one), ["tell fleet: slot released"]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), [WANTED]);
    }

    // G113 as far
    #[test]
    fn a_running_task_whose_issue_is_no_longer_listed_is_told_once() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        granted(&mut one);

        assert_eq!(lists(&mut one, &[]), ["tell task/hello-3: issue closed"]);
        assert_eq!(lists(&mut one, &[]), NOTHING);
    }

    // G110: the final level decides
    #[test]
    fn a_label_that_comes_back_after_the_task_was_given_up_begins_a_new_one() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        granted(&mut one);
        lists(&mut one, &[]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);

        assert_eq!(ended(&mut one), ["look at repository"]);

        assert_eq!(lists(&mut one, &[issue(ISSUE)]), [WANTED]);
    }

    #[test]
    fn an_issue_that_a_person_picked_needs_no_label() {
        let mut one = backlog();
        let work = Work::Issue(Box::new(issue(ISSUE)));
        let wish = Backlog::SpawnWanted { task: task_id(), work, agent: None };
        assert_eq!(one.feed(wish.clone()), [WANTED]);
        assert_eq!(one.feed(wish), NOTHING);
        assert_eq!(lists(&mut one, &[]), NOTHING);
        assert_eq!(granted(&mut one), ["tell task/hello-3: claimed"]);

        assert_eq!(lists(&mut one, &[]), NOTHING);
    }

    #[test]
    fn a_slot_for_nobody_goes_back() {
        let mut one = backlog();

        assert_eq!(granted(&mut one), ["tell fleet: slot released"]);
    }

    // G127 for repositories
    #[test]
    fn one_look_runs_and_one_is_wanted_at_most() {
        let mut one = backlog();
        for _ in 0..100 {
            assert_eq!(one.feed(Backlog::Hinted { repo: REPO }), NOTHING);
        }

        assert_eq!(lists(&mut one, &[]), ["look at repository"]);
        assert_eq!(lists(&mut one, &[]), NOTHING);
    }

    #[test]
    fn a_repository_is_looked_at_now_and_then_also_after_a_failure() {
        let mut one = backlog();
        one.feed(Backlog::LookFailed { why: "502".to_owned() });
        assert_eq!(state(&one).look_failure.as_deref(), Some("502"));
        assert_eq!(one.pass(mins(5) - secs(1)), NOTHING);
        assert_eq!(one.pass(secs(1)), ["look at repository"]);
        assert_eq!(one.pass(mins(60)), NOTHING, "it is still running");

        lists(&mut one, &[]);

        assert_eq!(state(&one).look_failure, None);
        assert_eq!(one.pass(mins(5)), ["look at repository"]);
    }

    #[test]
    fn a_periodic_look_that_is_due_is_not_lost_to_another_event_of_that_moment() {
        let mut one = backlog();
        lists(&mut one, &[]);
        one.at += mins(5);

        assert_eq!(granted(&mut one), ["tell fleet: slot released", "look at repository"]);
    }

    // G018, G039 as far: what a list shows as changed is looked at, the rest now and then
    #[test]
    fn pull_requests_that_changed_or_went_are_hinted_at() {
        let hinted = ["tell pull/1/7: hinted"];
        let mut one = backlog();
        assert_eq!(shows(&mut one, &[open('a')]), hinted);
        assert_eq!(shows(&mut one, &[open('a')]), NOTHING);
        assert_eq!(shows(&mut one, &[open('b')]), hinted);
        let touched = OpenPull { updated_at: START + secs(1), ..open('b') };
        assert_eq!(shows(&mut one, std::slice::from_ref(&touched)), hinted);
        one.at += mins(15);
        assert_eq!(shows(&mut one, std::slice::from_ref(&touched))[..1], hinted);
        assert_eq!(shows(&mut one, &[])[..1], hinted);

        assert_eq!(shows(&mut one, &[]), NOTHING);
    }

    #[test]
    fn a_condition_of_the_rule_decides_which_issues_are_taken() {
        let mut one = backlog();
        one.rules = rules_with(&["name: issue-ready\nif: issue.number > 5"]);

        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);
        assert_eq!(lists(&mut one, &[issue(IssueNumber(6))]), [WANTED]);
    }
}
