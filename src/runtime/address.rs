//! Which launch of which session is meant, what is to be started, and whether it lives. Plain data.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::recording::Recording;
use crate::model::{Generation, InvalidId, SessionId};

/// One launch of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The session.
    pub session: SessionId,
    /// Which launch of it; an older one is never meant.
    pub generation: Generation,
}

/// What is to be started.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// What it is called.
    pub address: Address,
    /// The program and its arguments; the program is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The complete environment. The runtime adds `ANTIPHON_SESSION` (if it is not set) and `ANTIPHON_SESSION_DIR`, and a terminal
    /// adds what describes itself; nothing is inherited from this process.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub dir: PathBuf,
    /// The width of the terminal, 1 or more.
    pub columns: u16,
    /// The height of the terminal, 1 or more.
    pub rows: u16,
    /// The private directory of this launch (0700). It exists, and no other launch ever uses it.
    pub session_dir: PathBuf,
    /// How its terminal is recorded; none: not at all.
    #[serde(default)]
    pub recording: Option<Recording>,
}

/// Whether a launch lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Its process runs.
    Alive {
        /// The process that was started, where the platform names it.
        pid: Option<u32>,
    },
    /// Its process ended.
    Exited {
        /// The exit code, if it ended by itself.
        code: Option<i32>,
        /// The signal that ended it, as the platform names it.
        signal: Option<String>,
    },
    /// The runtime is certain that there is nothing.
    Gone,
    /// The runtime cannot tell.
    Unknown {
        /// What stood in the way.
        why: String,
    },
}

/// The environment variable by which every process of a launch is found again: it holds the launch's private directory. That
/// of a setup holds the path of its log.
pub(crate) const MARKER: &str = "ANTIPHON_SESSION_DIR";

impl Launch {
    /// The environment of the launched process: what was ordered, and the marks by which it is found again.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        env.entry("ANTIPHON_SESSION".to_owned()).or_insert_with(|| self.address.session.to_string());
        env.insert(MARKER.to_owned(), self.session_dir.to_string_lossy().into_owned());
        env
    }
}

impl fmt::Debug for Launch {
    /// Without the environment and what is known for its recording: they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("address", &self.address)
            .field("argv", &self.argv)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Address {
    /// `{session}-{generation}`. A session name may hold dashes and digits, a generation only digits, so the last dash
    /// always parts the two: no two addresses look alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session, self.generation)
    }
}

impl FromStr for Address {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = || InvalidId { wanted: "launch (session-generation)", text: text.to_owned() };
        let (session, generation) = text.rsplit_once('-').ok_or_else(bad)?;
        let canonical = generation == "0" || !generation.starts_with(['0', '+']);
        if !canonical {
            return Err(bad());
        }
        Ok(Self { session: session.parse()?, generation: generation.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(session: &str, generation: u32) -> Address {
        Address { session: session.parse().unwrap(), generation: Generation(generation) }
    }

    #[test]
    fn what_an_address_prints_it_reads_back() {
        for one in [address("t-1", 1), address("t-1-1", 0), address("t", 11), address("a-", 4_000_000_000)] {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
    }

    #[test]
    fn only_one_text_names_a_launch() {
        for bad in ["", "t", "t-", "-1", "t-01", "t-+1", "t-x", "T-1", "t-1 ", "antiphon-keeper"] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn the_environment_is_what_was_ordered_and_two_marks() {
        let launch = Launch {
            address: address("t-1", 2),
            argv: vec!["agent".into()],
            env: BTreeMap::from([("SECRET".into(), "hush".into())]),
            dir: "/w".into(),
            columns: 80,
            rows: 24,
            session_dir: "/s/t-1-2".into(),
            recording: None,
        };

        let env = launch.environment().into_iter().map(|(name, value)| format!("{name}={value}"));

        assert_eq!(env.collect::<Vec<_>>(), ["ANTIPHON_SESSION=t-1", "ANTIPHON_SESSION_DIR=/s/t-1-2", "SECRET=hush"]);
        assert!(!format!("{launch:?}").contains("hush"));
    }
}
