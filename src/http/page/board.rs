//! The board: what needs a person first, then everything that is worked on.

use maud::{Markup, html};

use super::{
    badge::{badge, of_severity},
    glance::Glance,
    moment::{lasting, moment},
    work,
};
use crate::view::{Need, PullPhase, PullView, RepositoryView, Slots, TaskView};

/// The changing part of the page.
pub(in crate::http) fn fragment(glance: &Glance) -> Markup {
    let overview = &glance.overview;
    let over = |task: &&TaskView| task.phase.is_over();
    let (ended, under_way): (Vec<_>, Vec<_>) = overview.tasks.iter().partition(over);
    let observed: Vec<_> = overview.pulls.iter().filter(|pull| pull.task.is_none() && is_open(pull)).collect();
    html! {
        div #now data-now=(overview.at) data-summary=(glance.summary()) {
            h1.unseen { "Antiphon" }
            @for limit in &overview.limits { p.limited { (limit.in_words()) "." } }
            (needs(glance))
            section aria-labelledby="work" {
                div.heading {
                    h2 #work { "Work" }
                    (slots(overview.slots))
                }
                @if under_way.is_empty() {
                    p.empty { "Nothing is worked on. Give an issue one of the configured labels, or run " code { "antiphon spawn" } "." }
                }
                @for task in under_way { (work::card(task, glance)) }
            }
            @if !observed.is_empty() {
                section aria-labelledby="observed" {
                    h2 #observed { "Other open pull requests" }
                    p.hint { "Nobody works on these; " code { "antiphon adopt NUMBER" } " has an agent carry one on." }
                    ul.rows { @for pull in observed { li { (work::row(pull)) } } }
                }
            }
            @if !ended.is_empty() {
                details #ended {
                    summary { h2 { "Ended" } span.count { (ended.len()) } }
                    ul.rows { @for task in ended { li { (work::ended(task, overview)) } } }
                }
            }
            footer { (repositories(&overview.repositories, glance)) }
        }
    }
}

const fn is_open(pull: &PullView) -> bool {
    !matches!(pull.phase, PullPhase::Merged | PullPhase::Closed)
}

fn needs(glance: &Glance) -> Markup {
    let needs = &glance.overview.needs;
    html! {
        section.needs aria-labelledby="needs" {
            div.heading { h2 #needs { "Needs you" } }
            @if needs.is_empty() && glance.refused.is_none() {
                p.calm { "Nothing needs you." }
            }
            ul {
                @if let Some(mistakes) = &glance.refused {
                    li.urgent {
                        p.what { (badge(of_severity(crate::view::Severity::Urgent))) " " b { "Settings" } " The newest are refused; the last good ones are in force." }
                        pre.mistakes tabindex="0" { (mistakes) }
                    }
                }
                @for need in needs { (one(need, glance)) }
            }
        }
    }
}

fn one(need: &Need, glance: &Glance) -> Markup {
    let class = match need.severity {
        crate::view::Severity::Urgent => "urgent",
        crate::view::Severity::Warning => "warning",
        crate::view::Severity::Note => "quiet",
    };
    html! {
        li class=(class) {
            p.what {
                (badge(of_severity(need.severity))) " "
                b { (subject(&need.subject, glance)) } " "
                (need.what)
                @if let Some(since) = need.since { span.since { (lasting(since, glance.overview.at)) } }
            }
            p.hint { (commands(&need.hint)) }
        }
    }
}

/// A subject, linked to what the page has about it.
fn subject(subject: &str, glance: &Glance) -> Markup {
    let session = glance.overview.sessions.iter().find(|session| session.session == subject);
    let pull = glance.overview.pulls.iter().find(|pull| format!("{}#{}", pull.repo, pull.number) == subject);
    html! {
        @if session.is_some() {
            a id={ "need-" (subject) } href={ "/sessions/" (subject) } { (subject) }
        } @else if let Some(url) = pull.and_then(|pull| work::address(&pull.url)) {
            a id={ "need-" (subject) } href=(url) rel="noreferrer" { (subject) }
        } @else {
            (subject)
        }
    }
}

/// Words in which commands stand between backticks.
pub(super) fn commands(words: &str) -> Markup {
    html! {
        @for (index, part) in words.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn slots(slots: Slots) -> Markup {
    html! {
        p.slots {
            (slots.used) " of " (slots.all) " slots in use"
            @if slots.waiting > 0 { ", " (slots.waiting) " waiting" }
        }
    }
}

fn repositories(repositories: &[RepositoryView], glance: &Glance) -> Markup {
    html! {
        @for repository in repositories {
            p {
                b { (repository.name) } " "
                @match repository.observed_at {
                    Some(at) => { "listed " (moment(at, glance.overview.at)) }
                    None => { "not listed yet" }
                }
                @if let Some(trouble) = &repository.trouble { span.trouble { " · GitHub cannot be asked: " (trouble) } }
                @if !repository.blocked.is_empty() {
                    " · blocked by other issues: "
                    @for (index, number) in repository.blocked.iter().enumerate() {
                        @if index > 0 { ", " } "#" (number)
                    }
                }
            }
        }
    }
}
