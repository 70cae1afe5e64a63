//! What needs a person, the most urgent first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Overview, PullPhase, SessionPhase, TaskPhase, pull};

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// How urgent it is.
    pub severity: Severity,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What it is about: `owner/name#12`, a task or a session.
    pub subject: String,
    /// What is the matter.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// How urgent a need is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Work stands still until somebody comes.
    Urgent,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Note,
}

pub(super) fn needs(view: &Overview) -> Vec<Need> {
    let mut needs = Vec::new();
    for pull in &view.pulls {
        let subject = format!("{}#{}", pull.repo, pull.number);
        if pull.phase == PullPhase::NeedsHuman {
            let kinds: Vec<_> = pull.incidents.iter().map(|incident| pull::name(incident.kind)).collect();
            needs.push(Need {
                severity: Severity::Urgent,
                since: pull.incidents.iter().map(|incident| incident.since).min(),
                what: format!("{} — {}", kinds.join(", "), pull.why),
                hint: format!("look at {} ; then `antiphon retry {subject}`", pull.url),
                subject: subject.clone(),
            });
        }
        if pull.withheld > 0 && pull.task.is_some() && !matches!(pull.phase, PullPhase::Merged | PullPhase::Closed) {
            needs.push(Need {
                severity: Severity::Note,
                since: None,
                subject,
                what: format!("{} withheld: their authors may not write to the repository", pull.withheld),
                hint: "repeat in your own words what the agent should hear".to_owned(),
            });
        }
    }
    needs.extend(view.sessions.iter().filter_map(of_session));
    needs.extend(view.tasks.iter().filter_map(of_task));
    needs.extend(view.repositories.iter().filter_map(of_repository));
    for repository in &view.repositories {
        needs.extend(repository.broken_rules.iter().map(|rule| of_rule(&repository.name, rule)));
    }
    needs.sort();
    needs
}

fn of_rule(repository: &str, rule: &super::BrokenRule) -> Need {
    Need {
        severity: Severity::Warning,
        since: Some(rule.since),
        subject: repository.to_owned(),
        what: format!("the rule {} cannot be evaluated: {}", rule.name, rule.why),
        hint: "put it right and run `antiphon reactions check`; until then the shipped rule answers".to_owned(),
    }
}

fn of_session(session: &super::SessionView) -> Option<Need> {
    let (severity, what) = match session.phase {
        SessionPhase::NeedsInput => (Severity::Urgent, "the agent waits for an answer in its terminal".to_owned()),
        SessionPhase::Exited => (Severity::Warning, session.trouble.clone().unwrap_or_default()),
        SessionPhase::Starting | SessionPhase::Idle | SessionPhase::Working => {
            (Severity::Warning, session.trouble.clone()?)
        }
        SessionPhase::Launching | SessionPhase::Stopping | SessionPhase::Ended => return None,
    };
    Some(Need {
        severity,
        since: session.since,
        subject: session.session.clone(),
        what,
        hint: format!("`antiphon attach {}`", session.session),
    })
}

fn of_task(task: &super::TaskView) -> Option<Need> {
    let (severity, hint) = match task.phase {
        TaskPhase::Failed => (Severity::Urgent, format!("`antiphon retry {}`", task.task)),
        TaskPhase::SettingUp => {
            (Severity::Warning, format!("it is tried again; `antiphon retry {}` does not wait", task.task))
        }
        TaskPhase::Preparing | TaskPhase::Working | TaskPhase::NoChange => {
            (Severity::Warning, format!("`antiphon logs {}` or `antiphon send {} TEXT`", task.task, task.task))
        }
        TaskPhase::Done | TaskPhase::Abandoned => (
            Severity::Note,
            format!("look into its workspace; `antiphon gc {}` removes it and keeps what it holds", task.task),
        ),
        TaskPhase::Queued | TaskPhase::InReview | TaskPhase::Closing => return None,
    };
    Some(Need { severity, since: task.since, subject: task.task.clone(), what: task.trouble.clone()?, hint })
}

fn of_repository(repository: &super::RepositoryView) -> Option<Need> {
    let need = |severity, since, what: String, hint: &str| {
        Some(Need { severity, since, subject: repository.name.clone(), what, hint: hint.to_owned() })
    };
    if let Some(why) = &repository.parked {
        let hint = "bring it back on GitHub, or take it out of the settings";
        return need(Severity::Warning, None, format!("nothing is done in it: {why}"), hint);
    }
    let what = "webhooks have stopped arriving; GitHub is asked every minute or so for agents that wait".to_owned();
    let hint = "look at \"Recent Deliveries\" of the webhook in the repository's settings on GitHub";
    need(Severity::Warning, Some(repository.silent_since?), what, hint)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        event::{Hook, Session},
        machine::{Rulebook, testing::*},
        model::ReviewState::Approved,
        view::overview,
    };

    fn seen(one: &One) -> Overview {
        let rules = Rulebook::new([(REPO, Arc::new(one.rules.clone()))].into());
        overview(&[(one.key.clone(), one.state.clone().unwrap())], &rules, &BTreeMap::new(), one.at)
    }

    fn needed(one: &One) -> Vec<String> {
        seen(one).needs.into_iter().map(|need| need.what).collect()
    }

    // S83
    #[test]
    fn an_agent_that_has_its_answer_needs_nobody_any_more() {
        let mut desk = Desk::idle(rules());
        desk.feed(Session::Hooked { generation: desk.generation(), hook: Hook::NeedsInput });
        assert_eq!(needed(&desk.one), ["the agent waits for an answer in its terminal"]);

        desk.feed(Session::Hooked { generation: desk.generation(), hook: Hook::PromptTaken { evidence: None } });

        assert_eq!(needed(&desk.one), [""; 0]);
    }

    // S83
    #[test]
    fn what_is_no_longer_ready_to_merge_is_not_shown_as_ready() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').review(person("ada"), Approved));
        pr.pass(mins(2));
        assert_eq!(seen(&pr.one).pulls[0].phase, PullPhase::Ready);

        pr.shows(red('a').review(person("ada"), Approved));

        assert_eq!(seen(&pr.one).pulls[0].phase, PullPhase::Repairing);
    }
}
