//! `GET doctor`: what the running daemon noticed about itself, and what helps.

use axum::{Json, extract::State};

use super::refusal::Refusal;
use crate::{
    event::LookFailure,
    github,
    http::{Shared, Surroundings, limits, states},
    journal::{self, Waiting},
    machine, text,
    view::{Finding, Severity},
};

/// How many waiting events are looked through for ones that nobody can handle.
const WAITING_MAX: usize = 256;

/// Everything worth saying, the most urgent first.
pub(super) async fn doctor(State(surroundings): Shared) -> Result<Json<Vec<Finding>>, Refusal> {
    let mut findings = Vec::new();
    findings.extend(settings(&surroundings));
    findings.extend(deliveries(&surroundings).await?);
    findings.extend(github(&surroundings));
    findings.extend(permissions(&surroundings));
    findings.extend(looks(&surroundings).await?);
    findings.extend(parked(&surroundings).await?);
    findings.sort();
    Ok(Json(findings))
}

fn finding(severity: Severity, what: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { severity, what: what.into(), hint: hint.into() }
}

fn settings(surroundings: &Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(mistakes) = surroundings.refused.borrow().as_ref() {
        let what = format!("the newest settings or rules are refused; the last good ones are in force\n{mistakes}");
        findings.push(finding(Severity::Urgent, what, "mend them; they are read again when they change"));
    }
    let (config, known) = (surroundings.config.borrow().clone(), surroundings.repositories.borrow().clone());
    if config.repositories.is_empty() {
        findings.push(finding(Severity::Warning, "no repository is configured", "add one under `repositories`"));
    }
    for repository in config.repositories.iter().filter(|repository| known.named(&repository.name).is_none()) {
        let what = format!("GitHub has not said anything about {}", repository.name);
        findings.push(finding(Severity::Urgent, what, "check its name, and that the credential may see it"));
    }
    findings
}

async fn deliveries(surroundings: &Surroundings) -> Result<Vec<Finding>, journal::Error> {
    let stats = surroundings.journal.stats().await?;
    let mut findings = Vec::new();
    let on = surroundings.verifier.borrow().is_some();
    findings.push(match (on, stats.newest_delivery) {
        (false, _) => finding(
            Severity::Note,
            "webhooks are switched off: GitHub is asked now and then",
            "set `webhook.enabled` for answers within seconds",
        ),
        (true, None) => finding(
            Severity::Warning,
            "no webhook was delivered yet: GitHub is asked now and then",
            "`antiphon github setup` makes a webhook, `antiphon github check` says what is wrong with it",
        ),
        (true, Some(at)) => {
            let age = surroundings.clock.now().duration_since(at).as_mins();
            finding(Severity::Note, format!("the newest delivery came {age} minutes ago"), "")
        }
    });
    if stats.dead > 0 {
        let what = format!("{} deliveries could not be understood", stats.dead);
        findings.push(finding(Severity::Warning, what, "`antiphon journal export` shows them with the reason"));
    }
    Ok(findings)
}

fn github(surroundings: &Surroundings) -> Vec<Finding> {
    let hint = "nothing is lost: what waits goes on by itself then";
    let limits = limits::in_force(surroundings.github.standings());
    limits.iter().map(|limit| finding(Severity::Warning, limit.in_words(), hint)).collect()
}

fn permissions(surroundings: &Surroundings) -> Vec<Finding> {
    let refused = surroundings.github.refusals().borrow().clone();
    let of = |refused: github::Refused| {
        let what = format!("GitHub does not allow {}: {}", refused.what, text::sanitise(&refused.words).text);
        let needs = refused.needs.unwrap_or_else(|| "the permission for it".to_owned());
        finding(Severity::Urgent, what, format!("give our token or App {}", text::sanitise(&needs).text))
    };
    refused.into_values().map(of).collect()
}

async fn looks(surroundings: &Surroundings) -> Result<Vec<Finding>, journal::Error> {
    let rules = surroundings.rules.borrow().clone();
    let mut findings = Vec::new();
    for (_, state) in states::all(&*surroundings.journal).await? {
        let (what, why) = match state {
            machine::State::Pull(pull) => match &pull.look_failure {
                None => continue,
                Some(LookFailure::NotFound) => continue,
                Some(LookFailure::Forbidden(why) | LookFailure::Unavailable(why)) => {
                    (format!("{}#{}", rules.name(pull.repo), pull.number), why.clone())
                }
            },
            machine::State::Backlog(backlog) => match &backlog.look_failure {
                None => continue,
                Some(why) => (rules.name(backlog.repo), why.clone()),
            },
            machine::State::Task(_) | machine::State::Session(_) | machine::State::Fleet(_) => continue,
        };
        let what = text::sanitise(&format!("GitHub cannot be asked about {what}: {why}")).text;
        findings.push(finding(Severity::Warning, what, "it is tried again by itself"));
    }
    Ok(findings)
}

/// Events that no rules are there for: they wait until their repository is back in the settings.
async fn parked(surroundings: &Surroundings) -> Result<Vec<Finding>, journal::Error> {
    let mut findings = Vec::new();
    for Waiting { to, event, .. } in surroundings.journal.waiting(WAITING_MAX).await? {
        let state = states::one(&*surroundings.journal, &to).await?;
        if surroundings.rules.borrow().of(&to, state.as_ref(), &event).is_none() {
            let what = format!("an event of {to} waits: its repository is not in the settings");
            findings.push(finding(Severity::Warning, what, "put the repository back, or leave the event where it is"));
        }
    }
    findings.dedup();
    Ok(findings)
}
