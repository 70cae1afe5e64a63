//! Sizes as people write them: `500MB`, `1GB`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number of bytes: a whole number followed by `B`, `kB`, `MB`, `GB` or `TB` (powers of 1,000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// A text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size such as `500MB` or `1GB`")]
pub struct InvalidSize(String);

/// The units from large to small, and the bytes in each.
const UNITS: [(&str, u64); 5] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let (_, bytes) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        number.checked_mul(bytes).map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for Size {
    type Error = InvalidSize;

    fn try_from(text: String) -> Result<Self, InvalidSize> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let (unit, bytes) = whole.unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(B|kB|MB|GB|TB)$",
            "description": "A number of bytes such as `500MB` or `1GB` (powers of 1,000).",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_their_text_form() {
        for (text, bytes) in [("1GB", 1_000_000_000), ("1500MB", 1_500_000_000), ("12B", 12), ("0B", 0)] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size, size.to_string()), (Size(bytes), text.to_owned()));
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for bad in ["", "1", "GB", "1gb", "1.5GB", "-1B", "99999999999TB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?} was accepted");
        }
    }
}
