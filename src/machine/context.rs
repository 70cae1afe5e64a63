//! The facts of a machine as rules see them.
//!
//! Texts are handed in by hash, because states hold none. The same function serves the machine (for conditions) and
//! the moment of sending (for templates), so that both speak of the same facts.

use std::collections::BTreeMap;

use super::{Now, State, backlog, fleet, pull, reviews_of, session, task};
use crate::{
    event::{self, Event, Work},
    model::{
        Attempt, Author, Check, CheckState, Conclusion, Failure, FailureClass, IncidentKind, Issue, Missing, Outside,
        Review, Snapshot, TextHash, Thread, ThreadId, Tier,
    },
    reaction::{self, Context, Quoted},
};

/// Texts from outside by their hash.
pub type Texts = BTreeMap<TextHash, String>;

/// The facts of a pull request's incident.
#[must_use]
pub fn of_pull(state: &pull::State, kind: IncidentKind, now: &Now<'_>) -> Context {
    let mut context = bare(kind, now);
    if let Some(incident) = state.incidents.get(&kind) {
        let failures = state.failure_keys(kind);
        context.attempts = incident.total.0;
        context.attempt = incident.next_attempt(&failures).0;
        context.attempts_max = incident.plan.as_ref().map_or(0, |plan| plan.attempts_max.0);
        context.summary = summary(kind, incident.total, &context);
        context.summary.push_str(&history(state, kind));
    }
    let Some(snapshot) = &state.snapshot else { return context };
    if kind == IncidentKind::ApprovedAndGreen {
        context.summary.push_str(&hole(snapshot));
    }
    context.pr = Some(pr(snapshot, now.texts));
    context.withheld = state.withheld();
    context.failures = state.failures_of(kind).iter().map(|failure| failed(failure, now.texts)).collect();
    if kind == IncidentKind::ChecksMissing {
        context.missing = state.missing(now.rules, now.at).into_iter().map(missed).collect();
    }
    let asked_by = if kind == IncidentKind::BotReview { kind } else { IncidentKind::ChangesRequested };
    context.reviews = reviews_of::standing(snapshot, asked_by)
        .filter(|review| !state.ledger.was_handed(&reviews_of::review_item(review)))
        .map(|review| reviewed(review, now.texts))
        .collect();
    context.threads = reviews_of::open_threads(snapshot, asked_by)
        .filter(|thread| reviews_of::thread_item(thread).is_some_and(|item| !state.ledger.was_handed(&item)))
        .map(|thread| threaded(state, thread, now.texts))
        .collect();
    if let Some(managed) = &state.managed {
        context.session = Some(reaction::Session {
            name: managed.session.to_string(),
            agent: now.rules.agent.name.to_string(),
            runtime: now.rules.agent.runtime.clone(),
        });
    }
    context
}

/// The facts of one thread that was answered, for what is said in it.
#[must_use]
pub fn of_thread(state: &pull::State, kind: IncidentKind, thread: &ThreadId, now: &Now<'_>) -> Context {
    let mut context = of_pull(state, kind, now);
    let threads = state.snapshot.iter().flat_map(|snapshot| &snapshot.threads);
    context.threads = threads.filter(|it| it.id == *thread).map(|it| threaded(state, it, now.texts)).collect();
    context.reviews.clear();
    context
}

/// The facts of an agent's incident.
#[must_use]
pub fn of_session(state: &session::State, kind: IncidentKind, now: &Now<'_>) -> Context {
    let mut context = bare(kind, now);
    context.session = Some(session_facts(state));
    if let Some(incident) = state.incidents.get(&kind) {
        context.attempts = incident.total.0;
        context.attempt = incident.total.next().0;
        context.attempts_max = incident.plan.as_ref().map_or(0, |plan| plan.attempts_max.0);
        context.summary = summary(kind, incident.total, &context);
    }
    if kind == IncidentKind::AgentLooping {
        context.summary = format!("{}; {}", context.summary, state.trail.words());
    }
    context
}

