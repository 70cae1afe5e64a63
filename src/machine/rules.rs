//! The rules in force for one repository, as machines see them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    State,
    incident::{Incident, Plan, StepKind},
};
use crate::{
    effect::{Act, Effect, List},
    event::{self, Agent, Anew, Event},
    model::{AgentName, Attempt, IncidentKind, Loops, MachineKey, Merge, RepoId, RepoName, RuleName, Sha},
    reaction::{self, Action, Answer, Checks, Context, Mode, Rule, Step, Successor, Template},
};

/// Everything that a maintainer can set and a machine must know.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The reactions.
    pub reactions: reaction::Rules,
    /// The hash of everything here; it stands beside each entry of the journal.
    pub hash: String,
    /// The repository.
    pub repo: RepoId,
    /// `owner/name`.
    pub repo_name: RepoName,
    /// Where people look at the repository.
    pub repo_url: String,
    /// How pull requests are merged.
    pub merge: Merge,
    /// How long after a push a pull request counts as green on which nothing ever reported; `None`: never.
    pub without_checks: Option<SignedDuration>,
    /// Whether each newest commit says what Antiphon is doing.
    pub report: bool,
    /// How much may be done on one pull request while no person says anything there.
    pub acts: u32,
    /// What the names of tasks begin with.
    pub task_prefix: String,
    /// The repository's agent.
    pub agent: Agent,
    /// All agents, by name.
    pub agents: BTreeMap<AgentName, Agent>,
    /// Which agent takes over from which, where a rule leaves that to the settings.
    pub fallbacks: BTreeMap<AgentName, AgentName>,
    /// How many agents may run at once, in all repositories together.
    pub slots: u32,
    /// When an agent goes round in circles.
    pub loops: Loops,
    /// The durations.
    pub pace: Pace,
}

/// How long things take and how often they are looked at. All of them are divided by `time_scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The least time between two looks at a quiet pull request.
    pub look_interval: SignedDuration,
    /// The longest pause between looks that fail.
    pub look_retry_max: SignedDuration,
    /// How long nothing may start or change before green is believed.
    pub settle_green: SignedDuration,
    /// Over how long a time the looks are spread that one change of a base branch or of its rules causes.
    pub base_spread: SignedDuration,
    /// When a check that counts and has not started counts as missing: so long after anything last started or changed.
    pub checks_missing: SignedDuration,
    /// The same for a check that runs.
    pub checks_silent: SignedDuration,
    /// When a head whose checks say nothing is looked at without a hint: so long after their last word, then twice as
    /// long after it, and so on, until the pauses are as long as those of `pull_reconcile`.
    pub checks_pending: SignedDuration,
    /// How often a repository's issues and pull requests are listed.
    pub reconcile: SignedDuration,
    /// How often an open pull request is looked at although nothing says that it changed.
    pub pull_reconcile: SignedDuration,
    /// How soon GitHub is asked again for an agent that waits, while no deliveries come; up to two fifths more, at random.
    pub poll: SignedDuration,
    /// How late a delivery may be before its change counts as unannounced; as far may two clocks differ.
    pub late: SignedDuration,
    /// How long after a turn's end an unchanged head counts as no change.
    pub no_change_grace: SignedDuration,
    /// How soon after a submission its receipt is looked for, and how often again.
    pub receipt_after: SignedDuration,
    /// When a submission without receipt counts as indeterminate.
    pub receipt_max: SignedDuration,
    /// How often the runtime is asked how an agent is.
    pub probe: SignedDuration,
    /// How long the ends of many agents at once are not believed.
    pub many_ends: SignedDuration,
    /// How long the screen of an agent without hooks must be still before its turn counts as over.
    pub quiet: SignedDuration,
    /// The pause after a refused prompt.
    pub refusal: SignedDuration,
    /// When an agent without a sign of life counts as stuck.
    pub stuck: SignedDuration,
    /// How long a restarted agent must live before its exit is forgotten.
    pub recovered: SignedDuration,
    /// How long an agent may finish its turn after its pull request was merged.
    pub merged_grace: SignedDuration,
    /// The pause before a failed preparation is tried again.
    pub preparation_retry: SignedDuration,
    /// How long it is remembered what was done on a pull request.
    pub deeds: SignedDuration,
}

