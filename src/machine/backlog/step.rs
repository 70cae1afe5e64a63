//! One event of a repository: what it changes, and what is due then.

use jiff::SignedDuration;

use super::{Broken, Listed, State, Wanted};
use crate::{
    effect::Effect,
    event::{self, Backlog, Hearing, OpenPull, Parked, Work},
    machine::{Now, Rules, context},
    model::{Flip, Issue, IssueNumber, MachineKey, PrNumber, RuleName, TaskId},
};

/// How many flaky failures are remembered.
const FLIPS_MAX: usize = 200;

/// Handles one event.
pub(crate) fn step(mut state: State, event: Backlog, now: &Now<'_>) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    match event {
        Backlog::Hinted { .. } => state.look_wanted = true,
        Backlog::Missed { .. } => {
            (state.missed_at, state.look_wanted, state.parked) = (Some(now.at), true, None);
        }
        Backlog::Parked { why, .. } => state.on_parked(why, &mut effects),
        Backlog::Observed { issues, pulls, etag, hearing } => {
            state.etag = etag;
            state.on_observed((issues, Some(pulls)), hearing, now, &mut effects);
        }
        Backlog::Unchanged { issues, hearing } => state.on_observed((issues, None), hearing, now, &mut effects),
        Backlog::LookFailed { why } => state.look_ended(Some(why), now),
        Backlog::PullAwaited { number } => {
            state.awaited.insert(number);
        }
        Backlog::PullReleased { number } => {
            state.awaited.remove(&number);
        }
        Backlog::SlotGranted { task } => state.on_slot_granted(task, &mut effects),
        Backlog::SpawnWanted { task, work, agent } => {
            if let Work::Issue(issue) = &work {
                state.picked.insert(issue.number);
            }
            state.want(task, Wanted { work, agent }, &mut effects);
        }
        Backlog::TaskEnded { task, issue } => state.on_task_ended(&task, issue),
        Backlog::Flipped { flips } => state.on_flipped(flips),
        Backlog::RuleBroken { rule, revision, why } => state.on_rule_broken(rule, (revision, why), now, &mut effects),
        // What is due is ordered below, as after every event.
        Backlog::DeadlinePassed => {}
    }
    // Other rules are in force now; these may be whole.
    state.broken.retain(|_, broken| broken.revision == now.rules.reactions.hash());
    state.look(now, &mut effects);
    (state, effects)
}

impl State {
    fn look(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let due = self.next_look.is_some_and(|at| now.at >= at);
        if (self.look_wanted || due) && !self.looking && self.parked.is_none() {
            self.look_wanted = false;
            self.looking = true;
            self.next_look = None;
            effects.push(Effect::LookRepository { repo: self.repo, known: self.etag.clone() });
        }
    }

    fn look_ended(&mut self, failure: Option<String>, now: &Now<'_>) {
        self.looking = false;
        self.look_failure = failure;
        self.next_look = Some(now.at + self.pause(now));
    }

    /// How long until the next look. Many daemons must not ask in step.
    fn pause(&self, now: &Now<'_>) -> SignedDuration {
        let pace = &now.rules.pace;
        let polls = self.webhooks.polls() && !self.awaited.is_empty() && self.look_failure.is_none();
        if !polls {
            return pace.reconcile;
        }
        let part = i32::try_from(now.entropy_number() % 21).unwrap_or(0);
        (pace.poll + pace.poll * part / 50).min(pace.reconcile)
    }

    fn on_observed(
        &mut self,
        seen: (Vec<Issue>, Option<Vec<OpenPull>>),
        hearing: Option<Hearing>,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let (issues, pulls) = seen;
        self.observed_at = Some(now.at);
        let listed = pulls.unwrap_or_else(|| self.as_listed());
        let changes = listed.iter().map(|pull| pull.updated_at).chain(issues.iter().map(|issue| issue.updated_at));
        self.webhooks = self.webhooks.judged(hearing, changes, (now.rules.pace.late, now.at));
        self.look_ended(None, now);
        self.take_pulls(listed, now, effects);
        self.take_issues(issues, now, effects);
    }

    /// The pull requests as they were listed last.
    fn as_listed(&self) -> Vec<OpenPull> {
        let pulls = self.pulls.iter();
        pulls
            .map(|(number, Listed { head, branch, updated_at, .. })| OpenPull {
                number: *number,
                head: head.clone(),
                branch: branch.clone(),
                updated_at: *updated_at,
            })
            .collect()
    }

