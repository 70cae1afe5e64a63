//! How a worktree is made ready, and what it has for itself. Doc comments here become the descriptions in the JSON schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setup;
use crate::yaml::Duration;

/// How a worktree is prepared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workspace {
    /// What a workspace is to git.
    pub kind: Kind,
    /// The directories of the repository that a workspace holds, beside the files at its top. Default: all of them.
    pub sparse: Vec<String>,
    /// Shell lines that run in a new worktree, in order, until one fails; or `auto`: what installs exactly what the lock
    /// files at its top say (npm, pnpm, yarn, bun, uv, poetry, cargo, go). Both run code of the repository. Default: none.
    pub setup: Setup,
    /// How long all of them together may take, at most 20m. Waiting for others at the cache of a package manager is not
    /// counted.
    pub setup_timeout: Duration,
    /// Whose git hooks run in it.
    pub hooks: Hooks,
    /// Files and directories of the clone that git ignores and every worktree needs, such as `.env`: each is linked.
    pub link: Vec<String>,
    /// Files and directories that git ignores and `setup` makes, such as `node_modules`: kept for the next worktree with the
    /// same lock files. `setup: auto` installs nothing where all of them were there.
    pub hydrate: Vec<String>,
    /// How they get there.
    pub hydrate_by: HydrateBy,
    /// Puts agents into a sandbox of bubblewrap (Linux): they change their workspace, and see no keys of yours. Default: none.
    pub sandbox: Option<Sandbox>,
}

/// A sandbox around agents, beside what it always holds. `~/` stands for your home directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Directories and files that agents may change as well, such as `~/.cargo`: what does not exist is left out.
    pub writable: Vec<String>,
    /// Directories and files that they do not see, beside the usual places of keys and Antiphon's own state.
    pub hidden: Vec<String>,
}

/// How something that was kept gets into a worktree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HydrateBy {
    /// Copied; on file systems with copy-on-write (Btrfs, XFS, APFS) that takes no space.
    #[default]
    Copy,
    /// By hard links: a program that writes in place writes to all worktrees.
    Hardlink,
    /// By one symbolic link to what all worktrees share.
    Symlink,
}

/// What a workspace is to git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A worktree of the clone: it shares branches, configuration and hooks with it.
    #[default]
    Worktree,
    /// A clone of the clone: it shares the objects alone.
    Clone,
}

/// Whose git hooks run in a worktree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hooks {
    /// Those of the clone: what an agent changes there runs when you commit.
    Inherit,
    /// A copy of them for each worktree, made when that is.
    #[default]
    Own,
    /// None.
    None,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            kind: Kind::default(),
            sparse: Vec::new(),
            setup: Setup::default(),
            setup_timeout: Duration::from_secs(10 * 60),
            hooks: Hooks::default(),
            link: Vec::new(),
            hydrate: Vec::new(),
            hydrate_by: HydrateBy::default(),
            sandbox: None,
        }
    }
}