/// The facts of an issue that may be worked on.
#[must_use]
pub fn of_issue(issue: &Issue, now: &Now<'_>) -> Context {
    let mut context = bare(IncidentKind::IssueReady, now);
    context.issue = Some(issue_facts(issue, now.texts));
    context
}

/// The facts of a repository whose rules break.
#[must_use]
pub fn of_backlog(state: &backlog::State, now: &Now<'_>) -> Context {
    let mut context = bare(IncidentKind::RuleBroken, now);
    let broken =
        state.broken.iter().map(|(rule, broken)| format!("the rule {rule} cannot be evaluated: {}", broken.why));
    context.summary = format!("{} in {}", broken.collect::<Vec<_>>().join("; "), context.repo.name);
    context
}

/// The facts of a task's own incident.
#[must_use]
pub fn of_task_incident(state: &task::State, kind: IncidentKind, now: &Now<'_>) -> Context {
    let mut context = of_task(state, now);
    context.incident = kind;
    let incident = state.incident(kind);
    let attempts = incident.map_or(Attempt(0), |incident| incident.total);
    context.attempts = attempts.0;
    context.attempt = attempts.next().0;
    let plan = incident.and_then(|incident| incident.plan.as_ref());
    context.attempts_max = plan.map_or(0, |plan| plan.attempts_max.0);
    if kind == IncidentKind::NoChange {
        context.summary = format!("{} ({})", summary(kind, attempts, &context), state.task);
        return context;
    }
    // The first line names the operator's own command; what that printed is not for people who are only told.
    let why = state.trouble.as_deref().and_then(|why| why.lines().next()).unwrap_or("nobody knows why");
    let again = match attempts.0 {
        0 => String::new(),
        1 => "; it was run once more".to_owned(),
        more => format!("; it was run {more} times more"),
    };
    context.summary =
        format!("the workspace of {} in {} could not be made ready: {why}{again}", state.task, context.repo.name);
    context
}

/// The facts of many agents that ended at once.
#[must_use]
pub fn of_fleet(state: &fleet::State, now: &Now<'_>) -> Context {
    let mut context = bare(IncidentKind::AgentsLost, now);
    if let Some(lost) = &state.lost {
        context.summary = format!(
            "at least {} of {} agents ended at once: that is no fault of theirs, so nothing counts as tried; they are started again \
             one after the other",
            lost.ended, lost.all
        );
    }
    context
}

/// The facts of a task, for its first prompt.
#[must_use]
pub fn of_task(state: &task::State, now: &Now<'_>) -> Context {
    let mut context = bare(IncidentKind::IssueReady, now);
    if let Work::Issue(issue) = &state.work {
        context.issue = Some(issue_facts(issue, now.texts));
    }
    context.session = Some(reaction::Session {
        name: state.session().to_string(),
        agent: state.agent.to_string(),
        runtime: now.rules.agent.runtime.clone(),
    });
    context
}

/// The texts that conditions may read when `event` is handled in `state`.
#[must_use]
pub fn texts_needed(state: Option<&State>, event: &Event) -> Vec<TextHash> {
    match (state, event) {
        (Some(State::Pull(state)), Event::Pull(event)) => {
            let observed = if let event::Pull::Observed { snapshot, .. } = event { Some(&**snapshot) } else { None };
            hashes_of_pull(state, observed)
        }
        (_, Event::Backlog(event::Backlog::Observed { issues, .. } | event::Backlog::Unchanged { issues, .. })) => {
            issues.iter().flat_map(|issue| [issue.title.hash.clone(), issue.body.hash.clone()]).collect()
        }
        _ => Vec::new(),
    }
}

/// The texts that the facts of a machine quote.
#[must_use]
pub fn texts_of(state: &State) -> Vec<TextHash> {
    match state {
        State::Pull(state) => hashes_of_pull(state, None),
        State::Task(state) => match &state.work {
            Work::Issue(issue) => vec![issue.title.hash.clone(), issue.body.hash.clone()],
            Work::Text { .. } | Work::Adopted { .. } => Vec::new(),
        },
        State::Session(_) | State::Backlog(_) | State::Fleet(_) => Vec::new(),
    }
}

