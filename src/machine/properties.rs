//! What holds of every machine, whatever happens and in whatever order.
//!
//! Each step in here is checked as everywhere: the state survives JSON, the next deadline lies in the future, and time
//! alone finds nothing to do at the moment of the step.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{incident::Stage, pull, testing::*};
use crate::{
    effect::{Effect, List},
    event::{
        ActionOutcome, Backlog, Event, Fleet, Hook, LookFailure, OpenPull, Pull, Refusal, Seen, Session, Task, Work,
    },
    model::{
        Attempt, Cause, Channel, Ejection, Generation, IncidentKind, IssueNumber, Lifecycle, MachineKey, Mergeability,
        Merging, PromptRef, Rescue, ReviewState, Sha, Snapshot, Submission,
    },
};

// Facts and events in their whole width, out of small sets, so that what belongs together meets.

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let head = select(vec!['a', 'b', 'c']);
    let states = [PASSED, FAILED, PENDING, EXPECTED, CANCELLED];
    let state = select(states.to_vec());
    let mergeability =
        [Mergeability::Clean, Mergeability::Unknown, Mergeability::Conflicting, Mergeability::Behind].to_vec();
    let review = select(vec![None, Some(ReviewState::Approved), Some(ReviewState::ChangesRequested)]);
    let threads = vec((0_u8..2, 0_u8..3), 0..3);
    let lint = proptest::option::of(select(states.to_vec()));
    let facts = (head, state, select(mergeability), review, threads, lint);
    (facts, by_github()).prop_map(|((head, state, mergeability, review, threads, lint), by_github)| {
        let mut pull = snapshot().head(head).check("test", state).mergeable(mergeability);
        (pull.merging, pull.ejection) = by_github;
        if let Some(state) = lint {
            pull = pull.check("lint", state);
        }
        if let Some(review) = review {
            pull = pull.review(person("ada"), review);
        }
        for (thread, comments) in threads {
            let names = ["C0", "C1", "C2"];
            let said: Vec<_> = names[..=usize::from(comments)].iter().map(|name| (*name, person("bob"))).collect();
            pull = pull.thread(&format!("T{thread}"), &said);
        }
        pull
    })
}

/// What GitHub has in its own hands, most often nothing.
fn by_github() -> impl Strategy<Value = (Merging, Option<Ejection>)> {
    let reason = select(vec!["ci_failure", "merge_conflict", "manual"]);
    let ejection = (reason, any::<bool>(), 0_i64..3).prop_map(|(reason, red, minute)| Ejection {
        at: START + mins(minute),
        reason: reason.to_owned(),
        commit: Some(sha('f')),
        failed: if red { vec![check("test", true, FAILED)] } else { Vec::new() },
    });
    let merging = prop_oneof![5 => Just(Merging::ByHand), 1 => Just(Merging::Automatic), 1 => Just(Merging::Queued)];
    let ejected = prop_oneof![5 => Just(None), 1 => ejection.prop_map(Some)];
    (merging, ejected)
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let lifecycle =
        select(vec![Lifecycle::Open, Lifecycle::Open, Lifecycle::Open, Lifecycle::Closed, Lifecycle::Merged]);
    (snapshots(), lifecycle, any::<bool>()).prop_map(|(pull, lifecycle, draft)| {
        let pull = pull.lifecycle(lifecycle);
        if draft { pull.draft() } else { pull }
    })
}

fn kinds() -> impl Strategy<Value = IncidentKind> {
    select(IncidentKind::ALL.to_vec())
}

fn references() -> impl Strategy<Value = PromptRef> {
    let causes = prop_oneof![
        Just(Cause::Task),
        (kinds(), 0_u32..2).prop_map(|(kind, action)| Cause::Incident { kind, action }),
        Just(from_person("hello").cause),
    ];
    let from = select(vec![pull_key(), MachineKey::Task(task_id()), MachineKey::Session(session_id())]);
    (from, causes, 0_u64..4, 1_u32..3).prop_map(|(from, cause, revision, attempt)| PromptRef {
        from,
        cause,
        revision,
        attempt: Attempt(attempt),
    })
}

