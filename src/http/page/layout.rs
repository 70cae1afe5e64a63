//! The frame around every page.

use maud::{DOCTYPE, Markup, html};

use super::assets;

/// What differs between the frames of two pages.
pub(super) struct Frame {
    title: String,
    /// Where the changing part is fetched anew.
    source: String,
    /// How often it is, in milliseconds, besides whenever the daemon says that something happened.
    every: Option<u32>,
}

impl Frame {
    /// Around the board.
    pub(super) fn board(summary: String) -> Self {
        Self { title: summary, source: "/fragment".to_owned(), every: None }
    }

    /// Around a session. A terminal changes without a word to the journal.
    pub(super) fn session(name: &str) -> Self {
        Self { title: name.to_owned(), source: format!("/sessions/{name}/fragment"), every: Some(1_000) }
    }
}

/// A page whose changing part is `fragment`.
pub(super) fn document(frame: &Frame, fragment: &Markup) -> Markup {
    let head = html! {
        script src=(assets::address("live.js")) defer {}
        noscript { meta http-equiv="refresh" content="10"; }
    };
    let body = html! {
        a.skip href="#live" { "Skip to content" }
        header.bar {
            a.brand href="/" { img src=(assets::address("icon.svg")) alt="" width="22" height="22"; "Antiphon" }
            p #connection.connection { "Reload to see what is new" }
        }
        main #live tabindex="-1" data-source=(frame.source) data-every=[frame.every] { (fragment) }
        p #announcement.unseen role="status" aria-live="polite" {}
        noscript { p.note { "This page reloads every 10 seconds." } }
    };
    shell(&frame.title, &head, &body)
}

/// For whoever comes without the cookie. It needs no file that lies behind the door.
pub(in crate::http) fn locked() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Antiphon: please log in" }
            }
            body {
                main {
                    h1 { "Please log in" }
                    p { "Run " code { "antiphon open" } " on the machine of the daemon, and open the link that it prints." }
                    p { "Each link works once. The daemon prints one when it starts, too." }
                }
            }
        }
    }
}

/// Leads on to the board.
pub(in crate::http) fn welcome() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content="0; url=/";
                link rel="icon" href=(assets::address("icon.svg"));
                title { "Antiphon" }
            }
            body { p { a href="/" { "Go on" } } }
        }
    }
}

/// A page that only says what is the matter.
pub(super) fn problem(words: &str) -> Markup {
    let body = html! {
        header.bar { a.brand href="/" { img src=(assets::address("icon.svg")) alt="" width="22" height="22"; "Antiphon" } }
        main {
            h1 { (words) }
            p { a href="/" { "Back to the board" } }
        }
    };
    shell("Antiphon", &html! {}, &body)
}

fn shell(title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Antiphon" }
                link rel="icon" href=(assets::address("icon.svg"));
                link rel="stylesheet" href=(assets::address("style.css"));
                (head)
            }
            body { (body) }
        }
    }
}