/// The hashes of the texts that a pull request's context quotes.
fn hashes_of_pull(state: &pull::State, observed: Option<&Snapshot>) -> Vec<TextHash> {
    let mut hashes = Vec::new();
    for snapshot in state.snapshot.iter().chain(observed) {
        hashes.push(snapshot.title.hash.clone());
        hashes.extend(snapshot.reviews.iter().map(|review| review.body.hash.clone()));
        let open = snapshot.threads.iter().filter(|thread| !thread.resolved);
        hashes.extend(open.flat_map(|thread| &thread.comments).map(|comment| comment.body.hash.clone()));
    }
    let failures = [IncidentKind::ChecksFailed, IncidentKind::MergeQueueEjected];
    let failures = failures.into_iter().flat_map(|kind| state.failures_of(kind));
    hashes.extend(failures.filter_map(|failure| failure.log.as_ref()).map(|log| log.hash.clone()));
    hashes
}

fn bare(kind: IncidentKind, now: &Now<'_>) -> Context {
    Context {
        incident: kind,
        repo: reaction::Repo {
            name: now.rules.repo_name.to_string(),
            url: now.rules.repo_url.clone(),
            merge: now.rules.merge,
        },
        pr: None,
        issue: None,
        failures: Vec::new(),
        missing: Vec::new(),
        threads: Vec::new(),
        reviews: Vec::new(),
        session: None,
        attempt: 1,
        attempts_max: 0,
        attempts: 0,
        summary: String::new(),
        withheld: 0,
        now: now.at,
    }
}

fn pr(snapshot: &Snapshot, texts: &Texts) -> reaction::Pr {
    let named = |text: &str, origin: &str| Quoted::new(text, origin, Tier::Machine);
    reaction::Pr {
        number: snapshot.number.0,
        url: snapshot.url.clone(),
        title: quoted(&snapshot.title, "title of the pull request".to_owned(), texts),
        draft: snapshot.draft,
        head: snapshot.head.sha.to_string(),
        branch: named(snapshot.head.branch.as_str(), "branch name"),
        base: named(snapshot.base.branch.as_str(), "branch name"),
        author: snapshot.author.login.to_string(),
        labels: snapshot.labels.iter().map(|label| named(label, "label")).collect(),
        mergeable: snapshot.mergeability,
    }
}

fn issue_facts(issue: &Issue, texts: &Texts) -> reaction::Issue {
    // Only people who may triage can set the label that brought the issue here: they answer for its words as they were.
    let endorsed = |outside: &Outside, origin| {
        let quoted = quoted(outside, origin, texts);
        Quoted { tier: quoted.tier.max(Tier::Collaborator), ..quoted }
    };
    reaction::Issue {
        number: issue.number.0,
        url: issue.url.clone(),
        title: endorsed(&issue.title, format!("title of issue #{} by @{}", issue.number, issue.author.login)),
        body: endorsed(&issue.body, format!("issue #{} by @{}", issue.number, issue.author.login)),
        labels: issue.labels.iter().map(|label| Quoted::new(label, "label", Tier::Machine)).collect(),
    }
}

fn failed(failure: &Failure, texts: &Texts) -> reaction::Failure {
    let machine = |text: &str, origin: &str| Quoted::new(text, origin, Tier::Machine);
    let log = failure.log.as_ref().map(|log| quoted(log, format!("log of {}", failure.check), texts));
    reaction::Failure {
        job: machine(failure.check.as_str(), "check name"),
        step: machine(failure.step.as_deref().unwrap_or_default(), "step name"),
        class: failure.class,
        mendable: failure.class.is_mendable(),
        log: log.unwrap_or_else(|| machine("", "no log")),
        url: machine(failure.url.as_deref().unwrap_or_default(), "address of the check"),
        findings: failure
            .findings
            .iter()
            .map(|finding| reaction::Finding {
                file: machine(finding.file.as_deref().unwrap_or_default(), "file name"),
                line: finding.line,
                message: machine(&finding.message, "message of the check"),
            })
            .collect(),
    }
}

