//! What a machine lacks.

use std::path::PathBuf;

use crate::{config::Environment, process::Command};

/// Something that is needed and that this machine does not have.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Unfit {
    /// A program is missing.
    #[error("`{program}` is not installed here")]
    Missing {
        /// Which.
        program: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// The directory for everything has something in it.
    #[error("{} is not empty", .0.display())]
    Occupied(PathBuf),
}

impl Unfit {
    /// What to do about it.
    pub(in crate::cli) const fn hint(&self) -> &'static str {
        match self {
            Self::Missing { hint, .. } => hint,
            Self::Occupied(_) => "name a directory that does not exist yet",
        }
    }
}

/// Checks that a program is there, by asking it for its version.
pub(in crate::cli) async fn answers(program: &str, flag: &str, user: &Environment) -> bool {
    let command = Command::new(program).arg(flag).envs(user.variables());
    command.run().await.is_ok_and(|output| output.success())
}