fn outcomes() -> impl Strategy<Value = ActionOutcome> {
    select(vec![ActionOutcome::Done, ActionOutcome::Dropped, ActionOutcome::Failed("no".to_owned())])
}

fn lists() -> impl Strategy<Value = List> {
    select(vec![List::Do, List::Escalate])
}

fn pull_events() -> impl Strategy<Value = Pull> {
    prop_oneof![
        any::<bool>().prop_map(|urgent| Pull::Hinted { repo: REPO, number: NUMBER, urgent }),
        select(vec!['a', 'b', 'c', 'e']).prop_map(|letter| Pull::HeadTold {
            repo: REPO,
            number: NUMBER,
            head: sha(letter)
        }),
        Just(Pull::BaseMoved),
        Just(Pull::RulesChanged),
        (0_u64..6, any_snapshot()).prop_map(|(look, pull)| Pull::Observed {
            look,
            hash: hash(&pull),
            snapshot: Box::new(pull)
        }),
        (0_u64..6).prop_map(|look| Pull::Unchanged { look }),
        (0_u64..6).prop_map(|look| Pull::LookFailed { look, why: LookFailure::NotFound }),
        snapshots().prop_map(|pull| Pull::Triaged {
            head: pull.head.sha,
            failures: pull.checks.iter().map(|check| failure(check, "cause")).collect(),
            checks: pull.checks,
        }),
        Just(Pull::Managed { task: task_id(), session: session_id() }),
        Just(Pull::Released),
        references().prop_map(|reference| Pull::PromptSubmitted { reference, covers: vec!["thread:T0@C0".to_owned()] }),
        references().prop_map(|reference| Pull::PromptWithdrawn { reference }),
        vec(references(), 0..3).prop_map(|references| Pull::TurnEnded { references }),
        (kinds(), 0_u64..4, 0_u64..4, lists(), 0_u32..3, outcomes()).prop_map(
            |(incident, serial, revision, list, step, outcome)| Pull::Acted {
                incident,
                serial,
                revision,
                list,
                step,
                outcome
            }
        ),
        Just(Pull::RetryWanted),
        (-30_000_i64..30_000).prop_map(|seconds| Pull::ClockJumped { seconds }),
        Just(Pull::DeadlinePassed),
    ]
}

fn hooks() -> impl Strategy<Value = Hook> {
    select(vec![
        Hook::Started { agent_session: Some("s-1".to_owned()), transcript: None },
        Hook::PromptTaken { evidence: None },
        Hook::TurnEnded,
        Hook::Waits,
        Hook::TurnFailed { error: "overloaded".to_owned() },
        Hook::NeedsInput,
        Hook::Answered,
        Hook::Ended,
    ])
}

fn sights() -> impl Strategy<Value = Seen> {
    let alive = |(dialog, rests)| Seen::Alive { dialog, changed_at: START, rests };
    prop_oneof![(any::<bool>(), any::<bool>()).prop_map(alive), Just(Seen::Exited { code: Some(1) }), Just(Seen::Gone),]
}

/// What happens to a session, in terms of what it is doing at that moment.
#[derive(Debug, Clone)]
enum Turn {
    Wants(PromptRef),
    Takes,
    Delivered(Submission),
    Refused(Refusal),
    Withdrawn,
    Composed,
    Launched,
    LaunchFailed,
    Stopped,
    Hook(u32, Hook),
    Seen(u32, Seen),
    Acted(u64, u64, List, ActionOutcome),
    Plain(Session),
    Pass(SignedDuration),
}