fn missed((check, why): (Option<&Check>, Missing)) -> reaction::MissingCheck {
    let machine = |text: Option<&str>, origin: &str| Quoted::new(text.unwrap_or_default(), origin, Tier::Machine);
    reaction::MissingCheck {
        job: machine(check.map(|check| check.name.as_str()), "check name"),
        why,
        url: machine(check.and_then(|check| check.url.as_deref()), "address of the check"),
    }
}

fn reviewed(review: &Review, texts: &Texts) -> reaction::Review {
    reaction::Review {
        author: review.author.login.to_string(),
        body: vouched(&review.author, quoted(&review.body, said("review", &review.author), texts)),
        state: review.state,
    }
}

fn threaded(state: &pull::State, thread: &Thread, texts: &Texts) -> reaction::Thread {
    let heard =
        thread.comments.iter().filter(|comment| comment.author.own || reviews_of::asks_as(&comment.author).is_some());
    reaction::Thread {
        id: thread.id.to_string(),
        path: Quoted::new(&thread.path, "file name", Tier::Machine),
        line: thread.line,
        outdated: thread.outdated,
        original_line: thread.original_line,
        commit: state.ledger.answer_to(thread).and_then(|answer| answer.commit.as_ref()).map(ToString::to_string),
        comments: heard
            .map(|comment| reaction::Comment {
                author: comment.author.login.to_string(),
                body: vouched(&comment.author, quoted(&comment.body, said("comment", &comment.author), texts)),
            })
            .collect(),
    }
}

fn session_facts(state: &session::State) -> reaction::Session {
    reaction::Session {
        name: state.session.to_string(),
        agent: state.agent.name.to_string(),
        runtime: state.agent.runtime.clone(),
    }
}

fn quoted(text: &Outside, origin: String, texts: &Texts) -> Quoted {
    Quoted::new(texts.get(&text.hash).map_or("", String::as_str), origin, text.tier)
}

/// Who names a bot as a reviewer answers for its words.
fn vouched(author: &Author, quoted: Quoted) -> Quoted {
    if author.reviewer { Quoted { tier: quoted.tier.max(Tier::Collaborator), ..quoted } } else { quoted }
}

fn said(what: &str, author: &Author) -> String {
    format!("{what} of @{}", author.login)
}

/// What GitHub lets pass and nobody judged: a job that was skipped because another one failed satisfies its requirement.
fn hole(snapshot: &Snapshot) -> String {
    let skipped = |check: &&Check| check.required && check.state == CheckState::Finished(Conclusion::Skipped);
    match snapshot.checks.iter().filter(skipped).count() {
        0 => String::new(),
        1 => "; a required check was skipped and has judged nothing".to_owned(),
        more => format!("; {more} required checks were skipped and have judged nothing"),
    }
}

fn summary(kind: IncidentKind, attempts: Attempt, context: &Context) -> String {
    let what = match kind {
        IncidentKind::ChecksFailed => "checks fail",
        IncidentKind::ChecksMissing => "checks give no verdict",
        IncidentKind::BotReview => "a review bot asks for changes",
        IncidentKind::ChangesRequested => "reviewers ask for changes",
        IncidentKind::Conflict => "the branch conflicts with its base",
        IncidentKind::BehindBase => "the branch is behind its base",
        IncidentKind::MergeQueueEjected => "the merge queue threw it out",
        IncidentKind::LoopStopped => {
            "Antiphon stopped itself: it has done much and no person has said anything meanwhile"
        }
        IncidentKind::ApprovedAndGreen => "approved and green",
        IncidentKind::AgentStuck => "the agent shows no sign of life",
        IncidentKind::AgentExited => "the agent's process ended",
        IncidentKind::AgentNeedsInput => "the agent waits for a person",
        IncidentKind::AgentLooping => "the agent goes round in circles",
        IncidentKind::AgentsLost => "many agents ended at once",
        IncidentKind::NoChange => "the agent ended its turn, and its branch has no new commit on GitHub",
        IncidentKind::SetupFailed => "the workspace could not be made ready",
        IncidentKind::IssueReady => "the issue may be worked on",
        IncidentKind::RuleBroken => "a rule cannot be evaluated",
    };
    if kind == IncidentKind::ApprovedAndGreen {
        return format!("{what} in {}", context.repo.name);
    }
    let of_agent = matches!(kind, IncidentKind::AgentStuck | IncidentKind::AgentLooping | IncidentKind::AgentExited);
    let tried = match attempts.0 {
        0 => "nothing was tried yet".to_owned(),
        1 if of_agent => "one thing was tried".to_owned(),
        more if of_agent => format!("{more} things were tried"),
        1 => "one prompt was sent".to_owned(),
        more => format!("{more} prompts were sent"),
    };
    format!("{what} in {}; {tried}", context.repo.name)
}