    // A list does not show what happened to checks and reviews, so every open pull request is looked at now and then.
    fn take_pulls(&mut self, pulls: Vec<OpenPull>, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let unlisted = |number: &&PrNumber| !pulls.iter().any(|pull| pull.number == **number);
        let gone: Vec<_> = self.pulls.keys().filter(unlisted).copied().collect();
        // One that came and went between two lists stands in neither: it has to be asked itself.
        let never_listed = self.awaited.iter().filter(unlisted).filter(|number| !self.pulls.contains_key(number));
        for number in never_listed {
            self.hint(*number, effects);
        }
        for number in gone {
            self.pulls.remove(&number);
            self.awaited.remove(&number);
            self.hint(number, effects);
        }
        let missed = self.missed_at.take().is_some();
        for OpenPull { number, head, branch, updated_at } in pulls {
            let known = self.pulls.get(&number).filter(|known| known.head == head && known.updated_at == updated_at);
            let good_for = self.good_for(number, now);
            let fresh = !missed && known.is_some_and(|known| now.at < known.hinted_at + good_for);
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

    /// How long a look at a pull request is good for, if nothing is heard of it.
    fn good_for(&self, number: PrNumber, now: &Now<'_>) -> SignedDuration {
        let pace = &now.rules.pace;
        match (self.webhooks.polls(), self.awaited.contains(&number)) {
            (true, true) => SignedDuration::ZERO,
            (true, false) => pace.pull_reconcile / 2,
            (false, _) => pace.pull_reconcile,
        }
    }

    // What is only out of reach may come back; what was deleted will not.
    fn on_parked(&mut self, why: Parked, effects: &mut Vec<Effect>) {
        // A repository that was deleted is out of reach as well.
        if self.parked != Some(Parked::Deleted) {
            self.parked = Some(why);
        }
        self.etag = None;
        match why {
            Parked::Archived | Parked::OutOfReach => {}
            Parked::Deleted => self.drop_unlisted(&[], effects),
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
            let (wanted, broken) = now.rules.wants_issue(&context);
            for (rule, why) in broken {
                let revision = now.rules.reactions.hash().to_owned();
                self.on_rule_broken(rule, (revision, why), now, effects);
            }
            if !wanted {
                continue;
            }
            let task = task_of(now.rules, issue.number);
            self.running.insert(issue.number, task.clone());
            self.want(task, Wanted { work: Work::Issue(Box::new(issue)), agent: None }, effects);
        }
    }

    // What flips again is the newest; what has not for long is forgotten first.
    fn on_flipped(&mut self, flips: Vec<Flip>) {
        self.flips.retain(|known| {
            !flips.iter().any(|flip| (&flip.check, &flip.fingerprint) == (&known.check, &known.fingerprint))
        });
        self.flips.extend(flips);
        self.flips.drain(..self.flips.len().saturating_sub(FLIPS_MAX));
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

    /// People are told once for each rule and revision, however many pull requests it breaks on.
    fn on_rule_broken(
        &mut self,
        rule: RuleName,
        (revision, why): (String, String),
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if self.broken.get(&rule).is_some_and(|known| known.revision == revision) {
            return;
        }
        self.broken.insert(rule, Broken { revision, why, since: now.at });
        let context = context::of_backlog(self, now);
        let acts = now.rules.at_once(&MachineKey::Backlog(self.repo), &context);
        effects.extend(acts.into_iter().map(Effect::Act));
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
    use jiff::Timestamp;

    use super::*;
    use crate::machine::{State as Any, backlog::Webhooks, testing::*};

    const NOTHING: [&str; 0] = [];
    const WANTED: &str = "tell fleet: slot wanted";

    fn backlog() -> One {
        let mut one = One::new(MachineKey::Backlog(REPO), rules());
        assert_eq!(one.feed(Backlog::Hinted { repo: REPO }), ["look at repository"]);
        one
    }

    /// Deliveries arrive all the time.
    const fn hearing(newest: Timestamp) -> Hearing {
        Hearing { since: START, newest: Some(newest) }
    }

    fn observed(issues: &[Issue], pulls: &[OpenPull]) -> Backlog {
        let (issues, pulls) = (issues.to_vec(), pulls.to_vec());
        Backlog::Observed { issues, pulls, etag: Some("v1".to_owned()), hearing: Some(hearing(START + mins(600))) }
    }

    fn lists(one: &mut One, issues: &[Issue]) -> Vec<String> {
        one.feed(observed(issues, &[]))
    }

    fn shows(one: &mut One, pulls: &[OpenPull]) -> Vec<String> {
        one.feed(observed(&[], pulls))
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

    // G064
    #[test]
    fn what_is_flaky_is_remembered_once_and_within_bounds() {
        let mut one = One::new(MachineKey::Backlog(REPO), rules());
        one.feed(Backlog::Hinted { repo: REPO });
        for number in 0..FLIPS_MAX + 50 {
            one.feed(Backlog::Flipped { flips: vec![flip(&number.to_string()), flip("again")] });
        }

        let Some(Any::Backlog(state)) = &one.state else { panic!("no backlog") };
        assert_eq!(state.flips.len(), FLIPS_MAX);
        assert_eq!(state.flips[FLIPS_MAX - 2..], [flip("249"), flip("again")]);
        assert_eq!(state.flips[0], flip("51"));
    }

    fn breaks(one: &mut One, rule: &str, why: &str) -> Vec<String> {
        let revision = one.rules.reactions.hash().to_owned();
        one.feed(Backlog::RuleBroken { rule: rule.parse().unwrap(), revision, why: why.to_owned() })
    }

    #[test]
    fn people_are_told_of_a_broken_rule_once_for_each_revision() {
        let mut one = backlog();
        assert_eq!(breaks(&mut one, "mine", "no such index"), ["act rule-broken do 0"]);
        assert_eq!(breaks(&mut one, "mine", "no such index"), NOTHING);
        assert_eq!(breaks(&mut one, "other", "no such key"), ["act rule-broken do 0"]);

        one.rules = rules_with(&["name: conflict\nsettle: 7s\n"]);
        one.feed(Backlog::DeadlinePassed);
        assert_eq!(state(&one).broken, [].into());
        assert_eq!(breaks(&mut one, "mine", "no such index"), ["act rule-broken do 0"]);
    }

    #[test]
    fn an_issue_whose_rule_breaks_is_claimed_as_the_shipped_rule_says() {
        let mut one = backlog();
        one.rules = rules_with(&["name: issue-ready\nif: 100 / (7 * issue.number - 21) > 1\n"]);

        assert_eq!(lists(&mut one, &[issue(ISSUE)]), ["act rule-broken do 0", WANTED]);
        assert_eq!(lists(&mut one, &[issue(ISSUE)]), NOTHING);
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

    // S75: what a list that failed would have said is asked for again, from where the last good one stood
    #[test]
    fn a_list_that_fails_moves_nothing_on() {
        let mut one = backlog();
        shows(&mut one, &[open('a')]);
        let (etag, pulls) = (state(&one).etag.clone(), state(&one).pulls.clone());
        one.feed(Backlog::Hinted { repo: REPO });

        assert_eq!(one.feed(Backlog::LookFailed { why: "502".to_owned() }), NOTHING);

        assert_eq!((&state(&one).etag, &state(&one).pulls), (&etag, &pulls));
        assert_eq!(one.pass(mins(5)), ["look at repository"]);
        let Some(Effect::LookRepository { known, .. }) = one.effects.last() else { panic!("no look") };
        assert_eq!(*known, etag);
        assert_eq!(shows(&mut one, &[open('b')]), ["tell pull/1/7: hinted"], "what changed meanwhile is still news");
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
        one.at += mins(60);
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

    // G125
    #[test]
    fn the_next_list_is_asked_for_with_what_guards_the_facts_of_this_one() {
        let mut one = backlog();
        let known = |one: &One| match one.effects.last() {
            Some(Effect::LookRepository { known, .. }) => known.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(known(&one), None);
        shows(&mut one, &[open('a')]);
        one.pass(mins(5));
        assert_eq!(known(&one).as_deref(), Some("v1"));

        let now = one.at;
        one.feed(Backlog::Unchanged { issues: Vec::new(), hearing: Some(hearing(now)) });

        assert_eq!(state(&one).pulls.keys().copied().collect::<Vec<_>>(), [NUMBER]);
        one.pass(mins(5));
        assert_eq!(known(&one).as_deref(), Some("v1"));
    }

    // G018, G019: checks do not show in a list
    #[test]
    fn after_a_time_without_ears_every_open_pull_request_is_looked_at_once() {
        let mut one = backlog();
        shows(&mut one, &[open('a')]);

        assert_eq!(one.feed(Backlog::Missed { repo: REPO }), ["look at repository"]);
        assert_eq!(shows(&mut one, &[open('a')]), ["tell pull/1/7: hinted"]);
        assert_eq!(one.pass(mins(5)), ["look at repository"]);
        assert_eq!(shows(&mut one, &[open('a')]), NOTHING);
    }

    /// A repository that fell silent at `START + 2 min`, seen four minutes later.
    fn silent() -> One {
        let mut one = backlog();
        one.at += mins(6);
        let touched = OpenPull { updated_at: START + mins(2), ..open('a') };
        let hearing = Some(Hearing { since: START, newest: None });
        one.feed(Backlog::Observed { issues: Vec::new(), pulls: vec![touched], etag: None, hearing });
        assert_eq!(state(&one).webhooks, Webhooks::Silent { since: START + mins(2) });
        one
    }

    fn unchanged(one: &mut One, newest: Option<Timestamp>) -> Vec<String> {
        let hearing = Some(Hearing { since: START, newest });
        one.feed(Backlog::Unchanged { issues: Vec::new(), hearing })
    }

    #[test]
    fn a_silent_repository_is_polled_for_agents_that_wait_and_calms_down_when_it_is_heard() {
        let mut one = silent();
        assert_eq!(one.feed(Backlog::PullAwaited { number: NUMBER }), NOTHING);
        assert_eq!(one.pass(mins(5)), ["look at repository"]);
        for _ in 0..20 {
            assert_eq!(unchanged(&mut one, None), ["tell pull/1/7: hinted"]);
            assert_eq!(one.pass(secs(61)), NOTHING, "too often");
            assert_eq!(one.pass(secs(29)), ["look at repository"], "too late");
        }

        let now = one.at;
        assert_eq!(unchanged(&mut one, Some(now)), NOTHING);
        assert_eq!(state(&one).webhooks, Webhooks::Heard);
        assert_eq!(one.pass(mins(5) - secs(1)), NOTHING);
    }

    #[test]
    fn a_silent_repository_where_nobody_waits_is_asked_as_rarely_as_ever() {
        let mut one = silent();

        assert_eq!(one.pass(mins(5) - secs(1)), NOTHING);
        assert_eq!(one.pass(secs(1)), ["look at repository"]);
        assert_eq!(unchanged(&mut one, None), NOTHING);
    }

    #[test]
    fn without_webhooks_it_polls_from_the_first_list_on() {
        let mut one = backlog();
        one.feed(Backlog::PullAwaited { number: NUMBER });
        one.feed(Backlog::Observed { issues: Vec::new(), pulls: vec![open('a')], etag: None, hearing: None });

        assert_eq!(state(&one).webhooks, Webhooks::Off);
        assert_eq!(one.pass(secs(90)), ["look at repository"]);
    }

    // It was opened and closed while nothing was delivered, between two lists.
    #[test]
    fn a_pull_request_that_no_list_ever_showed_is_asked_itself() {
        let mut one = backlog();
        one.feed(Backlog::PullAwaited { number: NUMBER });

        assert_eq!(shows(&mut one, &[]), ["tell pull/1/7: hinted"]);
        assert_eq!(state(&one).awaited, [NUMBER].into(), "the list may be older than the pull request");
        one.feed(Backlog::PullReleased { number: NUMBER });
        assert_eq!(shows(&mut one, &[]), NOTHING);
    }

    #[test]
    fn whoever_no_longer_waits_is_not_polled_for() {
        let mut one = silent();
        one.feed(Backlog::PullAwaited { number: NUMBER });
        one.feed(Backlog::PullReleased { number: NUMBER });

        assert_eq!(state(&one).awaited, [].into());
    }

    // G045
    #[test]
    fn an_archived_repository_is_left_alone_until_it_is_there_again() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        granted(&mut one);

        assert_eq!(one.feed(Backlog::Parked { repo: REPO, why: Parked::Archived }), NOTHING);
        assert_eq!(one.feed(Backlog::Hinted { repo: REPO }), NOTHING);
        assert_eq!(one.pass(mins(60)), NOTHING);
        assert_eq!(one.feed(Backlog::Missed { repo: REPO }), ["look at repository"]);
    }

    // G045
    #[test]
    fn the_tasks_of_a_deleted_repository_are_given_up() {
        let mut one = backlog();
        lists(&mut one, &[issue(ISSUE)]);
        granted(&mut one);

        let told = one.feed(Backlog::Parked { repo: REPO, why: Parked::Deleted });

        assert_eq!(told, ["tell task/hello-3: issue closed"]);
    }
}
