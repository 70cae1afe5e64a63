//! What the daemon noted, as lines of the account. Pure.

use super::line::{Line, Tone, Who};
use crate::{
    effect::{Act, List},
    event::{self, Hook},
    journal::Entry,
    machine,
    model::{Branch, Channel, CheckState, Conclusion, Evidence, IncidentKind, ReviewState, Snapshot, Submission, Tier},
    reaction::{self, Action},
};

/// Lines of a prompt that are shown.
const EXCERPT_LINES: usize = 5;
/// Letters of a receipt that are shown.
const QUOTE_LETTERS: usize = 52;

/// What was told of a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    head: String,
    red: Vec<String>,
    green: bool,
    approved: Vec<String>,
    withheld: u32,
}

impl Seen {
    /// What a look found.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let fails = |state| matches!(state, CheckState::Finished(conclusion) if !passes(conclusion));
        let red = snapshot.checks.iter().filter(|check| fails(check.state));
        let green = |state| matches!(state, CheckState::Finished(conclusion) if passes(conclusion));
        let approved = snapshot.reviews.iter().filter(|review| review.state == ReviewState::Approved);
        Self {
            head: snapshot.head.sha.to_string(),
            red: red.map(|check| check.name.to_string()).collect(),
            green: !snapshot.checks.is_empty() && snapshot.checks.iter().all(|check| green(check.state)),
            approved: approved.map(|review| review.author.login.to_string()).collect(),
            withheld: machine::reviews_of::withheld(snapshot),
        }
    }
}

const fn passes(conclusion: Conclusion) -> bool {
    matches!(conclusion, Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped)
}

/// A deed of the daemon.
pub(super) fn antiphon(entry: &Entry, kind: &'static str, what: impl AsRef<str>) -> Line {
    Line::new(entry.at, Who::Antiphon, kind, what).with("seq", entry.seq.0)
}

/// What a look found that the one before had not.
pub(super) fn observed(entry: &Entry, snapshot: &Snapshot, (before, now): (&Seen, &Seen)) -> Vec<Line> {
    let mut lines = Vec::new();
    let (head, number) = (snapshot.head.sha.short(), snapshot.number);
    let looks = |kind, what: String| {
        antiphon(entry, kind, format!("looks at #{number}: {what}")).with("pull", number.0).with("head", head)
    };
    let same_head = before.head == now.head;
    let is_told = same_head && before.red == now.red;
    if !now.red.is_empty() && !is_told {
        let line = looks("seen-red", format!("check `{}` is red at {head}", now.red.join("`, `")));
        lines.push(line.because("a webhook only says where to look; what is true, GitHub is asked"));
    }
    if now.green && !(same_head && before.green) {
        let line = looks("seen-green", format!("every check is green at {head}"));
        lines.push(line.because("it counts once nothing starts or changes for a while"));
    }
    if now.withheld > before.withheld {
        let who = strangers(snapshot).join(", @");
        let line = antiphon(entry, "withheld", format!("withholds {} texts of @{who} from the agent", now.withheld));
        let line = line.because("whoever may not write to the repository does not steer its agents");
        lines.push(line.meant(Tone::Good).with("withheld", now.withheld));
    }
    if now.approved.iter().any(|login| !before.approved.contains(login)) {
        lines.push(looks("seen-approved", format!("approved by @{}", now.approved.join(", @"))));
    }
    lines
}

fn strangers(snapshot: &Snapshot) -> Vec<String> {
    let reviewers = snapshot.reviews.iter().map(|review| &review.author);
    let commenters = snapshot.threads.iter().flat_map(|thread| &thread.comments).map(|comment| &comment.author);
    let strangers = reviewers.chain(commenters).filter(|author| !author.own && author.tier < Tier::Collaborator);
    let mut logins: Vec<String> = strangers.map(|author| author.login.to_string()).collect();
    logins.sort();
    logins.dedup();
    logins
}

/// What happened to a pull request, besides being looked at.
pub(super) fn of_pull(entry: &Entry, event: &event::Pull) -> Option<Line> {
    if let event::Pull::Triaged { failures, head, .. } = event {
        let steps: Vec<String> = failures
            .iter()
            .map(|failure| match &failure.step {
                Some(step) => format!("{} › {step}", failure.check),
                None => failure.check.to_string(),
            })
            .collect();
        let found = failures.iter().flat_map(|failure| &failure.findings).map(|found| found.message.as_str());
        let line = antiphon(entry, "triaged", format!("reads the log of {}", steps.join(", ")));
        return Some(line.quoting(found.take(3)).with("head", head.as_str()));
    }
    if let event::Pull::Managed { task, .. } = event {
        let line = antiphon(entry, "managed", format!("takes the pull request into the care of {task}"));
        return Some(line.because("its branch is that task's; rules act on no other pull request").meant(Tone::Quiet));
    }
    if let event::Pull::Acted { incident, outcome: event::ActionOutcome::Failed(why), .. } = event {
        let line = antiphon(entry, "action-failed", format!("an action on {} failed", incident.as_str()));
        return Some(line.because(why).meant(Tone::Bad));
    }
    if let event::Pull::LookFailed { why, .. } = event {
        let line = antiphon(entry, "look-failed", "could not look at the pull request");
        return Some(line.because(format!("{why:?}")).meant(Tone::Bad));
    }
    None
}

