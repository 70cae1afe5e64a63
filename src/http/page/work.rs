//! One piece of work: the task, its agent, its pull request, and why it waits.

use maud::{Markup, html};

use super::{
    badge::{Status, badge, of_pull, of_session, of_task},
    glance::Glance,
    moment::{lasting, moment},
};
use crate::view::{IncidentView, Overview, PullPhase, PullView, SessionPhase, SessionView, TaskPhase, TaskView, usage};

/// A task that is under way.
pub(super) fn card(task: &TaskView, glance: &Glance) -> Markup {
    let overview = &glance.overview;
    let session = overview.sessions.iter().find(|session| session.task == task.task);
    let pull = pull_of(task, overview);
    html! {
        article.card id={ "task-" (task.task) } aria-labelledby={ "title-" (task.task) } {
            div.head {
                (badge(status(task, session, pull)))
                h3 id={ "title-" (task.task) } {
                    @if session.is_some() {
                        a id={ "open-" (task.task) } href={ "/sessions/" (task.task) } { (task.title) }
                    } @else { (task.title) }
                }
                p.meta {
                    span { (task.task) } span { (task.repo) }
                    @if let Some(issue) = task.issue { span { "issue #" (issue) } }
                    @if let Some(branch) = &task.branch { span.branch { (branch) } }
                    @if let Some(used) = task.used.as_ref().and_then(usage::brief) { span { (used) } }
                }
            }
            dl {
                @if let Some(session) = session { (agent(session, glance)) }
                @if let Some(pull) = pull { (pull_request(pull, task)) (incidents(&pull.incidents, glance)) (waits(pull)) }
                @if let Some(session) = session { (incidents(&session.incidents, glance)) }
                @if let Some(trouble) = &task.trouble { (fact("Trouble", &html! { span.trouble { (trouble) } })) }
                (next(task, pull, glance))
                (last(task, pull, glance))
            }
        }
    }
}

/// A pull request that nobody here works on.
pub(super) fn row(pull: &PullView) -> Markup {
    html! {
        (badge(of_pull(pull.phase))) " "
        (title_of(pull)) " "
        span.meta { span { (pull.repo) "#" (pull.number) } span { (checks(pull)) } span.branch { (pull.branch) } }
    }
}

/// A task that is over.
pub(super) fn ended(task: &TaskView, overview: &Overview) -> Markup {
    let known = overview.sessions.iter().any(|session| session.task == task.task);
    html! {
        (badge(of_task(task.phase))) " "
        @if known { a id={ "open-" (task.task) } href={ "/sessions/" (task.task) } { (task.title) } } @else { (task.title) }
        " "
        span.meta {
            span { (task.task) }
            @if let Some(pull) = task.pull { span { "pull request #" (pull) } }
            @if let Some(since) = task.since { span { "begun " (moment(since, overview.at)) } }
            @if let Some(trouble) = &task.trouble { span.trouble { (trouble) } }
        }
    }
}

/// An address that a browser may follow: nothing that runs.
pub(super) fn address(url: &str) -> Option<&str> {
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}

fn pull_of<'o>(task: &TaskView, overview: &'o Overview) -> Option<&'o PullView> {
    overview.pulls.iter().find(|pull| pull.task.as_ref() == Some(&task.task))
}

