//! The one line that says on the newest commit what Antiphon is doing about the pull request.
//!
//! It follows from the state alone, holds no word from outside and no time, and is written when it has changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, Rules, State};
use crate::{
    effect::Effect,
    machine::incident::{Incident, Stage},
    model::{IncidentKind, Mergeability, Sha},
};

/// No commit gets more lines than this: GitHub is no log.
const LINES_MAX: u32 = 20;

/// What was said on a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    head: Sha,
    line: String,
    /// How many lines this commit got.
    lines: u32,
    /// When it got the last.
    at: Timestamp,
}

impl State {
    /// Whether this is what is to be said now.
    #[must_use]
    pub fn reports(&self, head: &Sha, line: &str) -> bool {
        self.report.as_ref().is_some_and(|report| report.head == *head && report.line == line)
    }

    pub(super) fn tick_report(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(due) = self.report_at(now.rules).filter(|due| due.is_none_or(|at| at <= now.at)) else { return };
        let (Some(head), Some(line)) = (self.head().cloned(), self.line()) else { return };
        // The count goes on only for the commit that it belongs to.
        let lines = self.report.as_ref().filter(|_| due.is_some()).map_or(1, |report| report.lines + 1);
        self.report = Some(Report { head: head.clone(), line: line.clone(), lines, at: now.at });
        effects.push(Effect::Report { repo: self.repo, number: self.number, head, line });
    }

    /// When the next line is due, if one is: at once (`None` inside) on a commit that has none, else a little after the last
    /// one, for what happens in between is soon over.
    pub(super) fn report_at(&self, rules: &Rules) -> Option<Option<Timestamp>> {
        if !rules.report || self.managed.is_none() || !self.is_open() || self.told.is_some() {
            return None;
        }
        let line = self.line()?;
        match self.report.as_ref().filter(|report| Some(&report.head) == self.head()) {
            None => Some(None),
            Some(report) if report.line == line || report.lines >= LINES_MAX => None,
            Some(report) => Some(Some(report.at + rules.pace.look_interval)),
        }
    }

    /// What Antiphon is doing, in at most 140 characters, which is what a commit status takes.
    fn line(&self) -> Option<String> {
        let snapshot = self.snapshot.as_ref()?;
        if self.paused.is_some() {
            return Some("Paused by a person".to_owned());
        }
        let open = || self.incidents.iter().filter(|(kind, _)| **kind != IncidentKind::ApprovedAndGreen);
        let with_people = open().find(|(kind, incident)| needs_people(**kind, incident));
        let under_way = open().find(|(_, incident)| !matches!(incident.stage, Stage::Resting));
        let said = with_people.or(under_way).or_else(|| open().next());
        Some(match said {
            Some((IncidentKind::LoopStopped, _)) => "Stopped itself: a person is needed".to_owned(),
            Some((kind, incident)) => format!("{}: {}", what(*kind), doing(incident)),
            None if snapshot.draft => "Watching a draft".to_owned(),
            None if snapshot.mergeability == Mergeability::Conflicting => {
                "Watching: it conflicts with its base".to_owned()
            }
            None if self.green.is_none() => "Watching: checks have not finished".to_owned(),
            None if self.is_approved(snapshot) => "Approved and green".to_owned(),
            None => "Green; waiting for a review".to_owned(),
        })
    }
}

fn needs_people(kind: IncidentKind, incident: &Incident) -> bool {
    kind == IncidentKind::LoopStopped || incident.is_with_people() || matches!(incident.stage, Stage::Unanswered)
}

const fn what(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::ChecksFailed => "Checks fail",
        IncidentKind::ChecksMissing => "Checks give no verdict",
        IncidentKind::ChangesRequested => "Changes requested",
        IncidentKind::BotReview => "A review bot asks",
        IncidentKind::Conflict => "Conflict with the base",
        IncidentKind::BehindBase => "Behind the base",
        IncidentKind::MergeQueueEjected => "Thrown out of the merge queue",
        IncidentKind::LoopStopped => "Stopped itself",
        IncidentKind::ApprovedAndGreen => "Approved and green",
        IncidentKind::AgentStuck
        | IncidentKind::AgentExited
        | IncidentKind::AgentNeedsInput
        | IncidentKind::AgentLooping
        | IncidentKind::AgentsLost
        | IncidentKind::NoChange
        | IncidentKind::SetupFailed
        | IncidentKind::IssueReady
        | IncidentKind::RuleBroken => "Trouble",
    }
}

