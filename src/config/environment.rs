//! The process's environment, read once at the start and handed on as a plain value.
//!
//! Nothing else in the program reads a variable or the current directory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::model::Secret;

/// The variables and the current directory. `Debug` hides the values: some of them are secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    dir: PathBuf,
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode are left out.
    #[must_use]
    pub fn from_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((spelled(&name.into_string().ok()?), value.into_string().ok()?)))
            .collect();
        Self { variables, dir: std::env::current_dir().unwrap_or_default() }
    }

    /// An environment of these variables, standing in `dir`.
    #[must_use]
    pub fn new<'a>(dir: impl Into<PathBuf>, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (spelled(name), value.to_owned());
        Self { variables: variables.into_iter().map(owned).collect(), dir: dir.into() }
    }

    /// The value of a variable; an empty value counts as unset.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.variables.get(&spelled(name)).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that holds a secret, without surrounding white space.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.var(name).map(str::trim).filter(|value| !value.is_empty()).map(Secret::new)
    }

    /// All variables, sorted by name; on Windows all names are in capitals.
    #[must_use]
    pub const fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The current directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The user's home directory.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.absolute(name)
    }

    /// The directory of the user's settings: `antiphon` in `XDG_CONFIG_HOME`, else in `~/.config`; on Windows in `APPDATA`.
    #[must_use]
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.base("XDG_CONFIG_HOME", "APPDATA", ".config")
    }

    /// The directory of the daemon's state: `antiphon` in `XDG_STATE_HOME`, else in `~/.local/state`; on Windows in
    /// `LOCALAPPDATA`.
    #[must_use]
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.base("XDG_STATE_HOME", "LOCALAPPDATA", ".local/state")
    }

    fn base(&self, xdg: &str, windows: &str, under_home: &str) -> Option<PathBuf> {
        let platform = if cfg!(windows) { self.absolute(windows) } else { None };
        let base = self.absolute(xdg).or(platform).or_else(|| Some(self.home()?.join(under_home)))?;
        Some(base.join("antiphon"))
    }

    /// The XDG specification tells to ignore relative paths.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// The one spelling of a variable's name: Windows does not tell `Path`, which it says itself, from `PATH`.
fn spelled(name: &str) -> String {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("variables", &self.variables.len()).field("dir", &self.dir).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(windows)]
    #[test]
    fn a_variable_is_found_however_its_name_is_spelled() {
        let env = Environment::new("/", [("Path", r"C:\bin"), ("LocalAppData", r"C:\state")]);

        assert_eq!((env.var("PATH"), env.var("Path")), (Some(r"C:\bin"), Some(r"C:\bin")));
        assert_eq!(env.state_dir(), Some(r"C:\state\antiphon".into()));
        assert!(env.variables().contains_key("PATH"));
    }

    #[cfg(unix)]
    #[test]
    fn xdg_directories_win_over_the_home_directory() {
        let env = Environment::new("/", [("HOME", "/h"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "relative")]);

        assert_eq!(env.config_dir(), Some("/c/antiphon".into()));
        assert_eq!(env.state_dir(), Some("/h/.local/state/antiphon".into()));
    }

    #[test]
    fn without_a_home_there_is_no_directory() {
        assert_eq!(Environment::new("/", []).config_dir(), None);
    }

    #[test]
    fn a_secret_of_white_space_is_no_secret() {
        let env = Environment::new("/", [("A", " \n"), ("B", "x\n")]);

        assert_eq!((env.secret("A"), env.secret("B")), (None, Some(Secret::new("x"))));
    }

    #[test]
    fn values_cannot_be_printed() {
        let env = Environment::new("/", [("TOKEN", "hunter2")]);

        assert_eq!(format!("{env:?}"), "Environment { variables: 1, dir: \"/\" }");
    }
}
