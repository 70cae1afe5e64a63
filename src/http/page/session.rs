//! One agent: what its terminal shows, what it was told and whether that arrived, and what happened to it.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    badge::{badge, of_prompt, of_session},
    moment::{lasting, moment},
    screen,
};
use crate::{
    http::{
        Surroundings,
        api::{Refusal, screen_of},
        states,
    },
    journal,
    machine::{self, session::State},
    model::{MachineKey, PromptId},
    runtime::Screen,
    text,
    view::{EntryView, PromptView, SessionView, usage},
};

/// How many entries are shown, of how many: an idle agent is looked at all the time.
const ENTRIES: usize = 60;
const LOOKED_BACK: usize = 300;
/// How much of a prompt is shown.
const PROMPT_BYTES_MAX: usize = 20 << 10;

/// Everything that the page of a session shows.
pub(in crate::http) struct Session {
    /// The session.
    pub(in crate::http) session: SessionView,
    /// What its terminal shows, or why nothing.
    pub(in crate::http) screen: Result<Screen, Refusal>,
    /// The words of its prompts, as far as they are known.
    pub(in crate::http) words: Vec<(PromptId, String)>,
    /// What happened to it, the newest first.
    pub(in crate::http) entries: Vec<EntryView>,
    /// When all this was read.
    pub(in crate::http) at: Timestamp,
}

impl Session {
    /// Reads it.
    pub(super) async fn take(surroundings: &Surroundings, state: State) -> Result<Self, journal::Error> {
        let journal = &*surroundings.journal;
        let mut entries = states::history(journal, state.key(), LOOKED_BACK).await?;
        entries.retain(|entry| !entry.is_routine());
        entries.reverse();
        entries.truncate(ENTRIES);
        let mut words = Vec::new();
        let sending = state.sending.iter().map(|sending| (&sending.prompt, &sending.text));
        for (prompt, hash) in sending.chain(state.sent.iter().map(|sent| (&sent.prompt, &sent.text))) {
            let Some(hash) = hash else { continue };
            if let Some(text) = journal.text(hash.clone()).await? {
                words.push((prompt.clone(), text::cap(&text::sanitise(&text).text, PROMPT_BYTES_MAX, 400)));
            }
        }
        let screen = screen_of(surroundings, &state, 0).await;
        let session = view(surroundings, state);
        Ok(Self { session, screen, words, entries, at: surroundings.clock.now() })
    }

    fn words(&self, prompt: &PromptView) -> Option<&str> {
        self.words.iter().find(|(id, _)| id.as_str() == prompt.prompt).map(|(_, words)| words.as_str())
    }
}

fn view(surroundings: &Surroundings, state: State) -> SessionView {
    let key = MachineKey::Session(state.session.clone());
    let states = [(key, machine::State::Session(Box::new(state)))];
    let rules = surroundings.rules.borrow().clone();
    let overview = crate::view::overview(&states, &rules, &crate::view::Texts::new(), surroundings.clock.now());
    overview.sessions.into_iter().next().expect("the overview of one session holds it")
}

/// The changing part of the page.
pub(in crate::http) fn fragment(view: &Session) -> Markup {
    let session = &view.session;
    html! {
        div #now data-now=(view.at) data-summary={ (session.session) " is " (of_session(session.phase).0.to_lowercase()) } {
            nav aria-label="Breadcrumb" { a #back href="/" { "Board" } " / " span aria-current="page" { (session.session) } }
            div.head {
                (badge(of_session(session.phase)))
                h1 { (session.session) }
                p.meta {
                    span { (session.agent) } span { "in " (session.runtime) } span { "launch " (session.generation) }
                    @if let Some(since) = session.since { span { (lasting(since, view.at)) } }
                    @if session.queued > 0 { span { (session.queued) " waiting to be said" } }
                    @if let Some(used) = &session.used { span { (usage::words(used)) } }
                }
                @if let Some(trouble) = &session.trouble { p.trouble { (trouble) } }
            }
            section aria-labelledby="terminal" {
                div.heading {
                    h2 #terminal { "Terminal" }
                    p.hint { code { "antiphon attach " (session.session) } " to type into it" }
                }
                (terminal(view))
            }
            section aria-labelledby="prompts" {
                h2 #prompts { "Prompts" }
                @if session.prompts.is_empty() { p.empty { "It was not told anything yet." } }
                ul.rows { @for prompt in &session.prompts { li { (prompt_row(prompt, view)) } } }
            }
            section aria-labelledby="history" {
                h2 #history { "History" }
                div.scroll tabindex="0" role="region" aria-label="Table of what happened" { (history(view)) }
            }
        }
    }
}

fn terminal(view: &Session) -> Markup {
    match &view.screen {
        Ok(shown) => html! {
            pre #screen.screen tabindex="0" role="region" aria-label={ "Screen of " (view.session.session) } { (screen::screen(shown)) }
        },
        Err(refusal) => html! { p.empty { (refusal.words()) } },
    }
}

fn prompt_row(prompt: &PromptView, view: &Session) -> Markup {
    html! {
        (badge(of_prompt(&prompt.state))) " "
        code { (prompt.prompt) } " "
        span.meta {
            span { (moment(prompt.at, view.at)) }
            @if let Some(evidence) = &prompt.evidence { span { "read in its " (evidence) } }
            @if let Some(used) = &prompt.used { span { (usage::words(used)) } }
        }
        @if let Some(words) = view.words(prompt) {
            details id={ "prompt-" (prompt.prompt) } {
                summary id={ "show-" (prompt.prompt) } { "What it says" }
                pre.words tabindex="0" { (words) }
            }
        }
    }
}

fn history(view: &Session) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Then" } th scope="col" { "Because of" } } }
            tbody {
                @for entry in &view.entries {
                    tr {
                        td { (moment(entry.at, view.at)) }
                        td { b { (entry.event) } @if let Some(detail) = &entry.detail { br; (detail) } }
                        td { (entry.effects.join(", ")) }
                        td.cause { (entry.cause) }
                    }
                }
            }
        }
    }
}
