//! How values look in columns: moments as nanoseconds, numbers signed, words as JSON, long texts compressed.
//!
//! Every conversion is total or gives an error that names what is damaged; none guesses.

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{journal::Error, model::MachineKind};

/// Bytes from which compressing is worth it.
const COMPRESS_FROM_BYTES: usize = 512;

/// Nanoseconds since 1970. What an `i64` cannot hold (before 1678, after 2262) becomes its nearest end.
pub(super) fn nanos(moment: Timestamp) -> i64 {
    let nanos = moment.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The moment of a stored number.
pub(super) fn moment(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).expect("every i64 of nanoseconds is a year between 1677 and 2262")
}

/// A limit as SQL takes it.
pub(super) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// A value as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).context("cannot write a value as JSON").map_err(Error::Other)
}

/// A value from JSON; `what` says in an error what could not be read.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Error> {
    serde_json::from_str(text).with_context(|| format!("{what} cannot be read")).map_err(Error::Other)
}

/// A name from its text; `what` says in an error what could not be read.
pub(super) fn from_text<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    text: &str,
    what: &str,
) -> Result<T, Error> {
    text.parse().with_context(|| format!("{what} cannot be read")).map_err(Error::Other)
}

/// The name of a kind in the column `kind`.
pub(super) const fn kind_name(kind: MachineKind) -> &'static str {
    match kind {
        MachineKind::Pull => "pull",
        MachineKind::Task => "task",
        MachineKind::Session => "session",
        MachineKind::Backlog => "backlog",
        MachineKind::Fleet => "fleet",
    }
}

/// Bytes as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// How many bytes there were.
    pub(super) bytes: i64,
    /// Whether `body` is compressed (LZ4 block).
    pub(super) compressed: bool,
    /// The bytes to keep.
    pub(super) body: Vec<u8>,
}

impl Packed {
    /// Packs bytes: compressed if they are long and it helps.
    pub(super) fn new(raw: &[u8]) -> Self {
        let bytes = limit(raw.len());
        if raw.len() >= COMPRESS_FROM_BYTES {
            let body = lz4_flex::block::compress(raw);
            if body.len() < raw.len() {
                return Self { bytes, compressed: true, body };
            }
        }
        Self { bytes, compressed: false, body: raw.to_vec() }
    }

    /// The original bytes, at most `bytes_max` of them: a damaged size must not take all memory.
    pub(super) fn unpack(self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(self.bytes).ok().filter(|size| *size <= bytes_max);
        let size = size.ok_or_else(|| Error::Other(anyhow!("a stored size of {} bytes is impossible", self.bytes)))?;
        let raw = if self.compressed {
            lz4_flex::block::decompress(&self.body, size).context("stored bytes are damaged").map_err(Error::Other)?
        } else {
            self.body
        };
        if raw.len() == size {
            Ok(raw)
        } else {
            Err(Error::Other(anyhow!("{} bytes were stored, {} are there", size, raw.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_packing_and_long_ones_shrink() {
        for raw in [Vec::new(), b"short".to_vec(), vec![b'x'; 100_000], (0..=255).cycle().take(600).collect()] {
            let packed = Packed::new(&raw);
            assert!(packed.body.len() <= raw.len());
            assert_eq!(packed.unpack(1 << 20).unwrap(), raw);
        }
    }

    #[test]
    fn a_size_beyond_the_cap_is_refused_before_anything_is_allocated() {
        let packed = Packed { bytes: i64::MAX, compressed: true, body: vec![0; 10] };
        assert!(packed.unpack(25 << 20).is_err());
        let negative = Packed { bytes: -1, compressed: false, body: Vec::new() };
        assert!(negative.unpack(25 << 20).is_err());
    }

    #[test]
    fn damaged_bytes_are_an_error_not_a_panic() {
        let mut packed = Packed::new(&vec![b'x'; 100_000]);
        packed.body.truncate(20);
        assert!(packed.unpack(1 << 20).is_err());
    }

    #[test]
    fn moments_survive_to_the_nanosecond_and_saturate_at_the_ends() {
        let at: Timestamp = "2026-11-20T07:00:00.123456789Z".parse().unwrap();
        assert_eq!(moment(nanos(at)), at);
        assert_eq!(nanos(Timestamp::MAX), i64::MAX);
        assert_eq!(nanos(Timestamp::MIN), i64::MIN);
    }
}
