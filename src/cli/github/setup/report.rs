//! What was done, what it says in the settings, and what comes next: for people and as JSON. No secret is in it.

use serde::Serialize;

use super::edit::{self, Lines};
use crate::{
    cli::{caller::Caller, error::Error, github::Target, output},
    view::SCHEMA,
};

/// The result of one setup.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    /// What was set up: `app`, `webhook` or `secret`.
    kind: &'static str,
    repo: String,
    /// What was done, or, if nothing was, would be done.
    done: Vec<String>,
    dry_run: bool,
    /// Where GitHub delivers to, if anywhere.
    pub(super) url: Option<String>,
    /// The settings file that was changed.
    settings: Option<String>,
    /// What has to be added to the settings by hand.
    add: Option<String>,
    /// The commands and steps that come next.
    next: Vec<String>,
}

impl Report {
    /// Of a setup that has not done anything yet.
    pub(super) fn of(target: &Target, kind: &'static str) -> Self {
        Self {
            schema: SCHEMA,
            kind,
            repo: target.repo.to_string(),
            done: Vec::new(),
            dry_run: false,
            url: None,
            settings: None,
            add: None,
            next: Vec::new(),
        }
    }

    /// Something was done.
    pub(super) fn did(&mut self, what: String) {
        self.done.push(what);
    }

    /// Something would be done.
    pub(super) fn would(&mut self, what: String) {
        self.dry_run = true;
        self.done.push(what);
    }

    /// Something comes next.
    pub(super) fn next(&mut self, what: impl Into<String>) {
        self.next.push(what.into());
    }

    /// Adds lines to the settings, or shows them where that cannot be done.
    pub(super) fn settle(&mut self, target: &Target, lines: &[Lines], caller: &Caller) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let added = match &target.settings {
            Some(path) => edit::add(path, lines, &caller.environment)?,
            None => false,
        };
        if added {
            self.settings = target.settings.as_ref().map(|path| path.display().to_string());
        } else {
            self.add = Some(lines.iter().map(Lines::text).collect());
        }
        if !target.config.webhook.enabled {
            self.next("take `enabled: false` out of `webhook` in the settings");
        }
        Ok(())
    }

    /// Shows it.
    pub(super) fn show(&self, as_json: bool) -> Result<(), Error> {
        if as_json { output::json(self) } else { output::text_as_it_is(&self.text()) }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.dry_run {
            text.push_str("Nothing was done. It would:\n");
        }
        for done in &self.done {
            text.push_str("  ");
            text.push_str(done);
            text.push('\n');
        }
        if let Some(path) = &self.settings {
            text.push_str("  the settings name it now: ");
            text.push_str(path);
            text.push('\n');
        }
        if let Some(lines) = &self.add {
            text.push_str("\nAdd this to the settings:\n\n");
            text.push_str(lines);
        }
        if !self.next.is_empty() {
            text.push_str("\nNext\n");
            for next in &self.next {
                text.push_str("  ");
                text.push_str(next);
                text.push('\n');
            }
        }
        text
    }
}