impl Pace {
    /// The usual pace.
    pub const USUAL: Self = Self {
        look_interval: SignedDuration::from_secs(5),
        look_retry_max: SignedDuration::from_mins(5),
        settle_green: SignedDuration::from_secs(60),
        base_spread: SignedDuration::from_secs(20),
        checks_missing: SignedDuration::from_mins(30),
        // GitHub ends a job after six hours.
        checks_silent: SignedDuration::from_hours(6),
        checks_pending: SignedDuration::from_mins(10),
        reconcile: SignedDuration::from_mins(5),
        pull_reconcile: SignedDuration::from_mins(60),
        poll: SignedDuration::from_secs(62),
        late: SignedDuration::from_secs(60),
        no_change_grace: SignedDuration::from_secs(20),
        receipt_after: SignedDuration::from_secs(5),
        receipt_max: SignedDuration::from_secs(60),
        probe: SignedDuration::from_secs(10),
        many_ends: SignedDuration::from_mins(2),
        quiet: SignedDuration::from_secs(15),
        refusal: SignedDuration::from_secs(2),
        stuck: SignedDuration::from_mins(10),
        recovered: SignedDuration::from_mins(5),
        merged_grace: SignedDuration::from_mins(5),
        preparation_retry: SignedDuration::from_secs(30),
        deeds: SignedDuration::from_hours(6),
    };

    /// The same pace with every duration divided by `scale`, to the nanosecond.
    #[must_use]
    pub fn faster(self, scale: u32) -> Self {
        let by = i32::try_from(scale.max(1)).unwrap_or(i32::MAX);
        Self {
            look_interval: self.look_interval / by,
            look_retry_max: self.look_retry_max / by,
            settle_green: self.settle_green / by,
            base_spread: self.base_spread / by,
            checks_missing: self.checks_missing / by,
            checks_silent: self.checks_silent / by,
            checks_pending: self.checks_pending / by,
            reconcile: self.reconcile / by,
            pull_reconcile: self.pull_reconcile / by,
            poll: self.poll / by,
            late: self.late / by,
            no_change_grace: self.no_change_grace / by,
            receipt_after: self.receipt_after / by,
            receipt_max: self.receipt_max / by,
            probe: self.probe / by,
            many_ends: self.many_ends / by,
            quiet: self.quiet / by,
            refusal: self.refusal / by,
            stuck: self.stuck / by,
            recovered: self.recovered / by,
            merged_grace: self.merged_grace / by,
            preparation_retry: self.preparation_retry / by,
            deeds: self.deeds / by,
        }
    }
}

impl Rules {
    /// Which checks count for an incident: what the first rule that may answer it says.
    pub(crate) fn checks(&self, kind: IncidentKind) -> &Checks {
        self.reactions.answering(kind).first().map_or(&Checks::Required, |rule| &rule.checks)
    }

    /// How long an incident settles before it is answered.
    pub(crate) fn settle(&self, kind: IncidentKind) -> SignedDuration {
        self.reactions.answering(kind).first().map_or(SignedDuration::ZERO, |rule| signed(rule.settle))
    }

    /// A plan whose conditions are asked anew: what failed may be of another kind now.
    pub(crate) fn renewed(&self, plan: &Plan, context: &Context) -> Plan {
        let steps = self.reactions.get(&plan.rule).map(|rule| step_kinds(rule, context));
        Plan { steps: steps.unwrap_or_else(|| plan.steps.clone()), ..plan.clone() }
    }

    /// What is done about an incident that has become due: what the rule that answers it allows (`None`: no rule does),
    /// what rules beside it do when it is new, and which rules broke on the way.
    pub(crate) fn answer(
        &self,
        of: &MachineKey,
        context: &Context,
        incident: &Incident,
        head: Option<&Sha>,
    ) -> (Option<Plan>, Vec<Effect>) {
        let kind = context.incident;
        let Answer { rule, mut broken } = self.reactions.first_that_holds(kind, context);
        let mut acts = Vec::new();
        for beside in self.reactions.alongside(kind).into_iter().filter(|_| incident.is_new()) {
            match beside.answers_in_full(context) {
                Ok(true) if beside.mode == Mode::Live => acts.extend(acts_of(beside, of, kind, head)),
                Ok(_) => {}
                Err(why) => broken.push((beside.name.clone(), why)),
            }
        }
        let told = broken.into_iter().map(|(rule, why)| self.tell_broken(rule, why.message));
        let effects = acts.into_iter().map(Effect::Act).chain(told).collect();
        (rule.map(|rule| plan_of(rule, context, incident.opened_at)), effects)
    }