fn turns() -> impl Strategy<Value = Turn> {
    let submission = select(vec![Submission::Untouched, Submission::Submitted, Submission::Indeterminate]);
    let refusal = select(vec![Refusal::Busy("busy".to_owned()), Refusal::Gone, Refusal::Never("no".to_owned())]);
    let jumps = [-3_600, 28_800].map(|seconds| Session::ClockJumped { seconds });
    let others = [Session::EndWanted, Session::RestartWanted, Session::DeadlinePassed];
    let plain = select([others.as_slice(), &jumps].concat());
    prop_oneof![
        3 => references().prop_map(Turn::Wants),
        2 => Just(Turn::Takes),
        3 => submission.prop_map(Turn::Delivered),
        1 => refusal.prop_map(Turn::Refused),
        1 => Just(Turn::Withdrawn),
        1 => Just(Turn::Composed),
        3 => Just(Turn::Launched),
        1 => Just(Turn::LaunchFailed),
        1 => Just(Turn::Stopped),
        4 => (0_u32..2, hooks()).prop_map(|(back, hook)| Turn::Hook(back, hook)),
        3 => (0_u32..2, sights()).prop_map(|(back, seen)| Turn::Seen(back, seen)),
        2 => (0_u64..4, 0_u64..3, lists(), outcomes()).prop_map(|(a, b, c, d)| Turn::Acted(a, b, c, d)),
        1 => plain.prop_map(Turn::Plain),
        3 => (1_i64..900).prop_map(|seconds| Turn::Pass(secs(seconds))),
    ]
}

impl Turn {
    fn play(self, desk: &mut Desk) {
        let sending = desk.state().sending.clone();
        let prompt = sending.as_ref().map(|sending| sending.prompt.clone());
        let references = sending.map(|sending| sending.references).unwrap_or_default();
        let generation = desk.generation();
        let earlier = |back: u32| Generation(generation.0.saturating_sub(back));
        match (self, prompt) {
            (Self::Wants(reference), _) => drop(desk.wants(reference)),
            (Self::Takes, Some(_)) => drop(desk.takes()),
            (Self::Delivered(submission), Some(prompt)) => {
                drop(desk.feed(Session::Delivered { prompt, submission, channel: Channel::Inbox }));
            }
            (Self::Refused(why), Some(prompt)) => drop(desk.feed(Session::Refused { prompt, why })),
            (Self::Withdrawn, Some(prompt)) => drop(desk.feed(Session::Withdrawn { prompt, references })),
            (Self::Composed, Some(_)) => drop(desk.composed(references)),
            (Self::Launched, _) => drop(desk.feed(Session::Launched { generation, agent_session: None })),
            (Self::LaunchFailed, _) => drop(desk.feed(Session::LaunchFailed { generation, why: "no".to_owned() })),
            (Self::Stopped, _) => drop(desk.feed(Session::Stopped { generation })),
            (Self::Hook(back, hook), _) => drop(desk.feed(Session::Hooked { generation: earlier(back), hook })),
            (Self::Seen(back, seen), _) => drop(desk.feed(Session::Probed { generation: earlier(back), seen })),
            (Self::Acted(serial, revision, list, outcome), _) => {
                drop(desk.feed(Session::Acted { serial, revision, list, step: 0, outcome }));
            }
            (Self::Plain(event), _) => drop(desk.feed(event)),
            (Self::Pass(duration), _) => drop(desk.pass(duration)),
            (Self::Takes | Self::Delivered(_) | Self::Refused(_) | Self::Withdrawn | Self::Composed, None) => {}
        }
    }
}

fn rescue() -> Rescue {
    Rescue { task: task_id(), at: Timestamp::UNIX_EPOCH, commit: sha('e') }
}

fn task_events() -> impl Strategy<Value = Task> {
    let work = select(vec![
        Work::Issue(Box::new(issue(ISSUE))),
        Work::Adopted { number: NUMBER, branch: head_branch(), conversation: None },
    ]);
    prop_oneof![
        work.prop_map(|work| Task::Claimed { task: task_id(), repo: REPO, work, agent: None }),
        any::<bool>().prop_map(|setup| Task::Prepared { path: "workspaces/hello-3".to_owned(), base: sha('0'), setup }),
        (0_u64..3, 0_u64..4, lists(), 0_u32..2, outcomes()).prop_map(|(serial, revision, list, step, outcome)| {
            Task::Acted { serial, revision, list, step, outcome }
        }),
        select(vec![
            Task::PreparationFailed { why: "no".to_owned() },
            Task::SetUp,
            Task::SetupFailed { why: "no".to_owned() },
            Task::TurnEnded,
            Task::BranchPushed,
            Task::PullOpened { number: NUMBER },
            Task::NothingPushed,
            Task::OpenFailed { why: "no".to_owned(), transient: true },
            Task::OpenFailed { why: "no".to_owned(), transient: false },
            Task::PullMerged,
            Task::PullClosed,
            Task::IssueClosed,
            Task::SessionEnded,
            Task::WorkspaceRemoved,
            Task::WorkspaceKept { why: "work".to_owned() },
            Task::WorkspaceRescued { rescue: rescue() },
            Task::WorkspaceRestored { path: "workspaces/t-1".to_owned() },
            Task::NotRestored { why: "gone".to_owned() },
            Task::CleanWanted,
            Task::RestoreWanted,
            Task::PruneWanted,
            Task::OutputPruned { dirs: 1, bytes: 9 },
            Task::StopWanted,
            Task::RetryWanted,
            Task::DeadlinePassed,
        ]),
    ]
}

