//! What a holder and its clients say to each other, and how it is framed.
//!
//! A frame is a length (4 bytes, big-endian), one byte that tells what follows, and then JSON or, while attached, bytes
//! of the terminal. The first frame of a client is [`Request::Hello`]; a holder that does not speak its version answers
//! with its own and closes. A holder outlives updates of the program, so a version, once released, never changes.

use std::io;

use futures_util::{SinkExt as _, StreamExt as _};
use interprocess::local_socket::tokio::Stream;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio_util::{
    bytes::{BufMut as _, Bytes, BytesMut},
    codec::{Framed, LengthDelimitedCodec},
};

use crate::{
    model::{PromptId, Submission},
    runtime::{Address, Gate, Message, Probe, Screen, Why},
};

/// The version of this protocol.
pub(crate) const VERSION: u32 = 1;

/// The longest frame: a screen with all of its scrollback in many colors fits.
const FRAME_BYTES_MAX: usize = 32 << 20;
const JSON: u8 = 0;
const TERMINAL: u8 = 1;

/// What a client asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Must come first.
    Hello { version: u32, address: Address },
    /// Type this.
    Submit { prompt: PromptId, text: String, gate: Gate },
    /// What is known of this prompt?
    Submission { prompt: PromptId },
    /// Does the process live?
    Probe,
    /// What is on the screen?
    Screen { scrollback: usize },
    /// Did the process write this id?
    Echoed { prompt: PromptId },
    /// End all processes.
    Stop { grace_ms: u64 },
    /// From now on frames carry bytes of the terminal.
    Attach { read_only: bool, columns: u16, rows: u16 },
    /// While attached: the viewer's size changed.
    Resize { columns: u16, rows: u16 },
}

/// What a holder answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// Go on.
    Hello { version: u32 },
    /// Another version is spoken here.
    Refused { version: u32 },
    /// Another launch lives here.
    Stale,
    /// What became of a prompt.
    Typed(Submission),
    /// Nothing was typed.
    NotReceptive(Why),
    /// Nothing was typed: the process has ended.
    Gone,
    /// Whether the process lives.
    Probe(Probe),
    /// The screen.
    Screen(Screen),
    /// The line with the id.
    Echoed(Option<String>),
    /// What was asked is done.
    Done,
    /// While attached: the process ended.
    Ended(Probe),
    /// What was asked failed.
    Failed { why: String },
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<T> {
    /// A request or an answer.
    Said(T),
    /// Bytes of the terminal.
    Terminal(Bytes),
}

/// A connection, framed.
pub(crate) type Wire = Framed<Stream, LengthDelimitedCodec>;

/// Frames a connection.
pub(crate) fn wire(stream: Stream) -> Wire {
    LengthDelimitedCodec::builder().max_frame_length(FRAME_BYTES_MAX).new_framed(stream)
}

/// Says something.
pub(crate) async fn say<T: Serialize + Sync>(
    to: &mut (impl futures_util::Sink<Bytes, Error = io::Error> + Unpin + Send),
    what: &T,
) -> io::Result<()> {
    let mut frame = BytesMut::new().writer();
    io::Write::write_all(&mut frame, &[JSON])?;
    serde_json::to_writer(&mut frame, what)?;
    to.send(frame.into_inner().freeze()).await
}

/// Sends bytes of the terminal.
pub(crate) async fn send(
    to: &mut (impl futures_util::Sink<Bytes, Error = io::Error> + Unpin + Send),
    bytes: &[u8],
) -> io::Result<()> {
    let mut frame = BytesMut::with_capacity(bytes.len() + 1);
    frame.put_u8(TERMINAL);
    frame.put_slice(bytes);
    to.send(frame.freeze()).await
}

