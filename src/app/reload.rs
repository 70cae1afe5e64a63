//! Keeps what can change up to date: settings and rules when their files change, repositories when GitHub can be asked.
//!
//! A valid change takes effect at the next event. An invalid one changes nothing: the last good stays in force, and why
//! is said wherever people look.

use std::{path::PathBuf, sync::Arc, time::Duration};

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    parts::{Changing, verifier},
    repositories, rulebook, wake,
};
use crate::{
    clock::Clock,
    config::{self, Config, Environment},
    event,
    executor::{Repositories, Repository},
    github,
    journal::{Journal as _, Post, SqliteJournal},
    model::MachineKey,
    places::Places,
};

/// How soon GitHub is asked again about repositories of which nothing is known, and how long the pauses become.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// How often GitHub is asked again although all is known: a rename is seen after this at the latest.
const REFRESH: Duration = Duration::from_secs(3600);
/// Editors write a file in several strokes.
const STROKES: Duration = Duration::from_millis(200);

/// The upkeep.
pub(super) struct Upkeep {
    path: PathBuf,
    environment: Environment,
    places: Places,
    github: github::Client,
    journal: Arc<SqliteJournal>,
    clock: Clock,
    changing: Changing,
    bell: Arc<Notify>,
    /// How often the repositories were asked about.
    rounds: u64,
    /// Whether deliveries may have been missed since the last round.
    missed: bool,
}

impl Upkeep {
    pub(super) fn new(
        settings: (PathBuf, Environment),
        places: Places,
        outside: (github::Client, Arc<SqliteJournal>, Clock),
        inside: (Changing, Arc<Notify>),
    ) -> Self {
        let ((path, environment), (github, journal, clock), (changing, bell)) = (settings, outside, inside);
        // Before the start nobody listened.
        Self { path, environment, places, github, journal, clock, changing, bell, rounds: 0, missed: true }
    }