    /// Whether a rule answers that an issue is ready, and which rules broke on the way.
    pub(crate) fn wants_issue(&self, context: &Context) -> (bool, Vec<(RuleName, String)>) {
        let Answer { rule, broken } = self.reactions.first_that_holds(IncidentKind::IssueReady, context);
        (rule.is_some(), broken.into_iter().map(|(rule, why)| (rule, why.message)).collect())
    }

    /// What is done once, without a ladder.
    pub(crate) fn at_once(&self, of: &MachineKey, context: &Context) -> Vec<Act> {
        let rule = self.reactions.first_that_holds(context.incident, context).rule;
        rule.into_iter().flat_map(|rule| acts_of(rule, of, context.incident, None)).collect()
    }

    /// That a rule of this revision broke, for the machine of its repository.
    #[must_use]
    pub fn broken(&self, rule: RuleName, why: String) -> (MachineKey, Event) {
        let event = event::Backlog::RuleBroken { rule, revision: self.reactions.hash().to_owned(), why };
        (MachineKey::Backlog(self.repo), event.into())
    }

    fn tell_broken(&self, rule: RuleName, why: String) -> Effect {
        let (to, event) = self.broken(rule, why);
        Effect::Tell { to, event }
    }

    /// The words of a prompt in the plan of an incident.
    pub(crate) fn prompt_of<'a>(
        &'a self,
        incident: Option<&'a Incident>,
        action: u32,
    ) -> Option<(&'a RuleName, &'a Template)> {
        let plan = incident?.plan.as_ref()?;
        Some((&plan.rule, words(self.action(&plan.rule, List::Do, action)?)?))
    }

    /// The words of a task's first prompt.
    pub(crate) fn first_prompt(&self, context: &Context) -> Option<(&RuleName, &Template)> {
        let rule = self.reactions.first_that_holds(IncidentKind::IssueReady, context).rule?;
        Some((&rule.name, rule.actions.iter().find_map(words)?))
    }

    /// The words that were shipped for an incident, for when somebody's own cannot be made.
    pub(crate) fn shipped_words(&self, kind: IncidentKind) -> Option<&Template> {
        self.reactions.as_shipped(kind)?.actions.iter().find_map(words)
    }

    /// An action of a rule.
    pub(crate) fn action(&self, rule: &RuleName, list: List, step: u32) -> Option<&Step> {
        let rule = self.reactions.get(rule)?;
        let actions = match list {
            List::Do => &rule.actions,
            List::Escalate => &rule.escalate.as_ref()?.actions,
        };
        actions.get(step as usize)
    }

    /// What a rule does in each thread that was answered, as positions in its `do`.
    pub(crate) fn replies(&self, rule: &RuleName) -> Vec<u32> {
        let steps = self.reactions.get(rule).into_iter().flat_map(|rule| (0..).zip(&rule.actions));
        let replies = steps.filter(|(_, step)| matches!(step.action, Action::Reply(_) | Action::Resolve));
        replies.map(|(position, _)| position).collect()
    }

    /// The agent that the settings name to take over from this one.
    pub(crate) fn fallback(&self, of: &AgentName) -> Option<&Agent> {
        self.agents.get(self.fallbacks.get(of)?)
    }

    /// How an action has an agent, or another one, begin anew; `None`: it does not.
    pub(crate) fn anew(&self, rule: &RuleName, list: List, step: u32) -> Option<Anew> {
        match &self.action(rule, list, step)?.action {
            Action::Restart { fresh: false } => Some(Anew::Resumed),
            Action::Restart { fresh: true } => Some(Anew::Fresh),
            Action::Handoff(Successor::Fallback) => Some(Anew::Fallback),
            Action::Handoff(Successor::Named(name)) => Some(Anew::With(self.agents.get(name)?.clone())),
            Action::Spawn(_)
            | Action::Prompt(_)
            | Action::OpenPull
            | Action::Rerun
            | Action::Comment(_)
            | Action::Reply(_)
            | Action::Resolve
            | Action::Label(_)
            | Action::Notify { .. }
            | Action::Merge
            | Action::UpdateBranch => None,
        }
    }

    /// The agent of this name; the repository's if the settings no longer have it.
    #[must_use]
    pub fn agent_named(&self, name: &AgentName) -> Agent {
        self.agents.get(name).unwrap_or(&self.agent).clone()
    }
}

