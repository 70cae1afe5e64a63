//! Ranges of ports as people write them: `20000-29999`.

use std::{borrow::Cow, fmt, ops::RangeInclusive, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Ports that anybody may use, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ports {
    /// The first, 1024 or above.
    pub first: u16,
    /// The last, at least nine above the first.
    pub last: u16,
}

/// A text that is not a range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range of at least 10 ports above 1023, such as `20000-29999`")]
pub struct InvalidPorts(String);

impl Ports {
    /// All of them.
    #[must_use]
    pub const fn range(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl FromStr for Ports {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        let read = || {
            let (first, last) = text.split_once('-')?;
            let ports = Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
            (ports.first >= 1024 && ports.last.checked_sub(ports.first)? >= 9).then_some(ports)
        };
        read().ok_or_else(|| InvalidPorts(text.to_owned()))
    }
}

impl TryFrom<String> for Ports {
    type Error = InvalidPorts;

    fn try_from(text: String) -> Result<Self, InvalidPorts> {
        text.parse()
    }
}

impl From<Ports> for String {
    fn from(ports: Ports) -> Self {
        ports.to_string()
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl JsonSchema for Ports {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4,5}-[0-9]{4,5}$",
            "description": "A range of at least 10 ports above 1023, such as `20000-29999`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_survive_their_text_form() {
        let ports: Ports = "20000-29999".parse().unwrap();

        assert_eq!((ports.range(), ports.to_string().as_str()), (20_000..=29_999, "20000-29999"));
    }

    #[test]
    fn what_is_not_a_range_is_refused() {
        for bad in ["", "20000", "20000-20008", "30000-20000", "80-8080", "20000-70000", "a-b"] {
            assert!(bad.parse::<Ports>().is_err(), "{bad:?} was accepted");
        }
    }
}