/// The one status that says most: what needs a person before what goes on by itself.
const fn status(task: &TaskView, session: Option<&SessionView>, pull: Option<&PullView>) -> Status {
    match (task.phase, session, pull) {
        (TaskPhase::Working | TaskPhase::InReview, Some(session), _)
            if matches!(session.phase, SessionPhase::NeedsInput | SessionPhase::Exited) =>
        {
            of_session(session.phase)
        }
        (TaskPhase::InReview, _, Some(pull)) => of_pull(pull.phase),
        (phase, ..) => of_task(phase),
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn agent(session: &SessionView, glance: &Glance) -> Markup {
    let (words, _) = of_session(session.phase);
    let value = html! {
        b { (session.agent) } " " (words.to_lowercase())
        @if let Some(since) = session.since { " " (lasting(since, glance.overview.at)) }
        @if session.generation > 1 { " · launch " (session.generation) }
        @if session.queued > 0 { " · " (session.queued) " waiting to be said" }
        @if let Some(trouble) = &session.trouble { " · " span.trouble { (trouble) } }
    };
    fact("Agent", &value)
}

fn pull_request(pull: &PullView, task: &TaskView) -> Markup {
    let value = html! {
        (link(pull, &format!("#{}", pull.number)))
        @if pull.title != task.title { " " (pull.title) }
        span.meta { span { (checks(pull)) } span.branch { (pull.head) } }
    };
    fact("Pull request", &value)
}

fn title_of(pull: &PullView) -> Markup {
    let title = if pull.title.is_empty() { format!("#{}", pull.number) } else { pull.title.clone() };
    link(pull, &title)
}

fn link(pull: &PullView, words: &str) -> Markup {
    html! {
        @match address(&pull.url) {
            Some(url) => a id={ "pull-" (pull.repo) "-" (pull.number) } href=(url) rel="noreferrer" { (words) },
            None => (words),
        }
    }
}

fn checks(pull: &PullView) -> Markup {
    let (passed, failed, running) = pull.checks;
    html! {
        @if passed + failed + running == 0 { "no checks" }
        @if failed > 0 { span.failed { "✗ " (failed) " failed" } " " }
        @if running > 0 { span.running { "◌ " (running) " running" } " " }
        @if passed > 0 { span.passed { "✓ " (passed) " passed" } }
    }
}

fn incidents(incidents: &[IncidentView], glance: &Glance) -> Markup {
    html! {
        @for incident in incidents {
            @let attempts = incident.attempts_max.map_or_else(String::new, |max| format!(" of {max}"));
            (fact("Incident", &html! {
                b { (incident.kind.as_str()) } ": " (incident.stage)
                span.meta {
                    span { (incident.attempts) (attempts) " attempts" }
                    span { "open " (lasting(incident.since, glance.overview.at)) }
                    @if let Some(rule) = &incident.rule { span { "by " (rule) } }
                }
            }))
        }
    }
}

fn waits(pull: &PullView) -> Markup {
    html! {
        @if !matches!(pull.phase, PullPhase::Repairing) { (fact("Why", &html! { (pull.why) })) }
        @for request in &pull.requests { (fact("Asked", &html! { (request.in_words()) })) }
        @if pull.withheld > 0 {
            (fact("Withheld", &html! { (pull.withheld) " by people who may not write to the repository" }))
        }
    }
}

fn subjects(task: &TaskView, pull: Option<&PullView>) -> Vec<String> {
    let own = [format!("task {}", task.task), format!("session {}", task.task)];
    own.into_iter().chain(pull.map(|pull| format!("{}#{}", pull.repo, pull.number))).collect()
}

fn next(task: &TaskView, pull: Option<&PullView>, glance: &Glance) -> Markup {
    let due = subjects(task, pull).into_iter().filter_map(|subject| glance.next.get(&subject)).min();
    html! {
        @if let Some((at, what)) = due {
            (fact("Next", &html! { (what) " " (moment(*at, glance.overview.at)) }))
        }
    }
}

fn last(task: &TaskView, pull: Option<&PullView>, glance: &Glance) -> Markup {
    let known = subjects(task, pull).into_iter().filter_map(|subject| glance.last.get(&subject));
    html! {
        @if let Some(entry) = known.max_by_key(|entry| entry.seq) {
            (fact("Last", &html! {
                (entry.event)
                @if let Some(detail) = &entry.detail { " · " span.detail { (detail) } }
                ", " (moment(entry.at, glance.overview.at))
            }))
        }
    }
}