fn step_kinds(rule: &Rule, context: &Context) -> Vec<StepKind> {
    rule.actions.iter().map(|step| step_kind(step, context)).collect()
}

fn plan_of(rule: &Rule, context: &Context, opened_at: Timestamp) -> Plan {
    let escalation = rule.escalate.as_ref();
    let attempts = escalation.map_or(rule.retry.attempts, |it| it.attempts.min(rule.retry.attempts));
    Plan {
        rule: rule.name.clone(),
        steps: step_kinds(rule, context),
        attempts_max: Attempt(attempts),
        total_max: Attempt(rule.retry.total),
        backoff: rule.retry.backoff,
        escalate_at: escalation.and_then(|it| it.time).map(|time| opened_at + signed(time)),
        escalation_steps: escalation.map_or(0, |it| u32::try_from(it.actions.len()).unwrap_or(u32::MAX)),
    }
}

/// All actions of a rule that has no ladder.
fn acts_of(rule: &Rule, of: &MachineKey, incident: IncidentKind, head: Option<&Sha>) -> Vec<Act> {
    let act = |step| Act {
        of: of.clone(),
        incident,
        serial: 0,
        revision: 0,
        rule: rule.name.clone(),
        list: List::Do,
        step,
        head: head.cloned(),
        thread: None,
    };
    (0..).zip(&rule.actions).map(|(step, _)| act(step)).collect()
}

/// What a step says to an agent.
fn words(step: &Step) -> Option<&Template> {
    match &step.action {
        Action::Prompt(template) | Action::Spawn(template) => Some(template),
        Action::Restart { .. }
        | Action::Handoff(_)
        | Action::OpenPull
        | Action::Rerun
        | Action::Comment(_)
        | Action::Reply(_)
        | Action::Resolve
        | Action::Label(_)
        | Action::Notify { .. }
        | Action::Merge
        | Action::UpdateBranch => None,
    }
}