    /// Works until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = watch(&self.path, &self.changing.config.borrow(), changed);
        let (mut pause, clock, bell) = (RETRY_MIN, self.clock.clone(), self.bell.clone());
        loop {
            let complete = self.refresh().await;
            pause = if complete { REFRESH } else { (pause * 2).min(RETRY_MAX) };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = changes.recv() => {
                    tokio::time::sleep(STROKES).await;
                    while changes.try_recv().is_ok() {}
                    self.reload();
                    pause = RETRY_MIN;
                }
                () = bell.notified() => {
                    tokio::time::sleep(STROKES).await;
                    self.github.installations_changed();
                }
                jump = wake::jumped(&clock) => {
                    info!(jump.secs = jump.as_secs(), "This machine slept, or its clock was set: everything is looked at");
                    self.missed = true;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
        drop(watcher);
    }

    /// Asks GitHub about the repositories and puts the rules in force; false if something is missing.
    async fn refresh(&mut self) -> bool {
        let config = self.changing.config.borrow().clone();
        let (known, unknown) = repositories::resolve(&config, &self.github, &self.places).await;
        match rulebook::build(&config, &known).await {
            Ok(rulebook) => {
                let before = self.changing.repositories.send_replace(Arc::new(known.clone()));
                self.changing.rules.send_replace(Arc::new(rulebook));
                self.changing.refused.send_if_modified(|refused| refused.take().is_some());
                self.tell(&before, &known).await;
            }
            Err(mistakes) => self.refuse(mistakes),
        }
        unknown.is_empty()
    }

    /// Tells each repository's machine how it stands: this is also the reconcile at the start.
    async fn tell(&mut self, before: &Repositories, known: &Repositories) {
        self.rounds += 1;
        let mut random = [0; 8];
        let unique = getrandom::fill(&mut random).map(|()| hex::encode(random)).unwrap_or_default();
        let missed = std::mem::take(&mut self.missed);
        let post = |repository: &Repository| Post {
            cause: format!("reconcile/{unique}/{}/{}", self.rounds, repository.id),
            to: MachineKey::Backlog(repository.id),
            event: news(repository, before.get(repository.id), missed).into(),
        };
        let posts = known.iter().map(post).collect();
        if let Err(error) = self.journal.post(posts).await {
            self.missed = true;
            warn!(error = &error as &dyn std::error::Error, "Could not order a look at the repositories");
        }
    }

    fn reload(&self) {
        match config::load(&self.path, &self.environment) {
            Ok(config) => self.take(config),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    fn take(&self, config: Config) {
        let running = self.changing.config.borrow().clone();
        if config.listen != running.listen || config.github != running.github {
            warn!("`listen` and `github` take effect after a restart");
        }
        match verifier(&config) {
            Ok(verifier) => drop(self.changing.verifier.send_replace(verifier)),
            Err(error) => return self.refuse(error.to_string()),
        }
        info!(config.path = %self.path.display(), "Took over the changed settings");
        self.changing.config.send_replace(Arc::new(config));
    }

    fn refuse(&self, mistakes: String) {
        error!("The newest settings are refused; the last good ones stay in force:\n{mistakes}");
        self.changing.refused.send_replace(Some(mistakes));
    }
}

/// What a repository's machine should hear.
fn news(repository: &Repository, before: Option<&Repository>, missed: bool) -> event::Backlog {
    let repo = repository.id;
    let was_parked = before.is_none_or(|before| before.parked.is_some());
    match repository.parked {
        Some(why) => event::Backlog::Parked { repo, why },
        None if missed || was_parked => event::Backlog::Missed { repo },
        None => event::Backlog::Hinted { repo },
    }
}

/// Watches the directories of the settings and of the operator's rules: editors replace files.
fn watch(path: &std::path::Path, config: &Config, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let dirs: Vec<PathBuf> = [&config.reactions.dir, &config.adapters.dir].into_iter().flatten().cloned().collect();
    let watched: Vec<PathBuf> = path.parent().map(PathBuf::from).into_iter().chain(dirs.clone()).collect();
    let settings = path.to_owned();
    let concerns = move |touched: &PathBuf| {
        *touched == settings || touched.parent().is_some_and(|parent| dirs.iter().any(|dir| dir == parent))
    };
    let handler = move |event: notify::Result<notify::Event>| {
        // Reading a file is an event as well, and so is everything else in its directory.
        let relevant = event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(&concerns));
        if relevant {
            // A full channel holds the news already.
            changed.try_send(()).ok();
        }
    };
    let mut watcher = match notify::recommended_watcher(handler) {
        Ok(watcher) => watcher,
        Err(error) => {
            warn!(%error, "Cannot watch the settings; restart after a change");
            return None;
        }
    };
    for dir in watched {
        if let Err(error) = watcher.watch(&dir, RecursiveMode::NonRecursive) {
            warn!(%error, dir = %dir.display(), "Cannot watch {}", dir.display());
        }
    }
    Some(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Backlog, Parked},
        model::{Merge, RepoId},
    };

    const REPO: RepoId = RepoId(7);

    fn repository(parked: Option<Parked>) -> Repository {
        let name: crate::model::RepoName = "acme/pages".parse().unwrap();
        Repository {
            id: REPO,
            configured: name.clone(),
            name,
            clone_url: String::new(),
            base: "main".parse().unwrap(),
            path: "/nowhere".into(),
            labels: Vec::new(),
            merge: Merge::None,
            parked,
        }
    }

    // G019, G045, G118
    #[test]
    fn whoever_comes_back_missed_something_and_whoever_is_out_of_reach_is_parked() {
        let (here, archived) = (repository(None), repository(Some(Parked::Archived)));

        assert_eq!(news(&here, Some(&here), false), Backlog::Hinted { repo: REPO });
        assert_eq!(news(&here, Some(&here), true), Backlog::Missed { repo: REPO });
        assert_eq!(news(&here, Some(&archived), false), Backlog::Missed { repo: REPO });
        assert_eq!(news(&here, None, false), Backlog::Missed { repo: REPO });
        assert_eq!(news(&archived, Some(&here), true), Backlog::Parked { repo: REPO, why: Parked::Archived });
    }
}