/// What came of checks so far: which kinds fail now, how many different ones there were, what ran again.
fn history(state: &pull::State, kind: IncidentKind) -> String {
    let on_checks = matches!(kind, IncidentKind::ChecksFailed | IncidentKind::ChecksMissing);
    let Some(incident) = state.incidents.get(&kind).filter(|_| on_checks) else { return String::new() };
    let mut parts = Vec::new();
    if incident.spent.len() > 1 {
        parts.push(format!("about {} different failures", incident.spent.len()));
    }
    let reruns = state.head().map_or(0, |head| state.reruns(head).len());
    if reruns > 0 {
        parts.push(format!("failed jobs of {reruns} run(s) of this commit were run again"));
    }
    let mut classes: BTreeMap<FailureClass, usize> = BTreeMap::new();
    state.failures().iter().for_each(|failure| *classes.entry(failure.class).or_default() += 1);
    let named = |(class, count): (FailureClass, usize)| format!("{count} {}", class.as_str());
    let failing: Vec<_> = classes.into_iter().map(named).collect();
    if !failing.is_empty() {
        parts.push(format!("failing now: {}", failing.join(", ")));
    }
    parts.into_iter().map(|part| format!("; {part}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Session,
        machine::{Rules, testing::*},
        model::ReviewState::{Approved, ChangesRequested},
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;
    const REVIEW: IncidentKind = IncidentKind::ChangesRequested;

    fn now<'a>(rules: &'a Rules, texts: &'a Texts) -> Now<'a> {
        Now { rules, at: START, entropy: entropy(0), texts }
    }

    fn of(pr: &Pr, kind: IncidentKind, texts: &Texts) -> Context {
        of_pull(pr.one.pull(), kind, &now(&pr.one.rules, texts))
    }

    /// The texts of everything that the tests' facts quote.
    fn texts() -> Texts {
        let words = ["Greet people by name", "Nearly there.", "This panics.", "Greetings are impersonal"];
        words.into_iter().map(|words| (TextHash::of(words), words.to_owned())).collect()
    }

    #[test]
    fn red_checks_speak_of_their_failures_and_of_the_count() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.shows(red('b'));

        let context = of(&pr, CI, &texts());

        assert_eq!((context.attempts, context.attempt, context.attempts_max), (1, 2, 3));
        assert_eq!(context.summary, "checks fail in octo-org/hello; one prompt was sent; failing now: 1 unknown");
        assert_eq!(context.failures.len(), 1);
        assert_eq!(context.pr.unwrap().head, sha('b').to_string());
        assert_eq!(context.session.unwrap().name, "hello-3");
    }

    // G074: whoever is called reads what was tried
    #[test]
    fn the_summary_tells_the_history_of_red_checks() {
        let mut pr = Pr::shipped();
        pr.class = FailureClass::Code;
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.cause = "another".to_owned();
        pr.shows(red('b'));
        pr.pass(mins(2));
        pr.submitted(CI);
        pr.class = FailureClass::Flaky;
        pr.shows(red('c').check("lint", FAILED));

        assert_eq!(
            of(&pr, CI, &texts()).summary,
            "checks fail in octo-org/hello; 2 prompts were sent; about 2 different failures; failing now: 2 flaky"
        );
    }

    // G094, S21, S30: only what was not handed over yet
    #[test]
    fn requests_that_were_handed_over_are_not_quoted_again() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().review(person("ada"), ChangesRequested).thread("T1", &[("C1", person("ada"))]));
        let all = of(&pr, REVIEW, &texts());
        assert_eq!((all.reviews.len(), all.threads.len()), (1, 1));
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        let next = pr.github.clone().thread("T2", &[("C2", person("ada"))]);
        pr.shows(next);

        let new = of(&pr, REVIEW, &texts());

        assert_eq!((new.reviews.len(), new.threads.len()), (0, 1));
        assert_eq!(new.threads[0].id, "T2");
    }

    // G104: what strangers say in a thread is left out of it, what we said stays
    #[test]
    fn a_thread_is_quoted_without_the_words_of_strangers_and_bots() {
        let heard_and_not = [("C1", stranger("eve")), ("C2", person("ada")), ("C3", own()), ("C4", bot("coderabbit"))];
        let mut pr = Pr::shipped();
        pr.shows(snapshot().thread("T1", &heard_and_not));

        let context = of(&pr, REVIEW, &texts());

        let authors: Vec<_> = context.threads[0].comments.iter().map(|comment| comment.author.as_str()).collect();
        assert_eq!((authors, context.withheld), (vec!["ada", "antiphon"], 1));
    }

    // G055: GitHub merges it, and whoever hears of it hears of the hole
    #[test]
    fn required_checks_that_were_skipped_are_told_with_the_good_news() {
        let skipped = CheckState::Finished(Conclusion::Skipped);
        let mut pr = Pr::shipped();
        pr.shows(green('a').check("deploy", skipped).optional("docs", skipped).review(person("ada"), Approved));
        assert_eq!(pr.pass(secs(60)), ["act approved-and-green do 1"]);

        let summary = of(&pr, IncidentKind::ApprovedAndGreen, &texts()).summary;

        let told = "approved and green in octo-org/hello; a required check was skipped and has judged nothing";
        assert_eq!(summary, told);
    }

    #[test]
    fn every_text_that_a_context_quotes_is_asked_for() {
        let mut pr = Pr::shipped();
        let pull = red('a').review(person("ada"), ChangesRequested).thread("T1", &[("C1", person("ada"))]);
        pr.shows(pull.clone());

        let known = hashes_of_pull(pr.one.pull(), None);
        let next = hashes_of_pull(pr.one.pull(), Some(&pull.thread("T2", &[("C2", person("bob"))])));

        assert_eq!(known, ["Greet people by name", "Nearly there.", "This panics."].map(TextHash::of));
        assert_eq!(next.len(), 7);
    }

    #[test]
    fn an_issues_words_are_endorsed_by_whoever_set_the_label() {
        let rules = rules();
        let mut issue = issue(ISSUE);
        issue.title.tier = Tier::Stranger;

        let context = of_issue(&issue, &now(&rules, &texts()));

        let title = context.issue.unwrap().title;
        assert_eq!((title.tier, title.text.as_str()), (Tier::Collaborator, "Greetings are impersonal"));
    }

    #[test]
    fn an_agents_own_incident_speaks_of_the_agent() {
        let mut desk = Desk::idle(rules());
        desk.feed(Session::PromptWanted { reference: ci() });
        desk.delivered();
        desk.pass(mins(10));

        let context = of_session(desk.state(), IncidentKind::AgentStuck, &now(&desk.one.rules, NO_TEXTS));

        assert_eq!(context.summary, "the agent shows no sign of life in octo-org/hello; nothing was tried yet");
        assert_eq!((context.attempt, context.attempts_max), (1, 3));
        assert_eq!(context.session.unwrap().agent, "claude");
    }
}