/// Hears the next frame; `None` when the other side has closed.
pub(crate) async fn hear<T: DeserializeOwned>(
    from: &mut (impl futures_util::Stream<Item = io::Result<BytesMut>> + Unpin + Send),
) -> io::Result<Option<Frame<T>>> {
    let Some(frame) = from.next().await else { return Ok(None) };
    let mut frame = frame?.freeze();
    match frame.first() {
        Some(&JSON) => Ok(Some(Frame::Said(serde_json::from_slice(&frame[1..])?))),
        Some(&TERMINAL) => Ok(Some(Frame::Terminal(frame.split_off(1)))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of an unknown kind")),
    }
}

impl Request {
    /// The order to type `message`.
    pub(crate) fn submit(message: &Message, gate: &Gate) -> Self {
        Self::Submit { prompt: message.prompt().clone(), text: message.text().to_owned(), gate: gate.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> (Framed<tokio::io::DuplexStream, LengthDelimitedCodec>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        (LengthDelimitedCodec::builder().max_frame_length(FRAME_BYTES_MAX).new_framed(ours), theirs)
    }

    #[tokio::test]
    async fn frames_have_the_documented_form() {
        use tokio::io::AsyncReadExt as _;
        let (mut wire, mut other) = pipe();

        say(&mut wire, &Request::Probe).await.unwrap();
        send(&mut wire, b"\x1b[A").await.unwrap();
        drop(wire);
        let mut bytes = Vec::new();
        other.read_to_end(&mut bytes).await.unwrap();

        assert_eq!(bytes, b"\0\0\0\x08\0\"probe\"\0\0\0\x04\x01\x1b[A");
    }

    #[tokio::test]
    async fn what_was_said_is_heard() {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let mut ours = LengthDelimitedCodec::builder().new_framed(ours);
        let mut theirs = LengthDelimitedCodec::builder().new_framed(theirs);
        say(&mut ours, &Answer::Refused { version: 3 }).await.unwrap();
        send(&mut ours, b"abc").await.unwrap();
        drop(ours);

        let said = hear::<Answer>(&mut theirs).await.unwrap();
        assert!(matches!(said, Some(Frame::Said(Answer::Refused { version: 3 }))), "{said:?}");
        let sent = hear::<Answer>(&mut theirs).await.unwrap();
        assert!(matches!(&sent, Some(Frame::Terminal(bytes)) if &bytes[..] == b"abc"), "{sent:?}");
        assert!(hear::<Answer>(&mut theirs).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn nonsense_is_an_error_and_not_a_panic() {
        use tokio::io::AsyncWriteExt as _;
        for bytes in [&b"\0\0\0\0"[..], b"\0\0\0\x01\x07", b"\0\0\0\x02\0x", b"\xff\xff\xff\xff", b"\0\0\0\x09\0"] {
            let (mut wire, mut other) = pipe();
            other.write_all(bytes).await.unwrap();
            drop(other);

            assert!(hear::<Request>(&mut wire).await.is_err(), "{bytes:?}");
        }
    }

    /// The first version is pinned: holders of it may run for weeks beside a newer daemon.
    #[test]
    fn version_1_is_what_it_was() {
        let said = [
            serde_json::to_string(&Request::Hello {
                version: 1,
                address: Address { session: "t-1".parse().unwrap(), generation: crate::model::Generation(2) },
            })
            .unwrap(),
            serde_json::to_string(&Request::Submit {
                prompt: "abcdefghij".parse().unwrap(),
                text: "x".into(),
                gate: Gate::default(),
            })
            .unwrap(),
            serde_json::to_string(&Request::Attach { read_only: true, columns: 80, rows: 24 }).unwrap(),
            serde_json::to_string(&Answer::NotReceptive(Why::NoBracketedPaste)).unwrap(),
            serde_json::to_string(&Answer::Typed(Submission::Indeterminate)).unwrap(),
            serde_json::to_string(&Answer::Probe(Probe::Exited { code: Some(1), signal: None })).unwrap(),
        ];

        assert_eq!(
            said,
            [
                r#"{"hello":{"version":1,"address":{"session":"t-1","generation":2}}}"#,
                r#"{"submit":{"prompt":"abcdefghij","text":"x","gate":{"ready":null,"dialogs":[],"draft":null,"shells":false}}}"#,
                r#"{"attach":{"read_only":true,"columns":80,"rows":24}}"#,
                r#"{"not-receptive":"no-bracketed-paste"}"#,
                r#"{"typed":"indeterminate"}"#,
                r#"{"probe":{"exited":{"code":1,"signal":null}}}"#,
            ]
        );
    }
}