fn backlog_events() -> impl Strategy<Value = Backlog> {
    let numbers = vec((1_u64..4, any::<bool>()), 0..4);
    let pulls = vec(select(vec!['a', 'b']), 0..2);
    prop_oneof![
        Just(Backlog::Hinted { repo: REPO }),
        (numbers, pulls).prop_map(|(numbers, pulls)| {
            let listed: BTreeMap<_, _> = numbers.into_iter().collect();
            let issues = listed.into_iter().map(|(number, blocked)| crate::model::Issue {
                blockers: if blocked { vec![IssueNumber(9)] } else { Vec::new() },
                ..issue(IssueNumber(number))
            });
            let pull =
                |letter| OpenPull { number: NUMBER, head: sha(letter), branch: head_branch(), updated_at: START };
            Backlog::Observed {
                issues: issues.collect(),
                pulls: pulls.into_iter().take(1).map(pull).collect(),
                etag: None,
                hearing: None,
            }
        }),
        Just(Backlog::LookFailed { why: "502".to_owned() }),
        (1_u64..4).prop_map(|number| Backlog::SlotGranted { task: format!("hello-{number}").parse().unwrap() }),
        Just(Backlog::SpawnWanted { task: task_id(), work: Work::Issue(Box::new(issue(ISSUE))), agent: None }),
        (1_u64..4).prop_map(|number| Backlog::TaskEnded {
            task: format!("hello-{number}").parse().unwrap(),
            issue: Some(IssueNumber(number))
        }),
        vec(select(vec!["cause", "other"]), 0..3)
            .prop_map(|causes| Backlog::Flipped { flips: causes.into_iter().map(flip).collect() }),
        Just(Backlog::DeadlinePassed),
    ]
}

fn fleet_events() -> impl Strategy<Value = Fleet> {
    let task = select(vec!["a", "b", "c", "d"]);
    prop_oneof![
        task.clone().prop_map(|task| Fleet::SlotWanted { task: task.parse().unwrap(), repo: REPO }),
        task.prop_map(|task| Fleet::SlotReleased { task: task.parse().unwrap() }),
    ]
}

/// Plays events with time between them.
fn play(key: MachineKey, events: Vec<(Event, i64)>) -> One {
    let mut one = One::new(key, rules());
    for (event, seconds) in events {
        one.take(&event);
        one.pass(secs(seconds));
    }
    one
}

fn events<E: Into<Event> + std::fmt::Debug>(of: impl Strategy<Value = E>) -> impl Strategy<Value = Vec<(Event, i64)>> {
    vec((of.prop_map(Into::into), 0_i64..600), 1..40)
}

/// What an effect does that somebody outside notices: everything but asking and looking.
fn is_seen(effect: &Effect) -> bool {
    match effect {
        Effect::Look { .. }
        | Effect::LookRepository { .. }
        | Effect::Triage { .. }
        | Effect::Dismiss { .. }
        | Effect::SeekReceipt { .. }
        | Effect::Meter { .. } => false,
        Effect::Tell { .. }
        | Effect::Prepare { .. }
        | Effect::SetUp { .. }
        | Effect::OpenPull { .. }
        | Effect::RemoveWorkspace { .. }
        | Effect::RestoreWorkspace { .. }
        | Effect::PruneOutput { .. }
        | Effect::Launch { .. }
        | Effect::Prompt { .. }
        | Effect::Stop { .. }
        | Effect::Act(_)
        | Effect::Answer { .. }
        | Effect::Report { .. } => true,
    }
}

