//! Finds the settings file and the state directory.

use std::path::{Path, PathBuf};

use super::{Environment, Error};

/// The file's name, wherever it is looked for.
pub const FILE_NAME: &str = "antiphon.yaml";

/// Where a command may look for the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Only in the user's directory.
    User,
    /// In the user's directory, then in the current one (for `up`).
    UserThenHere,
}

/// Finds the settings: the file that was asked for, else the user's, else (for `up`) the one in the current directory.
///
/// The current directory is never used inside `state_dir`: what an agent writes into its worktree must not become the
/// settings of the daemon that watches it.
///
/// # Errors
///
/// [`Error::NotFound`] when there is none, with the places that were tried.
pub fn locate(
    asked: Option<&Path>,
    search: Search,
    state_dir: &Path,
    environment: &Environment,
) -> Result<PathBuf, Error> {
    let tried = match asked {
        Some(path) => vec![environment.dir().join(path)],
        None => candidates(search, state_dir, environment),
    };
    match tried.iter().find(|path| path.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(Error::NotFound { tried }),
    }
}

/// The state directory: the one that was asked for, else the user's.
///
/// # Errors
///
/// [`Error::NoHome`] when no variable tells where the user's directories are.
pub fn state_dir(asked: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    match asked {
        Some(path) => Ok(environment.dir().join(path)),
        None => environment.state_dir().ok_or(Error::NoHome),
    }
}

fn candidates(search: Search, state_dir: &Path, environment: &Environment) -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = environment.config_dir().map(|dir| dir.join(FILE_NAME)).into_iter().collect();
    let here = environment.dir();
    match search {
        Search::User => {}
        Search::UserThenHere if within(here, state_dir) => {}
        Search::UserThenHere => candidates.push(here.join(FILE_NAME)),
    }
    candidates
}

/// Links are followed where they can be: a path of another spelling is the same place.
fn within(dir: &Path, parent: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(dir).starts_with(real(parent))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct World {
        root: tempfile::TempDir,
    }

    impl World {
        fn new(files: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for dir in ["home/.config/antiphon", "here", "state/worktrees/t-1"] {
                fs::create_dir_all(root.path().join(dir)).unwrap();
            }
            for file in files {
                fs::write(root.path().join(file), "").unwrap();
            }
            Self { root }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn locate(&self, asked: Option<&str>, search: Search, here: &str) -> Result<PathBuf, Error> {
            let home = self.path("home").display().to_string();
            let environment = Environment::new(self.path(here), [("HOME", home.as_str())]);
            locate(asked.map(Path::new), search, &self.path("state"), &environment)
        }
    }

    #[test]
    fn the_file_that_was_asked_for_wins() {
        let world = World::new(&["home/.config/antiphon/antiphon.yaml", "here/other.yaml"]);

        let found = world.locate(Some("other.yaml"), Search::User, "here").unwrap();
        assert_eq!(found, world.path("here/other.yaml"));
        assert!(matches!(world.locate(Some("no.yaml"), Search::User, "here"), Err(Error::NotFound { .. })));
    }

    #[test]
    fn the_users_file_wins_over_the_one_here() {
        let world = World::new(&["home/.config/antiphon/antiphon.yaml", "here/antiphon.yaml"]);

        let found = world.locate(None, Search::UserThenHere, "here").unwrap();
        assert_eq!(found, world.path("home/.config/antiphon/antiphon.yaml"));
    }

    #[test]
    fn only_up_takes_the_file_here() {
        let world = World::new(&["here/antiphon.yaml"]);

        assert_eq!(world.locate(None, Search::UserThenHere, "here").unwrap(), world.path("here/antiphon.yaml"));
        assert!(matches!(world.locate(None, Search::User, "here"), Err(Error::NotFound { .. })));
    }

    #[test]
    fn a_file_inside_a_workspace_is_never_taken() {
        let world = World::new(&["state/worktrees/t-1/antiphon.yaml"]);

        let found = world.locate(None, Search::UserThenHere, "state/worktrees/t-1");
        assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
    }

    #[test]
    fn the_state_directory_is_the_one_asked_for_or_the_users() {
        let environment = Environment::new("/w", [("HOME", "/h")]);

        assert_eq!(state_dir(Some(Path::new("s")), &environment).unwrap(), PathBuf::from("/w/s"));
        assert_eq!(state_dir(None, &environment).unwrap(), PathBuf::from("/h/.local/state/antiphon"));
    }
}
