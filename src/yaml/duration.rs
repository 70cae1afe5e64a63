//! Durations as people write them: `30s`, `15m`, `8d`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration: a whole number followed by `ms`, `s`, `m`, `h` or `d`; at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(pub std::time::Duration);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration such as `500ms`, `30s`, `15m`, `2h` or `8d`")]
pub struct InvalidDuration(String);

/// The units from large to small, and the milliseconds in each.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const MILLIS_MAX: u64 = 3_650 * 86_400_000;

impl Duration {
    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(std::time::Duration::from_secs(secs))
    }

    /// The same duration in a world that runs `factor` times as fast.
    #[must_use]
    pub fn sped_up(self, factor: u32) -> Self {
        Self(self.0 / factor.max(1))
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        match number.checked_mul(millis) {
            Some(millis) if millis <= MILLIS_MAX => Ok(Self(std::time::Duration::from_millis(millis))),
            Some(_) | None => Err(invalid()),
        }
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(MILLIS_MAX);
        let whole = UNITS.into_iter().find(|(_, unit)| millis != 0 && millis.is_multiple_of(*unit));
        let (unit, size) = whole.unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", millis / size)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
            "description": "A duration such as `500ms`, `30s`, `15m`, `2h` or `8d`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), ("15m", 900_000), ("2h", 7_200_000), ("8d", 691_200_000), ("0s", 0)]
        {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.0.as_millis(), duration.to_string()), (millis, text.to_owned()));
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for bad in ["", "30", "s", "-1s", "1.5h", "30 s", "30sec", "99999999999999999999s", "99999d", "１s"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad:?} was accepted");
        }
    }
}
