//! Facts in a few words.

use jiff::Timestamp;

use super::START;
use crate::model::{
    Attempt, Author, Base, Branch, Check, CheckKind, CheckState, Conclusion, Failure, FailureClass, Finding,
    Fingerprint, Flip, Head, Issue, IssueNumber, JobId, JobRef, Lifecycle, MachineKey, Mergeability, Merging, Outside,
    PrNumber, RepoId, Review, ReviewState, RunId, SessionId, Sha, Snapshot, TaskId, TextHash, Thread, ThreadComment,
    Tier,
};

pub(crate) const REPO: RepoId = RepoId(1);
pub(crate) const NUMBER: PrNumber = PrNumber(7);
pub(crate) const ISSUE: IssueNumber = IssueNumber(3);
pub(crate) const PASSED: CheckState = CheckState::Finished(Conclusion::Success);
pub(crate) const FAILED: CheckState = CheckState::Finished(Conclusion::Failure);
pub(crate) const PENDING: CheckState = CheckState::Pending;
pub(crate) const EXPECTED: CheckState = CheckState::Expected;
pub(crate) const CANCELLED: CheckState = CheckState::Finished(Conclusion::Cancelled);

pub(crate) fn pull_key() -> MachineKey {
    MachineKey::Pull { repo: REPO, number: NUMBER }
}

pub(crate) fn task_id() -> TaskId {
    "hello-3".parse().unwrap()
}

pub(crate) fn session_id() -> SessionId {
    "hello-3".parse().unwrap()
}

/// The commit of this letter (`a` to `f`).
pub(crate) fn sha(letter: char) -> Sha {
    letter.to_string().repeat(40).parse().unwrap()
}

pub(crate) fn head_branch() -> Branch {
    "antiphon/3-greet".parse().unwrap()
}

fn words(text: &str, tier: Tier) -> Outside {
    Outside { hash: TextHash::of(text), bytes: u32::try_from(text.len()).unwrap(), tier }
}

fn author(login: &str, tier: Tier) -> Author {
    Author { login: login.parse().unwrap(), tier, own: false, bot: false, reviewer: false }
}

/// Somebody who may write to the repository.
pub(crate) fn person(login: &str) -> Author {
    author(login, Tier::Collaborator)
}

/// Somebody who may not.
pub(crate) fn stranger(login: &str) -> Author {
    author(login, Tier::Stranger)
}

/// A bot, whatever it may do.
pub(crate) fn bot(login: &str) -> Author {
    Author { bot: true, ..author(login, Tier::Maintainer) }
}

/// A bot whose reviews the settings have handed over.
pub(crate) fn review_bot(login: &str) -> Author {
    Author { bot: true, reviewer: true, ..author(login, Tier::Stranger) }
}

/// Antiphon itself, which writes with the rights of a maintainer.
pub(crate) fn own() -> Author {
    Author { own: true, ..author("antiphon", Tier::Maintainer) }
}

/// An open pull request on commit `a`: mergeable, without checks, reviews or threads.
pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        repo: REPO,
        repo_name: "octo-org/hello".parse().unwrap(),
        number: NUMBER,
        url: "https://github.com/octo-org/hello/pull/7".to_owned(),
        author: own(),
        title: words("Greet people by name", Tier::Collaborator),
        lifecycle: Lifecycle::Open,
        draft: false,
        head: Head { sha: sha('a'), branch: head_branch(), repo: Some(REPO), merged: None },
        base: Base { branch: "main".parse().unwrap(), sha: sha('0'), pull: None },
        mergeability: Mergeability::Clean,
        merging: Merging::ByHand,
        ejection: None,
        checks: Vec::new(),
        reviews: Vec::new(),
        threads: Vec::new(),
        labels: Vec::new(),
        commands: Vec::new(),
        updated_at: START,
    }
}

/// A check of GitHub Actions.
pub(crate) fn check(name: &str, required: bool, state: CheckState) -> Check {
    Check {
        name: name.parse().unwrap(),
        kind: CheckKind::Run,
        app: Some("github-actions".to_owned()),
        required,
        state,
        job: None,
        url: None,
    }
}

/// What a snapshot is made of, one word each.
pub(crate) trait Sketch: Sized {
    fn head(self, letter: char) -> Self;
    fn check(self, name: &str, state: CheckState) -> Self;
    fn optional(self, name: &str, state: CheckState) -> Self;
    fn review(self, by: Author, state: ReviewState) -> Self;
    fn approval_of(self, by: Author, letter: char) -> Self;
    fn thread(self, id: &str, comments: &[(&str, Author)]) -> Self;
    fn resolved(self, id: &str) -> Self;
    fn mergeable(self, mergeability: Mergeability) -> Self;
    fn lifecycle(self, lifecycle: Lifecycle) -> Self;
    fn draft(self) -> Self;
}

