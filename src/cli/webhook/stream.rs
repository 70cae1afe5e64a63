//! Server-sent events, as bytes come in. Pure.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    /// Its kind; empty for the usual one.
    pub(super) name: String,
    /// What it says.
    pub(super) data: String,
}

/// Makes events out of bytes.
#[derive(Debug, Default)]
pub(super) struct Reader {
    unread: Vec<u8>,
    /// How many of the unread bytes are known to hold no end of a line.
    scanned: usize,
    message: Message,
    /// The id of the newest event that had one.
    pub(super) last_id: Option<String>,
    /// How many milliseconds the server wants to be left alone before a new connection.
    pub(super) retry_ms: Option<u64>,
}

impl Reader {
    /// Takes bytes; the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.unread.extend_from_slice(bytes);
        let mut complete = Vec::new();
        while let Some(end) = self.unread.iter().skip(self.scanned).position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=self.scanned + end).collect();
            self.scanned = 0;
            complete.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])));
        }
        self.scanned = self.unread.len();
        complete
    }

    /// How much is held of what is not complete yet, in bytes.
    pub(super) fn held(&self) -> usize {
        self.unread.len() + self.message.data.len()
    }

    /// Begins a new connection: half an event of the old one is nothing.
    pub(super) fn begin(&mut self) {
        (self.unread, self.scanned, self.message) = (Vec::new(), 0, Message::default());
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return (!message.data.is_empty()).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.message.name),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            "id" => self.last_id = Some(value.to_owned()),
            "retry" => self.retry_ms = value.parse().ok().or(self.retry_ms),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "retry: 250\n: a remark\nid: 7\nevent: ping\ndata: {}\n\nid: 8\r\ndata: ä\r\ndata:b\r\n\r\ndata: half";

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let named = |name: &str, data: &str| Message { name: name.to_owned(), data: data.to_owned() };
        let expected = [named("ping", "{}"), named("", "ä\nb")];
        for size in [1, 2, 5, TEXT.len()] {
            let mut reader = Reader::default();
            let messages: Vec<Message> = TEXT.as_bytes().chunks(size).flat_map(|chunk| reader.push(chunk)).collect();

            assert_eq!(messages, expected, "{size}");
            assert_eq!((reader.last_id.as_deref(), reader.retry_ms), (Some("8"), Some(250)));
        }
    }

    #[test]
    fn half_an_event_does_not_outlive_its_connection() {
        let mut reader = Reader::default();
        drop(reader.push(b"id: 1\ndata: half"));

        reader.begin();

        assert_eq!((reader.held(), reader.push(b"\n\n")), (0, Vec::new()));
        assert_eq!(reader.last_id.as_deref(), Some("1"));
    }
}