fn step_kind(step: &Step, context: &Context) -> StepKind {
    if !step.applies(context).unwrap_or(false) {
        return StepKind::Skipped;
    }
    match step.action {
        Action::Prompt(_) => StepKind::Prompt,
        Action::Restart { .. } | Action::Handoff(_) => StepKind::Restart,
        Action::UpdateBranch => StepKind::Update,
        Action::Rerun => StepKind::Rerun,
        // They wait for the answer, thread by thread; the ladder does not.
        Action::Reply(_) | Action::Resolve => StepKind::Skipped,
        Action::Spawn(_)
        | Action::OpenPull
        | Action::Comment(_)
        | Action::Label(_)
        | Action::Notify { .. }
        | Action::Merge => StepKind::Other,
    }
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// The rules of all repositories.
#[derive(Debug, Clone, Default)]
pub struct Rulebook {
    by_repo: BTreeMap<RepoId, Arc<Rules>>,
}

impl Rulebook {
    /// These rules.
    #[must_use]
    pub const fn new(by_repo: BTreeMap<RepoId, Arc<Rules>>) -> Self {
        Self { by_repo }
    }

    /// Whether a repository is in the settings.
    #[must_use]
    pub fn knows(&self, repo: RepoId) -> bool {
        self.by_repo.contains_key(&repo)
    }

    /// The rules of a repository.
    #[must_use]
    pub fn of_repo(&self, repo: RepoId) -> Option<Arc<Rules>> {
        self.by_repo.get(&repo).cloned()
    }

    /// Those of the first repository.
    #[must_use]
    pub fn first(&self) -> Option<Arc<Rules>> {
        self.by_repo.values().next().cloned()
    }

    /// The rules for a machine that handles an event. The fleet follows those of the first repository: what it reads
    /// there is the same in all.
    #[must_use]
    pub fn of(&self, machine: &MachineKey, state: Option<&State>, event: &Event) -> Option<Arc<Rules>> {
        let repo = match (machine, state, event) {
            (MachineKey::Pull { repo, .. } | MachineKey::Backlog(repo), ..) => *repo,
            (MachineKey::Fleet, ..) => return self.first(),
            (_, Some(State::Task(state)), _) => state.repo,
            (_, Some(State::Session(state)), _) => state.repo,
            (_, _, Event::Task(event::Task::Claimed { repo, .. })) => *repo,
            (_, _, Event::Session(event::Session::Wanted { repo, .. })) => *repo,
            // An event that can make nothing of nothing needs no rules of its own.
            _ => return self.first(),
        };
        self.of_repo(repo)
    }

    /// How fast things go; it is the same in all repositories.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.by_repo.values().next().map_or(Pace::USUAL, |rules| rules.pace)
    }

    /// How many agents may run at once.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.by_repo.values().next().map_or(0, |rules| rules.slots)
    }

    /// `owner/name`, or the number of a repository that is not in the settings.
    #[must_use]
    pub fn name(&self, repo: RepoId) -> String {
        self.by_repo.get(&repo).map_or_else(|| repo.to_string(), |rules| rules.repo_name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::{context, testing::*},
        model::FailureClass,
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;

    /// The facts of a red pull request.
    fn failing(rules: &Rules, draft: bool) -> Context {
        let mut pr = Pr::managed(rules.clone());
        pr.shows(if draft { red('a').draft() } else { red('a') });
        let now = crate::machine::Now { rules, at: pr.one.at, entropy: entropy(0), texts: NO_TEXTS };
        context::of_pull(pr.one.pull(), CI, &now)
    }

    fn answer(rules: &Rules, context: &Context) -> (Option<Plan>, Vec<Effect>) {
        rules.answer(&pull_key(), context, &Incident::open(1, START, secs(0)), None)
    }

    fn plan(own: &[&str], draft: bool) -> Option<Plan> {
        let rules = rules_with(own);
        answer(&rules, &failing(&rules, draft)).0
    }

    #[test]
    fn the_shipped_plan_for_red_checks() {
        let plan = plan(&[], false).unwrap();

        assert_eq!(
            plan,
            Plan {
                rule: "ci-failed".parse().unwrap(),
                steps: vec![StepKind::Skipped, StepKind::Skipped, StepKind::Prompt],
                attempts_max: Attempt(3),
                total_max: Attempt(6),
                backoff: plan.backoff,
                escalate_at: Some(START + mins(45)),
                escalation_steps: 3,
            }
        );
    }

    #[test]
    fn an_escalation_after_fewer_attempts_than_there_are_ends_them() {
        let plan = plan(&["name: ci-failed\nescalate: { after: { attempts: 1 } }"], false).unwrap();

        assert_eq!(plan.attempts_max, Attempt(1));
    }

    #[test]
    fn the_more_specific_rule_whose_condition_holds_answers() {
        let own = "name: drafts\non: checks-failed\nif: pr.draft\ndo:\n  - notify: { priority: low }\n";

        let rule = |draft| plan(&[own], draft).unwrap().rule.as_str().to_owned();

        assert_eq!((rule(true), rule(false)), ("drafts".to_owned(), "ci-failed".to_owned()));
    }

    // S12, S15
    #[test]
    fn a_rule_in_shadow_neither_answers_nor_acts_beside() {
        let rules = rules_with(&["name: ci-failed\nmode: shadow"]);
        let context = failing(&rules, false);

        assert_eq!(answer(&rules, &context), (None, Vec::new()));
    }

    #[test]
    fn a_rule_that_breaks_is_reported_and_the_shipped_one_answers() {
        let rules = rules_with(&["name: ci-failed\nif: failures[0].class != 'billing'\n"]);
        let mut context = failing(&rules, false);
        context.failures.clear();

        let (plan, effects) = answer(&rules, &context);

        assert_eq!(plan.unwrap().rule.as_str(), "shipped-ci-failed");
        let [Effect::Tell { to: MachineKey::Backlog(REPO), event: Event::Backlog(told) }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        let event::Backlog::RuleBroken { rule, revision, .. } = told else { panic!("{told:?}") };
        assert_eq!((rule.as_str(), revision.as_str()), ("ci-failed", rules.reactions.hash()));
    }

    #[test]
    fn an_action_whose_condition_does_not_hold_is_skipped() {
        let own = "name: ci-failed\ndo:\n  - label: draft\n    if: pr.draft\n  - prompt: Fix it.\n  - comment: Told.\n";

        let plan = plan(&[own], false).unwrap();

        assert_eq!(plan.steps, [StepKind::Skipped, StepKind::Prompt, StepKind::Other]);
    }

    #[test]
    fn without_a_rule_nothing_settles_and_the_required_checks_count() {
        let mut rules = rules();
        assert_eq!(rules.settle(CI), secs(20));

        rules.reactions = reaction::Rules::load(&[]).unwrap();

        assert_eq!(rules.settle(CI), SignedDuration::ZERO);
        assert!(matches!(rules.checks(CI), Checks::Required));
    }

    #[test]
    fn actions_are_found_by_list_and_position() {
        let rules = rules();
        let rule = "ci-failed".parse().unwrap();
        let name = |list, step| rules.action(&rule, list, step).map(|step| step.action.name());

        assert_eq!(name(List::Do, 0), Some("rerun"));
        assert_eq!(name(List::Escalate, 2), Some("notify"));
        assert_eq!((name(List::Do, 3), name(List::Escalate, 3)), (None, None));
        assert!(rules.action(&"gone".parse().unwrap(), List::Do, 0).is_none());
    }

    #[test]
    fn a_prompt_is_found_by_the_plan_of_its_incident() {
        let rules = rules();
        let mut pr = Pr::managed(rules.clone());
        pr.shows(red('a'));
        assert!(rules.prompt_of(Some(pr.incident(CI)), 0).is_none(), "no plan was chosen yet");
        pr.pass(secs(20));

        assert!(rules.prompt_of(Some(pr.incident(CI)), 2).is_some());
        assert!(rules.prompt_of(Some(pr.incident(CI)), 1).is_none());
        assert!(rules.prompt_of(None, 0).is_none());
    }

    #[test]
    fn a_faster_pace_divides_every_duration() {
        let fast = Pace::USUAL.faster(60);

        assert_eq!((fast.settle_green, fast.stuck), (secs(1), secs(10)));
        assert_eq!(Pace::USUAL.faster(1), Pace::USUAL);
        assert_eq!(Pace::USUAL.faster(0), Pace::USUAL);
    }

    #[test]
    fn an_agent_that_is_no_longer_configured_is_replaced_by_the_repositorys() {
        let rules = rules();

        assert_eq!(rules.agent_named(&"gone".parse().unwrap()), rules.agent);
    }

    #[test]
    fn every_machine_follows_the_rules_of_its_repository() {
        let (here, there) = (RepoId(1), RepoId(2));
        let other = Rules { task_prefix: "other".to_owned(), ..rules() };
        let book = Rulebook::new([(here, Arc::new(rules())), (there, Arc::new(other))].into());
        let wanted = |repo| event::Session::Wanted {
            task: task_id(),
            repo,
            agent: rules().agent,
            workspace: "workspaces/hello-3".to_owned(),
            conversation: None,
        };
        let prefix =
            |machine: &MachineKey, event: Event| book.of(machine, None, &event).map(|it| it.task_prefix.clone());

        let session = MachineKey::Session(session_id());
        assert_eq!(prefix(&session, wanted(there).into()).as_deref(), Some("other"));
        assert_eq!(
            prefix(&MachineKey::Backlog(there), event::Backlog::DeadlinePassed.into()).as_deref(),
            Some("other")
        );
        assert_eq!(prefix(&MachineKey::Backlog(RepoId(3)), event::Backlog::DeadlinePassed.into()), None);
        assert_eq!(prefix(&MachineKey::Fleet, event::Fleet::DeadlinePassed.into()).as_deref(), Some("hello"));
        assert_eq!((book.name(here), book.name(RepoId(3)), book.slots()), ("octo-org/hello".into(), "3".into(), 2));
        assert!(book.knows(here) && !book.knows(RepoId(3)));
    }

    #[test]
    fn every_class_of_failure_is_answered_by_the_shipped_rule() {
        let rules = rules();
        let mut context = failing(&rules, false);
        for class in [FailureClass::Code, FailureClass::Flaky, FailureClass::Timeout, FailureClass::Unknown] {
            context.failures.iter_mut().for_each(|failure| failure.class = class);

            assert!(answer(&rules, &context).0.is_some(), "{class:?}");
        }
    }
}
