//! Finds the id of a prompt in what a process writes. Pure; whether the terminal echoes is for the caller to know.

use anstream::adapter::StripBytes;

use crate::model::PromptId;

/// Ids that are still looked for at once; older ones are given up.
const WATCHED_MAX: usize = 16;
/// How much text without line ends is kept.
const TAIL_BYTES_MAX: usize = 8 << 10;
/// How much of a line is quoted.
const QUOTE_BYTES_MAX: usize = 200;

/// Reads an output stream and quotes the lines in which watched ids stand.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    watched: Vec<PromptId>,
    found: Vec<(PromptId, String)>,
    strip: StripBytes,
    tail: Vec<u8>,
}

impl Echo {
    /// Looks for `prompt` in all output from now on.
    pub(crate) fn watch(&mut self, prompt: PromptId) {
        if self.watched.is_empty() {
            self.strip = StripBytes::new();
        }
        if self.watched.len() == WATCHED_MAX {
            self.watched.remove(0);
        }
        // What was written before is no answer to this prompt.
        self.tail.clear();
        self.watched.push(prompt);
    }

    /// Takes the next output.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.watched.is_empty() {
            return;
        }
        for text in self.strip.strip_next(bytes) {
            self.tail.extend_from_slice(text);
        }
        let tail = String::from_utf8_lossy(&self.tail);
        let (seen, unseen) =
            std::mem::take(&mut self.watched).into_iter().partition(|prompt| tail.contains(prompt.as_str()));
        let quotes = seen_in(seen, &tail);
        drop(tail);
        self.found.extend(quotes);
        self.watched = unseen;
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.drain(..surplus);
    }

    /// The line in which `prompt` was found.
    pub(crate) fn quote(&self, prompt: &PromptId) -> Option<String> {
        self.found.iter().find(|(found, _)| found == prompt).map(|(_, quote)| quote.clone())
    }
}

fn seen_in(seen: Vec<PromptId>, tail: &str) -> Vec<(PromptId, String)> {
    let quoted = |prompt: PromptId| quote(tail, prompt.as_str()).map(|quote| (prompt, quote));
    seen.into_iter().filter_map(quoted).collect()
}

/// The line of `text` in which `id` stands, at most 200 bytes of it around the id, without control characters.
pub(crate) fn quote(text: &str, id: &str) -> Option<String> {
    let line = text.split(['\n', '\r']).find(|line| line.contains(id))?;
    let at = line.find(id)?;
    let start = line.floor_char_boundary(at.saturating_sub(QUOTE_BYTES_MAX / 2));
    let end = line.floor_char_boundary((start + QUOTE_BYTES_MAX).min(line.len()));
    let quote: String = line[start..end].chars().filter(|character| !character.is_control()).collect();
    Some(quote.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromptId {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_is_quoted_with_its_line_and_without_colors() {
        let mut echo = Echo::default();
        echo.watch(id("abcdefghij"));

        echo.feed(b"noise\r\n\x1b[32m> [antiphon:abcd");
        assert_eq!(echo.quote(&id("abcdefghij")), None);
        echo.feed(b"\x1b[1mefghij] fix\x1b[0m");

        assert_eq!(echo.quote(&id("abcdefghij")).as_deref(), Some("> [antiphon:abcdefghij] fix"));
    }

    #[test]
    fn what_was_written_before_watching_is_no_answer() {
        let mut echo = Echo::default();
        echo.watch(id("zzzzzzzzzz"));
        echo.feed(b"abcdefghij\n");
        echo.watch(id("abcdefghij"));

        echo.feed(b"done\n");

        assert_eq!(echo.quote(&id("abcdefghij")), None);
    }

    #[test]
    fn endless_output_keeps_little_and_still_finds_the_id() {
        let mut echo = Echo::default();
        echo.watch(id("abcdefghij"));
        for _ in 0..100 {
            echo.feed(&[b'x'; 4096]);
        }
        assert!(echo.tail.len() <= TAIL_BYTES_MAX);

        echo.feed("ä".repeat(300).as_bytes());
        echo.feed(b"abcdefghij and more");

        let quote = echo.quote(&id("abcdefghij")).unwrap();
        assert!(quote.len() <= QUOTE_BYTES_MAX && quote.contains("abcdefghij"), "{quote}");
    }

    #[test]
    fn only_so_many_ids_are_watched() {
        let mut echo = Echo::default();
        for n in 0..40_u32 {
            echo.watch(id(&format!("prompt{n:04}")));
        }
        echo.feed(b"prompt0001 prompt0039");

        assert_eq!(echo.quote(&id("prompt0001")), None);
        assert!(echo.quote(&id("prompt0039")).is_some());
    }
}