/// The rules allow so many prompts for one incident of red checks.
const TOTAL: u32 = 6;
/// The rules allow so many updates of a branch that is behind.
const UPDATES: u32 = 3;

/// What the sessions and the executor of a pull request's random walk were asked to do.
#[derive(Default)]
struct Asked {
    prompts: BTreeMap<u64, u32>,
    escalations: BTreeMap<(IncidentKind, u64), u32>,
    updates: BTreeMap<u64, u32>,
    notices: BTreeMap<Sha, u32>,
    items: BTreeMap<String, u32>,
}

impl Asked {
    /// Answers what the pull request asked for: prompts are typed if they are still wanted, actions are carried out.
    fn answer(&mut self, pr: &mut Pr) {
        let effects = std::mem::take(&mut pr.one.effects);
        let done = effects.is_empty();
        for effect in effects {
            if let Effect::Tell { event: Event::Session(Session::PromptWanted { reference }), .. } = effect {
                self.prompt(pr, reference);
            } else if let Effect::Act(act) = effect {
                if act.list == List::Escalate && act.step == 0 {
                    *self.escalations.entry((act.incident, act.serial)).or_default() += 1;
                }
                let wanted = pull::still_wanted_act(pr.one.pull(), &act);
                if act.incident == IncidentKind::BehindBase && act.list == List::Do && wanted {
                    *self.updates.entry(act.serial).or_default() += 1;
                }
                if act.incident == IncidentKind::ChecksMissing && wanted {
                    *self.notices.entry(act.head.clone().expect("it is about a head")).or_default() += 1;
                }
                let outcome = if wanted { ActionOutcome::Done } else { ActionOutcome::Dropped };
                pr.feed(outcome_of(&act, outcome));
            }
        }
        if !done {
            self.answer(pr);
        }
    }

    fn prompt(&mut self, pr: &mut Pr, reference: PromptRef) {
        if !pull::still_wanted(pr.one.pull(), &reference) {
            pr.feed(Pull::PromptWithdrawn { reference });
            return;
        }
        let Cause::Incident { kind, .. } = reference.cause else { panic!("{reference:?}") };
        let covers = pull::covers(pr.one.pull(), kind);
        for item in &covers {
            *self.items.entry(item.clone()).or_default() += 1;
        }
        if kind == IncidentKind::ChecksFailed {
            *self.prompts.entry(pr.incident(kind).serial).or_default() += 1;
        }
        pr.feed(Pull::PromptSubmitted { reference: reference.clone(), covers });
        pr.feed(Pull::TurnEnded { references: vec![reference] });
    }
}

/// Facts that follow from GitHub alone, however they were learnt.
fn facts(state: &pull::State) -> impl PartialEq + std::fmt::Debug {
    let red = state.red.as_ref().map(|red| (red.head.clone(), red.asked.clone(), red.failures.clone()));
    let green = state.green.as_ref().map(|green| (green.head.clone(), green.checks.clone()));
    (state.snapshot.clone(), state.hash.clone(), red, green)
}