/// What happened to the repository.
pub(super) fn of_backlog(entry: &Entry, event: &event::Backlog) -> Option<Line> {
    let event::Backlog::LookFailed { why } = event else { return None };
    Some(antiphon(entry, "look-failed", "could not look at the repository").because(why).meant(Tone::Bad))
}

/// What happened to a piece of work.
pub(super) fn of_task(entry: &Entry, event: &event::Task) -> Option<Line> {
    use event::Task::{Claimed, OpenFailed, PreparationFailed, Prepared, SetupFailed, WorkspaceKept, WorkspaceRemoved};
    let line = if let Claimed { task, work, .. } = event {
        let work = match work {
            event::Work::Issue(issue) => format!("issue #{}", issue.number),
            event::Work::Text { .. } => "a text".to_owned(),
            event::Work::Adopted { number, .. } => format!("pull request #{number}"),
        };
        antiphon(entry, "claimed", format!("takes {work} as task {task}"))
            .because("the label says so, nothing blocks it, and a slot is free")
            .with("task", task.to_string())
    } else if let Prepared { base, path, .. } = event {
        antiphon(entry, "prepared", format!("makes a git worktree for it, on top of {}", base.short()))
            .with("path", path.as_str())
    } else if let PreparationFailed { why } | SetupFailed { why } | OpenFailed { why, .. } = event {
        antiphon(entry, "failed", event.name()).because(why).meant(Tone::Bad)
    } else if let WorkspaceKept { why } = event {
        antiphon(entry, "workspace-kept", "keeps the worktree").because(why).meant(Tone::Bad)
    } else if matches!(event, WorkspaceRemoved) {
        antiphon(entry, "workspace-removed", "removes the worktree")
            .because("the work is merged, and nothing in there exists nowhere else")
    } else {
        return None;
    };
    Some(line)
}

/// What happened to an agent, besides a prompt that was composed.
pub(super) fn of_session(entry: &Entry, event: &event::Session) -> Option<Line> {
    use event::Session::{Acknowledged, Delivered, Hooked, LaunchFailed, Launched, Refused, Stopped, Withdrawn};
    if let Launched { .. } = event {
        return Some(antiphon(entry, "launched", "starts the agent there, in a terminal of its own"));
    }
    if let Stopped { .. } = event {
        return Some(antiphon(entry, "stopped", "ends the agent").because("its task is done"));
    }
    if let LaunchFailed { why, .. } = event {
        return Some(antiphon(entry, "failed", "the agent cannot be started").because(why).meant(Tone::Bad));
    }
    if let Delivered { prompt, submission, channel } = event {
        return Some(delivered(entry, *submission, *channel).with("prompt", prompt.to_string()));
    }
    if let Refused { prompt, why } = event {
        let (why, tone) = match why {
            event::Refusal::Busy(why) => (why.as_str(), Tone::Quiet),
            event::Refusal::Gone => ("there is nobody to type to", Tone::Bad),
            event::Refusal::Never(why) => (why.as_str(), Tone::Bad),
        };
        return Some(antiphon(entry, "prompt-refused", format!("holds prompt {prompt} back")).because(why).meant(tone));
    }
    if let Withdrawn { prompt, .. } = event {
        let line = antiphon(entry, "prompt-withdrawn", format!("withdraws prompt {prompt}"));
        return Some(line.because("its cause is gone"));
    }
    if let Acknowledged { evidence } | Hooked { hook: Hook::PromptTaken { evidence: Some(evidence) }, .. } = event {
        return Some(acknowledged(entry, evidence));
    }
    if let Hooked { hook, .. } = event { hooked(entry, hook) } else { None }
}

fn delivered(entry: &Entry, submission: Submission, channel: Channel) -> Line {
    let handed = match channel {
        Channel::Inbox => "hands it to the agent's hook",
        Channel::Queue => "puts it into the agent's queue",
        Channel::Terminal => "types it into that terminal, and presses Enter",
    };
    let (kind, what, tone) = match submission {
        Submission::Submitted => ("prompt-submitted", handed, Tone::Plain),
        Submission::Indeterminate => ("prompt-indeterminate", "cannot tell whether it was typed", Tone::Bad),
        Submission::Placed => ("prompt-placed", "typed it, but did not press Enter", Tone::Bad),
        Submission::Untouched => ("prompt-untouched", "typed nothing of it", Tone::Bad),
    };
    antiphon(entry, kind, what).meant(tone)
}

fn acknowledged(entry: &Entry, evidence: &Evidence) -> Line {
    let receipt = format!("{:?}", evidence.receipt).to_lowercase();
    let quote = evidence.quote.lines().next().unwrap_or_default();
    let mut shown: String = quote.chars().take(QUOTE_LETTERS).collect();
    if shown.len() < quote.len() {
        shown.push('…');
    }
    Line::new(
        entry.at,
        Who::Agent,
        "prompt-acknowledged",
        format!("has prompt {}; its {receipt} quotes", evidence.prompt),
    )
    .quoting([shown.as_str()])
    .meant(Tone::Good)
    .with("prompt", evidence.prompt.to_string())
    .with("receipt", receipt)
}

