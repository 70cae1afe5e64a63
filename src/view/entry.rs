//! Entries of the log in words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Effect, List},
    event::{self, ActionOutcome, Event, LookFailure, Refusal, Seen},
    model::{CheckState, Lifecycle, MachineKey, Seq, Submission},
    text,
};

/// The longest words about one entry, in characters.
const DETAIL_CHARS_MAX: usize = 300;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// Its position.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Which machine: `pull/42/7`, `task/…`, `session/…`, `backlog/42`, `fleet`.
    pub machine: MachineKey,
    /// What happened, in two or three words.
    pub event: String,
    /// What is worth saying about it.
    pub detail: Option<String>,
    /// What caused it: a delivery, a wish, a hook, another machine, a deadline.
    pub cause: String,
    /// What was ordered then.
    pub effects: Vec<String>,
}

/// `GET /api/v1/tasks/{task}/log`: what happened to a task, its session and its pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    /// The task.
    pub task: String,
    /// The end of what its setup commands wrote, if there are any.
    pub setup: Option<String>,
    /// The newest entries, oldest first.
    pub entries: Vec<EntryView>,
}

impl EntryView {
    /// An entry in words: its place, its machine, its cause, and what was ordered then.
    #[must_use]
    pub fn new(place: (Seq, Timestamp), machine: MachineKey, cause: &str, event: &Event, effects: &[Effect]) -> Self {
        let (seq, at) = place;
        Self {
            seq,
            at,
            machine,
            event: event.name().to_owned(),
            detail: detail(event).map(|detail| short(&detail)),
            cause: short(cause),
            effects: effects.iter().map(|effect| short(&order(effect))).collect(),
        }
    }

    /// Whether it only says that somebody looked, or should.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        let looked = ["hinted", "observed", "unchanged", "probed", "deadline passed"];
        let orders = ["look", "look at repository", "probe"];
        looked.contains(&self.event.as_str()) && self.effects.iter().all(|effect| orders.contains(&effect.as_str()))
    }
}