/// Every step is checked many times over, so that a few walks take as long as many others. `PROPTEST_CASES` asks for
/// more.
fn few() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let is_usual = asked.cases == 256;
    ProptestConfig { cases: if is_usual { 8 } else { asked.cases }, failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn a_pull_request_survives_everything(events in events(pull_events())) {
        play(pull_key(), events);
    }

    #[test]
    fn a_session_survives_everything(turns in vec(turns(), 1..60)) {
        let mut desk = Desk::launching(rules());
        for turn in turns {
            turn.play(&mut desk);
        }
    }

    #[test]
    fn a_task_survives_everything(events in events(task_events())) {
        play(MachineKey::Task(task_id()), events);
    }

    #[test]
    fn a_backlog_survives_everything(events in events(backlog_events())) {
        play(MachineKey::Backlog(REPO), events);
    }

    #[test]
    fn a_fleet_never_grants_more_than_there_is(events in events(fleet_events())) {
        let one = play(MachineKey::Fleet, events);
        let Some(super::State::Fleet(fleet)) = one.state else { panic!("no fleet") };
        prop_assert!(fleet.running.len() <= 2);
        let free = fleet.running.len() < 2;
        prop_assert!(!free || fleet.queue.iter().all(|(task, _)| fleet.running.contains(task)));
    }

    // G001, G003 as far, S70 as far: whatever is told twice is done once
    #[test]
    fn what_a_pull_request_is_told_twice_it_does_once(events in events(pull_events()), twice in pull_events()) {
        prop_assume!(twice != Pull::RetryWanted);
        let mut one = play(pull_key(), events);
        one.take(&twice.clone().into());

        let again = one.take(&twice.into());

        prop_assert!(!again.iter().any(is_seen), "{:?}", shown(&again));
    }

    #[test]
    fn what_a_session_is_told_twice_about_a_prompt_it_does_once(turns in vec(turns(), 1..40)) {
        let mut desk = Desk::launching(rules());
        for turn in turns {
            turn.play(&mut desk);
            let Some(prompt) = desk.state().sending.as_ref().map(|sending| sending.prompt.clone()) else { continue };
            let delivered: Event = Session::Delivered { prompt, submission: Submission::Submitted, channel: Channel::Terminal }.into();
            desk.one.take(&delivered);
            let again = desk.one.take(&delivered);
            prop_assert!(!again.iter().any(is_seen), "{:?}", shown(&again));
        }
    }

    // G074, G132, S09: however checks flicker, prompts and escalations are bounded, and nothing is left hanging
    #[test]
    fn prompts_and_escalations_are_bounded(truths in vec((snapshots(), 0_i64..1_200), 1..16)) {
        let mut pr = Pr::managed(rules());
        let mut asked = Asked::default();
        for (truth, seconds) in truths {
            pr.shows(truth);
            asked.answer(&mut pr);
            pr.pass(secs(seconds));
            asked.answer(&mut pr);
            for (kind, incident) in &pr.one.pull().incidents {
                let waits = matches!(incident.stage, Stage::Resting | Stage::Unanswered) || incident.is_with_people();
                let reads = incident.plan.is_none();
                prop_assert!(waits || reads || incident.deadline().is_some(), "{kind:?} hangs: {incident:?}");
            }
        }
        prop_assert!(asked.prompts.values().all(|count| *count <= TOTAL), "{:?}", asked.prompts);
        prop_assert!(asked.updates.values().all(|count| *count <= UPDATES), "{:?}", asked.updates);
        let once = |(kind, _): &(IncidentKind, u64)| *kind != IncidentKind::ChangesRequested;
        let more = asked.escalations.iter().filter(|(key, count)| once(key) && **count > 1).count();
        prop_assert_eq!(more, 0, "{:?}", asked.escalations);
    }
}

// G021, G025, G126, G136: lost, repeated and reordered hints lead to the facts of a fresh look
#[test]
fn a_pull_request_converges_to_what_github_shows() {
    proptest!(few(), |(truths in vec((snapshots(), 0_u32..3, 0_i64..400), 1..8), last in snapshots())| {
        let mut pr = Pr::managed(rules());
        let mut asked = Asked::default();
        for (truth, hints, seconds) in truths {
            pr.github = truth;
            for _ in 0..hints {
                pr.hint();
            }
            pr.pass(secs(seconds));
            asked.answer(&mut pr);
        }
        pr.shows(last.clone());
        for _ in 0..20 {
            asked.answer(&mut pr);
            pr.pass(mins(10));
        }

        let mut fresh = Pr::managed(rules());
        fresh.shows(last);
        fresh.pass(mins(30));
        prop_assert_eq!(facts(pr.one.pull()), facts(fresh.one.pull()));
        // Whatever is still asked for was handed over, or people were asked.
        let left = pull::covers(pr.one.pull(), IncidentKind::ChangesRequested);
        let with_people = pr.one.pull().incidents.get(&IncidentKind::ChangesRequested).is_some_and(|it| it.is_with_people());
        prop_assert!(left.is_empty() || with_people, "{left:?} was never handed over");
    });
}

