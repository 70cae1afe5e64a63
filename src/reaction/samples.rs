//! Complete sample contexts of each incident: what rules are tried on before they are let in.
//!
//! Together the samples of an incident hold every value that its closed sets can take, and every absence.

use jiff::Timestamp;

use crate::model::{FailureClass, IncidentKind, Merge, Mergeability, Missing, ReviewState, Tier};

use super::context::{
    Comment, Context, Failure, Finding, Issue, MissingCheck, Pr, Quoted, Repo, Review, Session, Thread,
};

/// The sample contexts of an incident; never fewer than four.
#[must_use]
pub fn samples(kind: IncidentKind) -> Vec<Context> {
    let merges = [Merge::None, Merge::Squash, Merge::Merge, Merge::Rebase];
    let mut samples: Vec<Context> = (0..4).map(|index| base(kind, index, merges[index])).collect();
    for (index, sample) in samples.iter_mut().enumerate() {
        match kind {
            IncidentKind::ChecksFailed => sample.failures = failures(index),
            IncidentKind::ChecksMissing => sample.missing = missing(index),
            IncidentKind::ChangesRequested | IncidentKind::BotReview => {
                sample.threads = threads(index);
                sample.reviews = reviews(index);
            }
            IncidentKind::Conflict => merge_state(sample, Mergeability::Conflicting),
            IncidentKind::BehindBase => merge_state(sample, Mergeability::Behind),
            // The queue may also refuse without a check that failed.
            IncidentKind::MergeQueueEjected => {
                sample.failures = if index == 3 { Vec::new() } else { failures(index) };
            }
            IncidentKind::LoopStopped => {}
            IncidentKind::ApprovedAndGreen => approved(sample, index),
            IncidentKind::AgentStuck
            | IncidentKind::AgentLooping
            | IncidentKind::AgentExited
            | IncidentKind::AgentNeedsInput => {
                without_pull_request(sample, index);
            }
            IncidentKind::SetupFailed | IncidentKind::NoChange => sample.pr = None,
            IncidentKind::IssueReady => ready(sample, index),
            IncidentKind::RuleBroken | IncidentKind::AgentsLost => alone(sample),
        }
    }
    samples
}

fn base(kind: IncidentKind, index: usize, merge: Merge) -> Context {
    let count = u32::try_from(index).unwrap_or_default();
    let attached = index != 3;
    Context {
        incident: kind,
        repo: Repo { name: "octo-org/hello".to_owned(), url: "https://github.com/octo-org/hello".to_owned(), merge },
        pr: Some(pr(index)),
        issue: attached.then(|| issue(index)),
        failures: Vec::new(),
        missing: Vec::new(),
        threads: Vec::new(),
        reviews: Vec::new(),
        session: Some(session(index)),
        attempt: count + 1,
        attempts_max: 3 + count,
        attempts: count,
        summary: "Two checks failed on the newest head.".to_owned(),
        withheld: count,
        now: Timestamp::from_second(1_767_262_200 + i64::from(count) * 100_000).unwrap_or_default(),
    }
}

fn pr(index: usize) -> Pr {
    let states = [Mergeability::Clean, Mergeability::Unknown, Mergeability::Behind, Mergeability::Conflicting];
    Pr {
        number: 12 + index as u64,
        url: format!("https://github.com/octo-org/hello/pull/{}", 12 + index),
        title: outside("Greet people by name", "title of the pull request", Tier::Collaborator),
        draft: index == 1,
        head: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        branch: outside("antiphon/7-greet-by-name", "branch", Tier::Collaborator),
        base: outside(if index == 2 { "release-1.x" } else { "main-line" }, "branch", Tier::Maintainer),
        author: "octo-agent".to_owned(),
        labels: labels(index),
        mergeable: states[index % 4],
    }
}

fn issue(index: usize) -> Issue {
    Issue {
        number: 7 + index as u64,
        url: format!("https://github.com/octo-org/hello/issues/{}", 7 + index),
        title: outside("Greetings are impersonal", "title of the issue", Tier::Collaborator),
        body: outside("Please greet people by name.\nEmpty names get `world`.", "issue", Tier::Collaborator),
        labels: labels(index),
    }
}

fn session(index: usize) -> Session {
    Session {
        name: format!("issue-{}", 7 + index),
        agent: if index == 2 { "codex" } else { "claude" }.to_owned(),
        runtime: if index == 1 { "pty" } else { "tmux" }.to_owned(),
    }
}

fn labels(index: usize) -> Vec<Quoted> {
    let all = [
        outside("good first issue", "label", Tier::Collaborator),
        outside("priority: high", "label", Tier::Collaborator),
    ];
    all.into_iter().take(index % 3).collect()
}

/// All classes: two on each of the first samples, one on the last.
fn failures(index: usize) -> Vec<Failure> {
    let classes: &[FailureClass] = match index {
        0 => &[FailureClass::Code, FailureClass::Unknown],
        1 => &[FailureClass::Flaky, FailureClass::Infrastructure],
        2 => &[FailureClass::Billing, FailureClass::Permission],
        _ => &[FailureClass::Timeout],
    };
    classes.iter().map(|class| failure(*class)).collect()
}