fn hooked(entry: &Entry, hook: &Hook) -> Option<Line> {
    let agent = |kind, what: &str| Line::new(entry.at, Who::Agent, kind, what);
    match hook {
        Hook::TurnEnded => Some(agent("turn-ended", "ends its turn").meant(Tone::Quiet)),
        Hook::TurnFailed { error } => Some(agent("turn-failed", "cannot go on").because(error).meant(Tone::Bad)),
        Hook::NeedsInput => Some(agent("needs-input", "waits for a person").meant(Tone::Bad)),
        Hook::Started { .. } | Hook::PromptTaken { .. } | Hook::Waits | Hook::Answered | Hook::Ended => None,
    }
}

/// A rule acts on something else than the agent.
pub(super) fn acts(entry: &Entry, act: &Act, rules: Option<&reaction::Rules>) -> Line {
    let rule = rules.and_then(|rules| rules.get(&act.rule));
    let steps = rule.map(|rule| match act.list {
        List::Do => rule.actions.as_slice(),
        List::Escalate => rule.escalate.as_ref().map_or(&[][..], |escalation| &escalation.actions),
    });
    let step = steps.zip(usize::try_from(act.step).ok()).and_then(|(steps, step)| steps.get(step));
    let what = step.map_or("acts", |step| deed(&step.action));
    let tone = match act.list {
        List::Do => Tone::Plain,
        List::Escalate => Tone::Bad,
    };
    let kind = match act.list {
        List::Do => "action",
        List::Escalate => "escalation",
    };
    antiphon(entry, kind, what)
        .because(format!("{} (rule {})", meaning(act.incident), act.rule))
        .meant(tone)
        .with("rule", act.rule.to_string())
        .with("incident", act.incident.as_str())
}

const fn deed(action: &Action) -> &'static str {
    match action {
        Action::Spawn(_) | Action::Restart { .. } => "starts the agent",
        Action::Handoff(_) => "lets another agent go on",
        Action::Prompt(_) => "speaks to the agent",
        Action::OpenPull => "opens a pull request",
        Action::Rerun => "runs failed jobs again",
        Action::Comment(_) => "comments",
        Action::Reply(_) => "replies in a review thread",
        Action::Resolve => "resolves a review thread",
        Action::Label(_) => "sets a label",
        Action::Notify { .. } => "tells people",
        Action::Merge => "merges",
        Action::UpdateBranch => "merges the base into the branch",
    }
}

/// A turn has ended: the pull request is opened, if there is something to open it for.
pub(super) fn opens(entry: &Entry, branch: &Branch) -> Line {
    let line = antiphon(entry, "open-pull", format!("opens the pull request of {branch}"));
    line.because("the agent's turn has ended, and its branch has new commits on GitHub")
}

/// What an incident means.
pub(super) const fn meaning(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::ChecksFailed => "a required check is red on the newest commit",
        IncidentKind::ChecksMissing => "a required check gives no verdict by itself",
        IncidentKind::ChangesRequested => "somebody who may write asked for a change",
        IncidentKind::Conflict => "the branch conflicts with its base",
        IncidentKind::BehindBase => "the base has moved, and demands to be merged into the branch first",
        IncidentKind::BotReview => "a review bot asks for changes",
        IncidentKind::LoopStopped => "much was done and no person has said anything meanwhile",
        IncidentKind::MergeQueueEjected => "the merge queue threw it out",
        IncidentKind::ApprovedAndGreen => "it is approved, green for long enough, and without conflict",
        IncidentKind::AgentStuck => "the agent shows no sign of life",
        IncidentKind::AgentExited => "the agent's process has ended",
        IncidentKind::AgentNeedsInput => "the agent waits for a person",
        IncidentKind::AgentLooping => "the agent goes round in circles",
        IncidentKind::AgentsLost => "many agents ended at once",
        IncidentKind::NoChange => "the agent ended its turn without a commit",
        IncidentKind::SetupFailed => "the workspace could not be made ready",
        IncidentKind::IssueReady => "the issue may be worked on",
        IncidentKind::RuleBroken => "a rule cannot be evaluated",
    }
}

/// The beginning of a prompt, and the lines that say what is asked for.
pub(super) fn excerpt(words: &str) -> Vec<String> {
    let asks = ["expected \"", " use \"", "with the line:"];
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().map(|line| match line.ends_with(['.', ':', '!']) {
        true => line.to_owned(),
        false => format!("{line} …"),
    });
    let telling = lines.filter(|line| asks.iter().any(|it| line.contains(it))).map(ToOwned::to_owned);
    first.into_iter().chain(telling).take(EXCERPT_LINES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_what_is_asked_for() {
        let words = "[antiphon:x] CI is red,\nand data follows.\n\na:1: expected \"A\", found \"B\"\n\nFix it.";

        assert_eq!(excerpt(words), ["[antiphon:x] CI is red, …", "a:1: expected \"A\", found \"B\""]);
    }
}