// G050, G062: whatever the checks of one head do meanwhile, people hear of it once
#[test]
fn people_hear_once_of_a_head_whose_checks_give_no_verdict() {
    let state = select(vec![PENDING, EXPECTED, CANCELLED, FAILED]);
    proptest!(few(), |(truths in vec((state, 0_i64..4_000), 1..12))| {
        let mut pr = Pr::managed(rules());
        let mut asked = Asked::default();
        for (state, seconds) in truths {
            pr.shows(snapshot().check("test", state));
            asked.answer(&mut pr);
            pr.pass(secs(seconds));
            asked.answer(&mut pr);
        }
        prop_assert!(asked.notices.values().all(|count| *count == 1), "{:?}", asked.notices);
    });
}

// S27, S33: a request is handed over once as long as it stands
#[test]
fn a_request_that_stands_is_handed_over_once() {
    proptest!(few(), |(truths in vec((snapshots(), 0_i64..400), 1..10))| {
        let mut pr = Pr::managed(rules());
        let mut asked = Asked::default();
        for (truth, seconds) in truths {
            pr.shows(truth.thread("T9", &[("C9", person("ada"))]));
            asked.answer(&mut pr);
            pr.pass(secs(seconds));
            asked.answer(&mut pr);
        }
        prop_assert!(asked.items.get("thread:T9@C9").is_none_or(|count| *count == 1), "{:?}", asked.items);
    });
}

// S16, S18, S63: whatever happens to the agent, what the pull request wants said is typed once
#[test]
fn a_prompt_is_neither_lost_nor_typed_twice() {
    proptest!(few(), |(turns in vec(calm_turns(), 1..40))| {
        let mut desk = Desk::launching(rules());
        let mut wanted = 0;
        for turn in turns {
            if let Turn::Wants(_) = turn {
                wanted += 1;
                desk.wants(PromptRef { revision: wanted, cause: cause(wanted), ..ci() });
            } else {
                turn.play(&mut desk);
            }
        }
        for _ in 0..200 {
            if is_quiet(&desk) {
                break;
            }
            calm_down(&mut desk);
        }

        let mut typed = BTreeMap::<u64, u32>::new();
        for effect in &desk.one.effects {
            if let Effect::Tell { event: Event::Pull(Pull::PromptSubmitted { reference, .. }), .. } = effect {
                *typed.entry(reference.revision).or_default() += 1;
            }
        }
        let once: BTreeMap<_, _> = (1..=wanted).map(|wanted| (wanted, 1)).collect();
        prop_assert_eq!(typed, once);
        prop_assert_eq!(&desk.state().open_turn, &[]);
    });
}

/// Causes that do not replace each other in the queue.
fn cause(index: u64) -> Cause {
    Cause::Incident { kind: IncidentKind::ChecksFailed, action: u32::try_from(index).unwrap() }
}

/// Everything that can happen to an agent that nobody ends and whose prompts stay wanted.
fn calm_turns() -> impl Strategy<Value = Turn> {
    turns().prop_filter("prompts stay wanted", |turn| match turn {
        Turn::Withdrawn | Turn::Plain(Session::EndWanted) | Turn::Stopped | Turn::Acted(..) => false,
        Turn::Wants(_)
        | Turn::Takes
        | Turn::Delivered(_)
        | Turn::Refused(_)
        | Turn::Composed
        | Turn::Launched
        | Turn::LaunchFailed
        | Turn::Hook(..)
        | Turn::Seen(..)
        | Turn::Plain(_)
        | Turn::Pass(_) => true,
    })
}

fn is_quiet(desk: &Desk) -> bool {
    let session = desk.state();
    session.queue.is_empty() && session.sending.is_none() && session.open_turn.is_empty()
}

/// A willing world: what can go on goes on.
fn calm_down(desk: &mut Desk) {
    use super::session::{Activity, Life, SendStage};
    let ordered = desk.state().sending.as_ref().is_some_and(|sending| sending.stage == SendStage::Ordered);
    match (&desk.state().life, ordered) {
        (_, true) => {
            desk.delivered();
        }
        (Life::Launching, _) => {
            desk.starts();
        }
        (Life::Exited { .. }, _) => {
            desk.feed(Session::RestartWanted);
        }
        (Life::Running { activity: Activity::Working | Activity::NeedsInput | Activity::Starting, .. }, _) => {
            desk.hook(Hook::TurnEnded);
        }
        (Life::Running { .. } | Life::Stopping | Life::Ended, _) => {}
    }
    desk.pass(secs(30));
}