impl Sketch for Snapshot {
    fn head(mut self, letter: char) -> Self {
        self.head.sha = sha(letter);
        self
    }

    fn check(mut self, name: &str, state: CheckState) -> Self {
        self.checks.push(check(name, true, state));
        self.checks.sort();
        self
    }

    fn optional(mut self, name: &str, state: CheckState) -> Self {
        self.checks.push(check(name, false, state));
        self.checks.sort();
        self
    }

    fn review(mut self, by: Author, state: ReviewState) -> Self {
        let id = format!("R_{}_{state:?}", by.login).parse().unwrap();
        let commit = Some(self.head.sha.clone());
        let body = words("Nearly there.", by.tier);
        self.reviews.retain(|review| review.author != by);
        self.reviews.push(Review { id, author: by, state, body, commit, submitted_at: START });
        self
    }

    fn approval_of(mut self, by: Author, letter: char) -> Self {
        self = self.review(by, ReviewState::Approved);
        self.reviews.last_mut().unwrap().commit = Some(sha(letter));
        self
    }

    fn thread(mut self, id: &str, comments: &[(&str, Author)]) -> Self {
        let comment = |(id, author): &(&str, Author)| ThreadComment {
            id: id.parse().unwrap(),
            author: author.clone(),
            body: words("This panics.", author.tier),
            created_at: START,
        };
        self.threads.retain(|thread| thread.id.as_str() != id);
        self.threads.push(Thread {
            id: id.parse().unwrap(),
            first: Some(101),
            resolved: false,
            resolved_by: None,
            outdated: false,
            path: "src/greet.rs".to_owned(),
            line: Some(12),
            original_line: Some(12),
            comments: comments.iter().map(comment).collect(),
        });
        self.threads.sort_by(|a, b| a.id.cmp(&b.id));
        self
    }

    fn resolved(mut self, id: &str) -> Self {
        self.threads.iter_mut().find(|thread| thread.id.as_str() == id).unwrap().resolved = true;
        self
    }

    fn mergeable(mut self, mergeability: Mergeability) -> Self {
        self.mergeability = mergeability;
        self
    }

    fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    fn draft(mut self) -> Self {
        self.draft = true;
        self
    }
}

/// Commit `letter` with the check `test` red.
pub(crate) fn red(letter: char) -> Snapshot {
    snapshot().head(letter).check("test", FAILED)
}

/// Commit `letter` with the check `test` green.
pub(crate) fn green(letter: char) -> Snapshot {
    snapshot().head(letter).check("test", PASSED)
}

/// Commit `letter` with the check `test` still running.
pub(crate) fn pending(letter: char) -> Snapshot {
    snapshot().head(letter).check("test", PENDING)
}

/// A check of this attempt of run 1; its job is new in each attempt.
pub(crate) fn attempt(number: u32, state: CheckState) -> Check {
    let job = JobRef { run: RunId(1), attempt: Attempt(number), job: JobId(u64::from(number)) };
    Check { job: Some(job), ..check("test", true, state) }
}

/// What is read of a failed check: its fingerprint is `cause`.
pub(crate) fn failure(check: &Check, cause: &str) -> Failure {
    Failure {
        check: check.name.clone(),
        job: check.job.map(|job| (job.run, job.attempt, job.job)),
        step: Some("cargo test".to_owned()),
        class: FailureClass::Unknown,
        fingerprint: Fingerprint(cause.to_owned()),
        log: None,
        findings: vec![Finding { file: None, line: None, message: cause.to_owned() }],
        tests: std::collections::BTreeSet::new(),
        url: None,
    }
}

/// A failure of the check `test` that was green later.
pub(crate) fn flip(cause: &str) -> Flip {
    let fingerprint = Fingerprint(cause.to_owned());
    Flip { check: "test".parse().unwrap(), fingerprint, tests: std::collections::BTreeSet::new() }
}

/// An open issue with the label that makes it work.
pub(crate) fn issue(number: IssueNumber) -> Issue {
    Issue {
        number,
        url: format!("https://github.com/octo-org/hello/issues/{number}"),
        author: person("ada"),
        open: true,
        title: words("Greetings are impersonal", Tier::Collaborator),
        slug: "greet".to_owned(),
        body: words("Please greet people by name.", Tier::Collaborator),
        labels: vec!["agent".to_owned()],
        assignees: Vec::new(),
        blockers: Vec::new(),
        updated_at: START,
    }
}

/// The hash by which a look tells that nothing changed.
pub(crate) fn hash(snapshot: &Snapshot) -> TextHash {
    TextHash::of(&serde_json::to_string(snapshot).unwrap())
}

/// Seconds since the beginning of the test.
pub(crate) fn since_start(at: Timestamp) -> f64 {
    at.duration_since(START).as_secs_f64()
}
