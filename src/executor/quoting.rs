//! How words from outside stand in a prompt or comment.

use crate::{
    model::PromptId,
    reaction::{Quoted, Quoting},
    text,
};

/// The most that one quotation may take, in bytes.
const QUOTE_BYTES_MAX: usize = 24_000;
const QUOTE_LINES: usize = 200;

/// Quotes for one prompt: the fence carries a nonce that whoever wrote the text could not know.
pub(super) struct ForPrompt {
    nonce: String,
    secrets: Vec<String>,
}

impl ForPrompt {
    pub(super) fn new(prompt: &PromptId, secrets: Vec<String>) -> Self {
        Self { nonce: prompt.to_string(), secrets }
    }
}

impl Quoting for ForPrompt {
    fn quote(&self, quoted: &Quoted, lines: Option<u32>) -> String {
        let clean = clean(&quoted.text, lines, &self.secrets);
        // One line stands in the middle of a sentence, where a fence could not.
        if clean.contains('\n') { text::fence(&clean, &self.nonce, &quoted.origin) } else { clean }
    }
}

/// Quotes for a comment on GitHub: additionally nobody is mentioned and no issue is closed by it.
pub(super) struct ForComment {
    secrets: Vec<String>,
}

impl ForComment {
    pub(super) const fn new(secrets: Vec<String>) -> Self {
        Self { secrets }
    }
}

impl Quoting for ForComment {
    fn quote(&self, quoted: &Quoted, lines: Option<u32>) -> String {
        text::inert(&clean(&quoted.text, lines, &self.secrets))
    }
}

fn clean(words: &str, lines: Option<u32>, secrets: &[String]) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let shown = text::strip_hidden_markup(words).text;
    let (redacted, _) = text::redact(&shown, &secrets);
    let lines = lines.map_or(QUOTE_LINES, |lines| lines as usize);
    text::cap(redacted.trim_end(), QUOTE_BYTES_MAX, lines)
}