fn short(words: &str) -> String {
    let clean = text::sanitise(words).text.replace('\n', " ⏎ ");
    match clean.char_indices().nth(DETAIL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

fn order(effect: &Effect) -> String {
    match effect {
        Effect::Tell { to, event } => format!("tell {to}: {}", event.name()),
        Effect::Act(act) => {
            let list = match act.list {
                List::Do => "do",
                List::Escalate => "escalate",
            };
            format!("{} of {}, step {} of `{list}`", effect.name(), act.rule, act.step + 1)
        }
        Effect::Launch { agent, generation, .. } => format!("{} {} (launch {generation})", effect.name(), agent.name),
        Effect::Prompt { prompt, .. } | Effect::SeekReceipt { prompt, .. } => format!("{} {prompt}", effect.name()),
        Effect::Answer { answer, .. } => format!("{} comment {}", effect.name(), answer.comment),
        Effect::Report { line, .. } => format!("{}: {line}", effect.name()),
        Effect::Look { .. }
        | Effect::Triage { .. }
        | Effect::LookRepository { .. }
        | Effect::Prepare { .. }
        | Effect::SetUp { .. }
        | Effect::OpenPull { .. }
        | Effect::RemoveWorkspace { .. }
        | Effect::RestoreWorkspace { .. }
        | Effect::PruneOutput { .. }
        | Effect::Dismiss { .. }
        | Effect::Meter { .. }
        | Effect::Stop { .. } => effect.name().to_owned(),
    }
}

fn detail(event: &Event) -> Option<String> {
    match event {
        Event::Pull(event) => of_pull(event),
        Event::Task(event) => of_task(event),
        Event::Session(event) => of_session(event),
        Event::Backlog(event) => of_backlog(event),
        Event::Fleet(event) => match event {
            event::Fleet::SlotWanted { task, .. } | event::Fleet::SlotReleased { task } => Some(task.to_string()),
            event::Fleet::AgentStarted { session }
            | event::Fleet::AgentExited { session, .. }
            | event::Fleet::AgentEnded { session } => Some(session.to_string()),
            event::Fleet::DeadlinePassed => None,
        },
    }
}

fn of_pull(event: &event::Pull) -> Option<String> {
    use event::Pull;
    match event {
        Pull::Observed { snapshot, .. } => {
            let lifecycle = match snapshot.lifecycle {
                Lifecycle::Open => "open",
                Lifecycle::Merged => "merged",
                Lifecycle::Closed => "closed",
            };
            let pending = |state| matches!(state, CheckState::Expected | CheckState::Pending);
            let pending = snapshot.checks.iter().filter(|check| pending(check.state)).count();
            let all = snapshot.checks.len();
            Some(format!("{lifecycle} at {}, {} of {all} checks finished", snapshot.head.sha.short(), all - pending))
        }
        Pull::LookFailed { why, .. } => Some(match why {
            LookFailure::NotFound => "GitHub does not know it".to_owned(),
            LookFailure::Forbidden(why) | LookFailure::Unavailable(why) => why.clone(),
        }),
        Pull::Triaged { head, failures, .. } => {
            let names: Vec<_> = failures.iter().map(|failure| failure.check.as_str()).collect();
            Some(format!("{} at {}", names.join(", "), head.short()))
        }
        Pull::Managed { task, .. } => Some(format!("by {task}")),
        Pull::PromptSubmitted { reference, .. } | Pull::PromptWithdrawn { reference } => {
            Some(format!("attempt {}", reference.attempt))
        }
        Pull::Acted { incident, outcome, .. } => Some(format!("{}: {}", incident.as_str(), of_outcome(outcome))),
        Pull::HeadTold { head, .. } => Some(head.short().to_owned()),
        Pull::Hinted { .. }
        | Pull::BaseMoved
        | Pull::RulesChanged
        | Pull::Unchanged { .. }
        | Pull::Released
        | Pull::TurnEnded { .. }
        | Pull::RetryWanted
        | Pull::DeadlinePassed => None,
        Pull::ClockJumped { seconds } => Some(of_jump(*seconds)),
    }
}

fn of_outcome(outcome: &ActionOutcome) -> String {
    match outcome {
        ActionOutcome::Done => "done".to_owned(),
        ActionOutcome::Dropped => "no longer wanted".to_owned(),
        ActionOutcome::Failed(why) => format!("failed: {why}"),
    }
}

fn of_task(event: &event::Task) -> Option<String> {
    use event::Task;
    match event {
        Task::Prepared { path, .. } => Some(path.clone()),
        Task::PreparationFailed { why }
        | Task::SetupFailed { why }
        | Task::OpenFailed { why, .. }
        | Task::WorkspaceKept { why }
        | Task::NotPruned { why }
        | Task::NotRestored { why } => Some(why.clone()),
        Task::WorkspaceRescued { rescue } => Some(format!("commit {}", rescue.commit.short())),
        Task::WorkspaceRestored { path } => Some(path.clone()),
        Task::OutputPruned { dirs, bytes } => Some(format!("{dirs} directories, {} MB", bytes / 1_000_000)),
        Task::PullOpened { number } => Some(format!("#{number}")),
        Task::Acted { outcome, .. } => Some(of_outcome(outcome)),
        Task::Claimed { .. }
        | Task::SetUp
        | Task::PromptSubmitted { .. }
        | Task::TurnEnded
        | Task::BranchPushed
        | Task::NothingPushed
        | Task::PullMerged
        | Task::PullClosed
        | Task::IssueClosed
        | Task::SessionEnded
        | Task::WorkspaceRemoved
        | Task::CleanWanted
        | Task::RestoreWanted
        | Task::PruneWanted
        | Task::StopWanted
        | Task::RetryWanted
        | Task::DeadlinePassed => None,
    }
}

fn of_session(event: &event::Session) -> Option<String> {
    use event::{Anew, Hook, Session};
    match event {
        Session::Wanted { agent, .. } => Some(format!("{} in {}", agent.name, agent.runtime)),
        Session::HandoffWanted { agent } => Some(agent.name.to_string()),
        Session::LaunchFailed { why, .. } => Some(why.clone()),
        Session::Launched { generation, .. } | Session::Stopped { generation } => Some(format!("launch {generation}")),
        Session::Used { usage, .. } => Some(super::usage::words(usage)),
        Session::PromptWanted { reference } => Some(format!("by {}, attempt {}", reference.from, reference.attempt)),
        Session::Composed { prompt, .. } | Session::Withdrawn { prompt, .. } | Session::TurnOver { prompt, .. } => {
            Some(prompt.to_string())
        }
        Session::Delivered { prompt, submission, channel } => Some(format!(
            "{prompt} by {}: {}",
            channel.as_str(),
            match submission {
                Submission::Untouched => "nothing typed",
                Submission::Placed => "typed, not entered",
                Submission::Submitted => "submitted",
                Submission::Indeterminate => "nobody can tell",
            }
        )),
        Session::Refused { prompt, why } => Some(match why {
            Refusal::Busy(why) | Refusal::Never(why) => format!("{prompt}: {why}"),
            Refusal::Gone => format!("{prompt}: there is no process to type to"),
        }),
        Session::Acknowledged { evidence } => Some(evidence.prompt.to_string()),
        Session::Hooked { hook, .. } => match hook {
            Hook::PromptTaken { evidence } => evidence.as_ref().map(|evidence| evidence.prompt.to_string()),
            Hook::TurnFailed { error } => Some(error.clone()),
            Hook::Started { .. } | Hook::TurnEnded | Hook::Waits | Hook::NeedsInput | Hook::Answered | Hook::Ended => {
                None
            }
        },
        Session::Probed { seen, .. } => match seen {
            Seen::Exited { code: Some(code) } => Some(format!("its process ended with code {code}")),
            Seen::Exited { code: None } => Some("its process ended".to_owned()),
            Seen::Gone => Some("there is no such process".to_owned()),
            Seen::Alive { .. } => None,
        },
        Session::Acted { outcome, .. } => Some(of_outcome(outcome)),
        Session::AnewWanted { how } => Some(match how {
            Anew::Resumed => "where it stopped".to_owned(),
            Anew::Fresh => "with a new conversation".to_owned(),
            Anew::Fallback => "with the fallback of the settings".to_owned(),
            Anew::With(agent) => agent.name.to_string(),
        }),
        Session::ClockJumped { seconds } => Some(of_jump(*seconds)),
        Session::ExitJudged { .. } | Session::EndWanted | Session::RestartWanted | Session::DeadlinePassed => None,
    }
}

fn of_jump(seconds: i64) -> String {
    let direction = if seconds < 0 { "back" } else { "on" };
    format!("{direction} by {} s, which nobody lived", seconds.unsigned_abs())
}

fn of_backlog(event: &event::Backlog) -> Option<String> {
    use event::Backlog;
    match event {
        Backlog::Observed { issues, pulls, .. } => {
            Some(format!("{} issues that may be worked on, {} open pull requests", issues.len(), pulls.len()))
        }
        Backlog::LookFailed { why } => Some(why.clone()),
        Backlog::RuleBroken { rule, why, .. } => Some(format!("{rule}: {why}")),
        Backlog::SlotGranted { task } | Backlog::SpawnWanted { task, .. } | Backlog::TaskEnded { task, .. } => {
            Some(task.to_string())
        }
        Backlog::Flipped { flips } => Some(format!("{} known to be flaky", flips.len())),
        Backlog::Unchanged { issues, .. } => Some(format!("{} issues that may be worked on", issues.len())),
        Backlog::Parked { why, .. } => Some(super::repository::parked(*why).to_owned()),
        Backlog::PullAwaited { number } | Backlog::PullReleased { number } => Some(format!("#{number}")),
        Backlog::Hinted { .. } | Backlog::Missed { .. } | Backlog::DeadlinePassed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RepoId;

    fn entry(event: impl Into<Event>, effects: &[Effect]) -> EntryView {
        let place = (Seq(7), "2026-01-01T12:00:00Z".parse().unwrap());
        EntryView::new(place, MachineKey::Backlog(RepoId(1)), "request/r1", &event.into(), effects)
    }

    #[test]
    fn an_entry_says_what_happened_and_what_was_ordered() {
        let wanted = event::Backlog::TaskEnded { task: "pages-1".parse().unwrap(), issue: None };
        let told = Effect::Tell { to: MachineKey::Fleet, event: event::Fleet::DeadlinePassed.into() };

        assert_eq!(
            entry(wanted, &[told]),
            EntryView {
                seq: Seq(7),
                at: "2026-01-01T12:00:00Z".parse().unwrap(),
                machine: MachineKey::Backlog(RepoId(1)),
                event: "task ended".to_owned(),
                detail: Some("pages-1".to_owned()),
                cause: "request/r1".to_owned(),
                effects: vec!["tell fleet: deadline passed".to_owned()],
            }
        );
    }

    #[test]
    fn words_from_outside_are_clean_and_short() {
        let why = format!("\u{202e}\x1b[31mred\x1b[m\nline {}", "x".repeat(1_000));

        let detail = entry(event::Backlog::LookFailed { why }, &[]).detail.unwrap();

        assert!(detail.starts_with("red ⏎ line xxx"), "{detail}");
        assert_eq!(detail.chars().count(), DETAIL_CHARS_MAX + 1);
    }

    #[test]
    fn an_entry_that_only_looks_is_routine() {
        let hinted = event::Backlog::Hinted { repo: RepoId(1) };
        assert!(entry(hinted, &[Effect::LookRepository { repo: RepoId(1), known: None }]).is_routine());
        assert!(
            entry(event::Backlog::DeadlinePassed, &[Effect::LookRepository { repo: RepoId(1), known: None }])
                .is_routine()
        );
        let told = Effect::Tell { to: MachineKey::Fleet, event: event::Fleet::DeadlinePassed.into() };
        assert!(!entry(event::Backlog::DeadlinePassed, &[told]).is_routine());
        assert!(!entry(event::Backlog::LookFailed { why: "x".to_owned() }, &[]).is_routine());
    }
}