/// All reasons: two on each of the first samples, one on the last.
fn missing(index: usize) -> Vec<MissingCheck> {
    let reasons: &[Missing] = match index {
        0 => &[Missing::NotStarted, Missing::NeedsApproval],
        1 => &[Missing::Interrupted, Missing::Silent],
        2 => &[Missing::Stale, Missing::Unknown],
        _ => &[Missing::NoChecks],
    };
    let check = |why: &Missing| MissingCheck {
        job: outside(if *why == Missing::NoChecks { "" } else { "deploy (preview)" }, "check name", Tier::Machine),
        why: *why,
        url: outside("https://ci.example.org/hello/41", "address of a check", Tier::Machine),
    };
    reasons.iter().map(check).collect()
}

fn failure(class: FailureClass) -> Failure {
    Failure {
        job: outside("test (ubuntu-latest)", "job", Tier::Machine),
        step: outside("cargo test", "step", Tier::Machine),
        class,
        mendable: class.is_mendable(),
        log: outside("running 12 tests\ntest greets_by_name ... FAILED", "log of a job", Tier::Machine),
        url: outside("https://github.com/octo-org/hello/actions/runs/1/job/2", "address of a check", Tier::Machine),
        findings: vec![
            finding("src/greet.rs", Some(12), "expected `Ada`, found `world`"),
            finding("", None, "1 test failed"),
        ],
    }
}

fn finding(file: &str, line: Option<u32>, message: &str) -> Finding {
    Finding {
        file: outside(file, "log of a job", Tier::Machine),
        line,
        message: outside(message, "log of a job", Tier::Machine),
    }
}

fn threads(index: usize) -> Vec<Thread> {
    let comment = |author: &str, body: &str| Comment {
        author: author.to_owned(),
        body: outside(body, &format!("comment of @{author}"), Tier::Collaborator),
    };
    let thread = |line| Thread {
        id: "PRRT_kwDOAAAA".to_owned(),
        path: outside("src/greet.rs", "path in the diff", Tier::Machine),
        line,
        outdated: line.is_none(),
        original_line: Some(12),
        commit: line.map(|_| "89abcdef0123456789abcdef0123456789abcdef".to_owned()),
        comments: vec![comment("hubot-reviewer", "This panics when the name is empty."), comment("octocat", "Agreed.")],
    };
    match index {
        0 => vec![thread(Some(12))],
        1 => vec![thread(Some(3)), thread(None)],
        2 => Vec::new(),
        _ => vec![thread(None)],
    }
}

fn reviews(index: usize) -> Vec<Review> {
    let states = [ReviewState::ChangesRequested, ReviewState::Commented, ReviewState::Dismissed, ReviewState::Approved];
    let review = |state| Review {
        author: "hubot-reviewer".to_owned(),
        body: outside("Nearly there: see my comments.", "review of @hubot-reviewer", Tier::Maintainer),
        state,
    };
    if index == 3 { Vec::new() } else { vec![review(states[index]), review(states[3])] }
}

fn approved(sample: &mut Context, index: usize) {
    let state = if index == 2 { Mergeability::Behind } else { Mergeability::Clean };
    merge_state(sample, state);
    sample.reviews = vec![Review {
        author: "hubot-reviewer".to_owned(),
        body: outside("Looks good to me.", "review of @hubot-reviewer", Tier::Maintainer),
        state: ReviewState::Approved,
    }];
    if let Some(pr) = &mut sample.pr {
        pr.draft = false;
    }
}

fn merge_state(sample: &mut Context, state: Mergeability) {
    if let Some(pr) = &mut sample.pr {
        pr.mergeable = state;
    }
}

/// An agent can get into trouble before there is a pull request.
fn without_pull_request(sample: &mut Context, index: usize) {
    if index == 0 {
        sample.pr = None;
    }
}

fn alone(sample: &mut Context) {
    sample.pr = None;
    sample.session = None;
    sample.issue = None;
}

fn ready(sample: &mut Context, index: usize) {
    sample.pr = None;
    sample.session = None;
    sample.issue = Some(issue(index));
}

fn outside(text: &str, origin: &str, tier: Tier) -> Quoted {
    Quoted::new(text, origin, tier)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_samples_show_every_member_of_the_closed_sets() {
        let failed = samples(IncidentKind::ChecksFailed);
        let classes: BTreeSet<_> =
            failed.iter().flat_map(|it| it.failures.iter().map(|failure| failure.class)).collect();
        let mergeable: BTreeSet<_> = failed.iter().flat_map(|it| it.pr.iter().map(|pr| pr.mergeable)).collect();
        let merges: BTreeSet<_> = failed.iter().map(|it| it.repo.merge).collect();
        let requested = samples(IncidentKind::ChangesRequested);
        let states: BTreeSet<_> =
            requested.iter().flat_map(|it| it.reviews.iter().map(|review| review.state)).collect();

        assert_eq!((classes.len(), mergeable.len(), merges.len(), states.len()), (7, 4, 4, 4));
    }

    #[test]
    fn an_incident_of_a_pull_request_always_has_one() {
        for kind in [IncidentKind::ChecksFailed, IncidentKind::ChangesRequested, IncidentKind::ApprovedAndGreen] {
            assert!(samples(kind).iter().all(|sample| sample.pr.is_some()), "{}", kind.as_str());
        }
    }
}
