//! Bare repositories on disk, asked and changed by the real git. Knows nothing of issues or HTTP.

mod ask;
mod command;
mod error;
mod http;
mod merge;
mod paper;

use std::{io::Write as _, path::PathBuf, sync::Arc, time::Duration};

pub(crate) use command::git_date;
pub(crate) use error::Error;
pub(crate) use http::GitRequest;
pub(crate) use merge::{Method, Person};
use paper::Paper;

use super::world::Commit;

/// How long one git command may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// How a repository is set up beyond what git does by itself: as GitHub's are.
const CONFIG: &str = include_str!("repository.config");

/// Where programs are found. The simulator inherits nothing.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

/// The bare repositories under one directory.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    program: PathBuf,
    root: PathBuf,
    paper: Option<Arc<Paper>>,
}

impl Git {
    /// Uses this git for the repositories under `root`.
    pub(crate) const fn new(program: PathBuf, root: PathBuf) -> Self {
        Self { program, root, paper: None }
    }

    /// Repositories that exist on paper only: nobody can clone them, and no program is run.
    pub(crate) fn on_paper() -> Self {
        Self { program: PathBuf::new(), root: PathBuf::new(), paper: Some(Arc::default()) }
    }

    /// Whether the repositories exist on paper only.
    pub(crate) const fn is_paper(&self) -> bool {
        self.paper.is_some()
    }

    /// Where all repositories are.
    pub(crate) fn repositories(&self) -> PathBuf {
        self.root.join("repositories")
    }

    /// Where one repository is.
    pub(crate) fn path(&self, repo: &str) -> PathBuf {
        self.repositories().join(format!("{repo}.git"))
    }

    /// A new directory for a checkout, empty and not yet there.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.root.join("scratch").join(name)
    }

    /// Gives one repository all branches of another.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        if let Some(paper) = &self.paper {
            return paper.copy(from, to);
        }
        let from = self.path(from).display().to_string();
        self.ok(&self.path(to), &["fetch", "--quiet", &from, "refs/heads/*:refs/heads/*"]).await
    }

    /// Gives one repository all commits of another, and none of its branches.
    pub(crate) async fn share(&self, from: &str, to: &str) -> Result<(), Error> {
        if let Some(paper) = &self.paper {
            return paper.share(from, to);
        }
        let kept = format!("+refs/heads/*:refs/forks/{from}/*");
        let from = self.path(from).display().to_string();
        self.ok(&self.path(to), &["fetch", "--quiet", &from, &kept]).await
    }

    /// Makes an empty bare repository.
    pub(crate) async fn init(&self, repo: &str) -> Result<(), Error> {
        if let Some(paper) = &self.paper {
            paper.init(repo);
            return Ok(());
        }
        let path = self.path(repo);
        std::fs::create_dir_all(&path).map_err(|error| Error::Other(error.into()))?;
        self.ok(&path, &["init", "--quiet", "--bare", "--initial-branch=main", "."]).await?;
        let mut config = std::fs::OpenOptions::new()
            .append(true)
            .open(path.join("config"))
            .map_err(|error| Error::Other(error.into()))?;
        config.write_all(CONFIG.as_bytes()).map_err(|error| Error::Other(error.into()))?;
        Ok(())
    }
}
