//! What happened on the simulated GitHub, as lines of the account.

use jiff::Timestamp;

use super::{
    super::sandbox::OWN_LOGIN,
    line::{Line, Tone, Who},
    stage::BASE,
};
use crate::{
    simulator::{Conclusion, Happened, LineComment, Verdict},
    text,
};

/// The kind of line of which several in a row are told as one.
pub(super) const WEBHOOKS: &str = "webhooks";

/// A line, if it is worth one.
pub(super) fn line(happened: &Happened, at: Timestamp) -> Option<Line> {
    let person = |actor: &str, kind, what: String| match actor {
        OWN_LOGIN => Line::new(at, Who::Antiphon, kind, what),
        login => Line::new(at, Who::Person(text::sanitise(login).text), kind, what),
    };
    let github = |kind, what: String| Line::new(at, Who::GitHub, kind, what);
    let line = match happened {
        Happened::IssueOpened { number, actor, title, .. } => {
            person(actor, "issue-opened", format!("opens issue #{number} “{title}”")).with("issue", *number)
        }
        Happened::PullOpened { number, actor, head, title, .. } => {
            github("pull-opened", format!("pull request #{number} “{title}” is open, by @{actor}, at {}", short(head)))
                .with("pull", *number)
                .with("head", head.as_str())
        }
        // What a merge does to the base is told with the merge.
        Happened::BranchPushed { branch, .. } if branch == BASE => return None,
        Happened::BranchPushed { branch, after, before, .. } => {
            let new = if before.is_none() { "the new branch " } else { "" };
            github("pushed", format!("receives a push: {new}{branch} is at {}", short(after)))
                .with("branch", branch.as_str())
                .with("head", after.as_str())
        }
        Happened::CheckStarted { sha, number, .. } => {
            github("check-started", format!("CI runs the repository's own test.sh at {}", short(sha)))
                .meant(Tone::Quiet)
                .with("pull", *number)
                .with("head", sha.as_str())
        }
        Happened::CheckFinished { sha, number, conclusion, .. } => finished(at, sha, *conclusion).with("pull", *number),
        Happened::Reviewed { actor, verdict, body, comments, number, .. } => {
            let line = person(actor, "reviewed", format!("{} #{number}", judgement(*verdict)));
            reviewed(line, body, comments).with("pull", *number)
        }
        Happened::PullMerged { number, actor, sha, .. } => {
            github("merged", format!("pull request #{number} is merged by @{actor}: main is at {}", short(sha)))
                .meant(Tone::Good)
                .with("pull", *number)
                .with("head", sha.as_str())
        }
        Happened::IssueClosed { number, .. } => {
            github("issue-closed", format!("issue #{number} is closed")).meant(Tone::Quiet).with("issue", *number)
        }
        Happened::Labeled { number, label, actor, .. } => {
            person(actor, "labeled", format!("labels #{number} `{label}`")).with("number", *number)
        }
        Happened::Commented { number, actor, body, .. } => {
            person(actor, "commented", format!("comments on #{number}")).quoting(body.lines()).with("number", *number)
        }
        Happened::PullClosed { number, actor, .. } => {
            person(actor, "pull-closed", format!("closes pull request #{number}")).meant(Tone::Bad)
        }
        Happened::Delivered { event, .. } => delivered(at, event),
        Happened::NotDelivered { event, status, .. } => not_delivered(at, event, *status),
        Happened::RepositoryCreated { .. }
        | Happened::IssueReopened { .. }
        | Happened::Unlabeled { .. }
        | Happened::CommentEdited { .. }
        | Happened::Reacted { .. }
        | Happened::BranchDeleted { .. }
        | Happened::PullEdited { .. }
        | Happened::PullSynchronized { .. }
        | Happened::PullReopened { .. }
        | Happened::ThreadReplied { .. }
        | Happened::ThreadResolved { .. }
        | Happened::MergeabilityComputed { .. }
        | Happened::CheckReported { .. }
        | Happened::StatusReported { .. } => return None,
    };
    Some(line)
}

/// Takes a second webhook into the line of the first.
pub(super) fn join(line: &mut Line, next: &Line) {
    let events = |line: &Line| line.facts.get("events").and_then(|it| it.as_array().cloned()).unwrap_or_default();
    let all: Vec<_> = events(line).into_iter().chain(events(next)).collect();
    let mut names: Vec<&str> = all.iter().filter_map(|it| it.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    line.what = format!("sends {} webhooks: {}", all.len(), names.join(", "));
    line.facts.insert("events".to_owned(), all.into());
}

fn delivered(at: Timestamp, event: &str) -> Line {
    let line = Line::new(at, Who::GitHub, WEBHOOKS, format!("sends webhook {event}"));
    line.meant(Tone::Quiet).with("events", vec![event])
}

fn not_delivered(at: Timestamp, event: &str, status: u16) -> Line {
    let answer = if status == 0 { "nobody answers".to_owned() } else { format!("the answer is {status}") };
    Line::new(at, Who::GitHub, "webhook-failed", format!("webhook {event} does not arrive: {answer}"))
        .because("the delivery log keeps it, and it can be delivered again")
        .meant(Tone::Bad)
        .with("event", event)
}

fn finished(at: Timestamp, sha: &str, conclusion: Conclusion) -> Line {
    let (colour, tone) = match conclusion {
        Conclusion::Success => ("green", Tone::Good),
        Conclusion::Failure | Conclusion::TimedOut => ("red", Tone::Bad),
        Conclusion::Cancelled => ("cancelled", Tone::Quiet),
    };
    Line::new(at, Who::GitHub, "check-finished", format!("CI is {colour} at {}", short(sha)))
        .meant(tone)
        .with("head", sha)
        .with("conclusion", conclusion.name())
}

fn reviewed(line: Line, body: &str, comments: &[LineComment]) -> Line {
    let mut line = line.quoting(Some(body).filter(|body| !body.is_empty()));
    for comment in comments {
        line = line.quoting([format!("{}:{}: {}", comment.path, comment.line, comment.body).as_str()]);
    }
    line
}

const fn judgement(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approves",
        Verdict::RequestChanges => "asks for a change of",
        Verdict::Comment => "comments on",
        Verdict::Dismissed => "takes a review back from",
    }
}

/// The first digits of a SHA.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}