fn doing(incident: &Incident) -> String {
    let attempts = incident.plan.as_ref().map(|plan| format!(" (attempt {} of {})", incident.total, plan.attempts_max));
    let attempts = attempts.filter(|_| incident.total.0 > 0).unwrap_or_default();
    match &incident.stage {
        Stage::Settling { .. } | Stage::Acting { .. } => "the agent is told next".to_owned(),
        Stage::Answering { turn_ended_at: None, .. } => format!("the agent works on it{attempts}"),
        Stage::Answering { turn_ended_at: Some(_), .. } => format!("the agent has answered{attempts}"),
        Stage::BackingOff { .. } => format!("the next attempt waits{attempts}"),
        Stage::Rerunning => "failed jobs run again".to_owned(),
        Stage::Resting => "somebody else has to move".to_owned(),
        Stage::Escalating { .. } | Stage::Escalated { .. } | Stage::Unanswered => "a person is needed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::testing::{Pr, Sketch as _, green, mins, pending, person, red, rules, secs, shown},
        model::ReviewState::{Approved, ChangesRequested},
    };

    fn reporting() -> Pr {
        Pr::managed(Rules { report: true, ..rules() })
    }

    fn reports(said: Vec<String>) -> Vec<String> {
        said.into_iter().filter(|said| said.starts_with("report")).collect()
    }

    #[test]
    fn each_head_is_told_what_is_done_when_that_changes() {
        let mut pr = reporting();
        let begun: Vec<_> = pr.one.effects.iter().filter(|it| matches!(it, Effect::Report { .. })).cloned().collect();
        assert_eq!(shown(&begun), ["report on a: Watching: checks have not finished"]);

        assert_eq!(reports(pr.shows(pending('a'))), [""; 0]);
        pr.pass(mins(1));
        assert_eq!(reports(pr.shows(red('a'))), ["report on a: Checks fail: the agent is told next"]);
        pr.pass(secs(20));
        let working = ["report on a: Checks fail: the agent works on it (attempt 1 of 3)"];
        assert_eq!(reports(pr.submitted(IncidentKind::ChecksFailed)), working);
        pr.pass(secs(6));
        assert_eq!(
            reports(pr.shows(pending('b'))),
            ["report on b: Checks fail: the agent works on it (attempt 1 of 3)"]
        );
        pr.shows(green('b'));
        assert_eq!(reports(pr.pass(mins(2))), ["report on b: Green; waiting for a review"]);
        assert_eq!(reports(pr.shows(green('b').review(person("ada"), Approved))), ["report on b: Approved and green"]);
    }

    #[test]
    fn what_is_over_within_seconds_is_not_said() {
        let mut pr = reporting();
        pr.shows(pending('a').review(person("ada"), ChangesRequested));
        pr.pass(secs(4));
        pr.shows(pending('a').review(person("ada"), Approved));

        assert_eq!(reports(pr.pass(secs(10))), [""; 0]);
    }

    #[test]
    fn no_commit_gets_more_than_twenty_lines() {
        let mut pr = reporting();
        let mut said = Vec::new();
        for _ in 0..50 {
            said.extend(reports(pr.shows(green('a').review(person("ada"), ChangesRequested))));
            said.extend(reports(pr.pass(secs(6))));
            said.extend(reports(pr.shows(green('a').review(person("ada"), Approved))));
            said.extend(reports(pr.pass(secs(6))));
        }

        assert_eq!(said.len(), 19, "one was said when it began");
        assert_eq!(reports(pr.shows(pending('b'))), ["report on b: Watching: checks have not finished"]);
    }

    #[test]
    fn a_pull_request_that_is_not_managed_and_one_of_a_silent_repository_are_left_alone() {
        let mut silent = Pr::shipped();
        let mut observed = Pr::unmanaged(Rules { report: true, ..rules() });

        assert_eq!(reports(silent.shows(red('a'))), [""; 0]);
        assert_eq!(reports(observed.shows(red('a'))), [""; 0]);
    }

    #[test]
    fn every_line_fits_into_a_commit_status() {
        let longest = "Thrown out of the merge queue: the agent works on it (attempt 100 of 100)";
        assert!(longest.len() <= 140);
    }
}
