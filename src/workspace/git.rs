//! The git command line: a chosen environment, a deadline, and patience with locks.
//!
//! It never prompts, never runs a hook of the repository, and never passes on what git or a remote wrote without
//! taking control characters and credentials out.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::Engine as _;
use tracing::debug;
use url::Url;

use super::{Error, Workspace, other};
use crate::{boundary, process};

/// How often a command is tried that finds a lock of another process.
const TRIES_MAX: u32 = 9;
/// The pause before the second try; it doubles each time, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How much of git's words goes into an error.
const DETAIL_CHARS_MAX: usize = 600;
/// More output than this is not looked at, and the question counts as unanswered.
const OUTPUT_BYTES_MAX: usize = 128 << 20;

/// What of the user's environment git needs to find its configuration, its keys and the way to the network.
const INHERITED: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SYSTEMROOT",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
];

/// Configuration of every command. Our own calls run nothing that the repository brings along and start nothing in
/// the background that could hold a lock later.
const CONFIG: [(&str, &str); 10] = [
    ("core.hooksPath", NO_HOOKS),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.prune", "false"),
    ("branch.autoSetupMerge", "false"),
    ("worktree.guessRemote", "false"),
    ("worktree.useRelativePaths", "false"),
    // As many as there are cores; a large checkout takes half the time.
    ("checkout.workers", "0"),
];

/// Where there are no hooks.
#[cfg(unix)]
pub(super) const NO_HOOKS: &str = "/dev/null";
#[cfg(not(unix))]
pub(super) const NO_HOOKS: &str = "NUL";

/// The git program and the environment it runs in.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    env: BTreeMap<String, String>,
    config: Vec<(String, String)>,
}

/// Git configuration for the commands that speak to a remote. Its values are secret: they cannot be printed, and they
/// are passed by environment, never as arguments.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(Vec<(String, String)>);

impl Credentials {
    /// Nothing of ours: git uses the keys and helpers that the user configured.
    #[must_use]
    pub const fn of_the_user() -> Self {
        Self(Vec::new())
    }

    /// A token for the repository at this https URL, and for no other.
    #[must_use]
    pub fn token(clone_url: &Url, token: &str) -> Self {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        Self(vec![
            ("credential.helper".into(), String::new()),
            (format!("http.{clone_url}.extraHeader"), format!("Authorization: Basic {basic}")),
        ])
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({} settings)", self.0.len())
    }
}

/// How a git command ended.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its exit code.
    pub(super) code: i32,
    /// What it wrote.
    pub(super) stdout: Vec<u8>,
    /// What it had to say, fit to be shown.
    pub(super) detail: String,
}

impl Git {
    /// The git at `program`. Of `inherited`, the user's environment, only what git needs is kept; `GIT_*` is not.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, inherited: &BTreeMap<String, String>) -> Self {
        let mut env: BTreeMap<_, _> = INHERITED
            .iter()
            .filter_map(|name| inherited.get(*name).map(|value| ((*name).to_owned(), value.clone())))
            .collect();
        env.insert("LC_ALL".into(), "C".into());
        env.insert("GIT_TERMINAL_PROMPT".into(), "0".into());
        env.insert("GIT_OPTIONAL_LOCKS".into(), "0".into());
        Self { program: program.into(), env, config: Vec::new() }
    }

    /// A variable of the environment that it runs in.
    pub(super) fn variable(&self, name: &str) -> Option<&String> {
        self.env.get(name)
    }

    /// The same with more variables.
    pub(super) fn with(&self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut git = self.clone();
        git.env.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
        git
    }

    /// The same with more configuration.
    pub(super) fn configured(&self, config: Vec<(String, String)>) -> Self {
        Self { config, ..self.clone() }
    }

    /// Runs a command to its end; a lock of another process is waited for.
    pub(super) async fn ask(&self, dir: &Path, args: &[&str]) -> Result<Answer, Error> {
        self.ask_with(dir, args, &Credentials::of_the_user()).await
    }

    /// As [`Git::ask`], with credentials.
    pub(super) async fn ask_with(&self, dir: &Path, args: &[&str], credentials: &Credentials) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            let answer = self.once(dir, args, credentials).await?;
            if answer.code == 0 || !is_busy(&answer.detail) {
                return Ok(answer);
            }
            let Some(pause) = pause_after(tries) else { return Err(Error::Locked { detail: answer.detail }) };
            debug!(git.tries = tries, git.pause_ms = pause.as_millis(), "Waiting for a lock of another git");
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// Runs a command that has to succeed, and gives its output as text without the last line's end.
    pub(super) async fn tell(&self, dir: &Path, args: &[&str]) -> Result<String, Error> {
        let answer = self.ask(dir, args).await?;
        if answer.code == 0 { answer.text() } else { Err(answer.failure(args)) }
    }

    /// Runs a command in a workspace that has to succeed, and gives its output as it is.
    pub(super) async fn tell_bytes(&self, workspace: &Workspace, args: &[&str]) -> Result<Vec<u8>, Error> {
        let answer = self.ask(&workspace.path, args).await?;
        if answer.code == 0 { Ok(answer.stdout) } else { Err(answer.failure(args)) }
    }

    /// Runs a command once.
    pub(super) async fn once(&self, dir: &Path, args: &[&str], credentials: &Credentials) -> Result<Answer, Error> {
        boundary::cross("git called");
        let own = self.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let output = process::Command::new(&self.program)
            .args(args)
            .dir(dir)
            .envs(&self.env)
            // Nothing above the directory that is meant counts as its repository.
            .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir))
            .envs(config_env(CONFIG.iter().copied().chain(own).chain(credentials.pairs())))
            .deadline(Duration::from_secs(600))
            .output_bytes_max(OUTPUT_BYTES_MAX)
            .run()
            .await
            .map_err(other)?;
        boundary::cross("git answered");
        if output.stdout.len() >= OUTPUT_BYTES_MAX {
            return Err(other(anyhow::anyhow!("git {} wrote more than {OUTPUT_BYTES_MAX} bytes", verb(args))));
        }
        let Some(code) = output.code else {
            return Err(other(anyhow::anyhow!("git {} was killed by a signal", verb(args))));
        };
        Ok(Answer { code, detail: presentable(&output.stderr_text()), stdout: output.stdout })
    }
}

impl Credentials {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Answer {
    /// The output as text without the last line's end.
    pub(super) fn text(&self) -> Result<String, Error> {
        let text = std::str::from_utf8(&self.stdout).map_err(other)?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The error that this answer is, where only success would do.
    pub(super) fn failure(&self, args: &[&str]) -> Error {
        other(anyhow::anyhow!("git {} ended with {}: {}", verb(args), self.code, self.detail))
    }
}

/// How long to wait after this many tries; `None` when it is enough.
pub(super) fn pause_after(tries: u32) -> Option<Duration> {
    (tries < TRIES_MAX).then(|| (PAUSE_FIRST * 2_u32.pow(tries - 1)).min(PAUSE_MAX))
}

/// Whether git says that another process holds a lock, or stands in the middle of adding a worktree: for a moment
/// every look at the list of worktrees then fails.
pub(super) fn is_busy(detail: &str) -> bool {
    let says = |signs: &[&str]| signs.iter().any(|sign| detail.contains(sign));
    let locked = says(&[
        "Unable to create '",
        "cannot lock ref",
        "could not lock",
        "unable to lock",
        "Another git process seems",
    ]);
    // A missing directory or permission shows in the same words as a lock, and waiting does not mend it.
    let hopeless = says(&["Permission denied", "No such file", "Read-only file system"]);
    (locked && !hopeless) || says(&["failed to read worktrees/"])
}

/// The variables that give git this configuration.
pub(super) fn config_env<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut env = Vec::new();
    let mut count = 0;
    for (key, value) in pairs {
        env.push((format!("GIT_CONFIG_KEY_{count}"), key.to_owned()));
        env.push((format!("GIT_CONFIG_VALUE_{count}"), value.to_owned()));
        count += 1;
    }
    env.push(("GIT_CONFIG_COUNT".into(), count.to_string()));
    env
}

fn verb<'a>(args: &[&'a str]) -> &'a str {
    args.first().copied().unwrap_or_default()
}

/// Git's words on one line: no control characters, no credentials of a URL, capped.
fn presentable(stderr: &str) -> String {
    let lines: Vec<_> = stderr.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
    let words: Vec<_> = lines.join("; ").split(' ').map(without_credentials).collect();
    let text = words.join(" ");
    text.chars().filter(|letter| !letter.is_control()).take(DETAIL_CHARS_MAX).collect()
}

fn without_credentials(word: &str) -> String {
    let Some((before, rest)) = word.split_once("://") else { return word.to_owned() };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{before}://{}", &rest[at + 1..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_needs_is_inherited() {
        let inherited = [("HOME", "/h"), ("GIT_DIR", "/x"), ("GH_TOKEN", "t"), ("GIT_SSH_COMMAND", "evil")];
        let inherited = inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).into();

        let git = Git::new("git", &inherited);

        let names: Vec<_> = git.env.keys().map(String::as_str).collect();
        assert_eq!(names, ["GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "HOME", "LC_ALL"]);
    }

    #[test]
    fn waiting_is_bounded() {
        let pauses: Vec<_> = (1..).map_while(pause_after).collect();

        assert_eq!(pauses.len(), 8);
        assert_eq!(
            pauses.iter().sum::<Duration>(),
            Duration::from_millis(25 + 50 + 100 + 200 + 400 + 800 + 1600 + 2000)
        );
    }

    #[test]
    fn a_lock_is_told_from_a_missing_directory() {
        assert!(is_busy("fatal: Unable to create '/r/.git/index.lock': File exists."));
        assert!(is_busy("error: could not lock config file .git/config: File exists"));
        assert!(is_busy("error: cannot lock ref 'refs/heads/a': Unable to create '…': File exists."));
        assert!(is_busy("fatal: failed to read worktrees/t-1/commondir: No such file or directory"));
        assert!(!is_busy("fatal: Unable to create '/r/.git/index.lock': Permission denied"));
        assert!(!is_busy("fatal: invalid reference: x"));
    }

    #[test]
    fn gits_words_hold_no_credentials_and_no_escapes() {
        let words = "remote: \u{1b}[31mno\r\nfatal: unable to access 'https://u:ghp_x@github.com/o/r.git/': 403\n";

        assert_eq!(presentable(words), "remote: [31mno; fatal: unable to access 'https://github.com/o/r.git/': 403");
    }

    #[test]
    fn credentials_cannot_be_printed() {
        let credentials = Credentials::token(&"https://github.com/o/r".parse().unwrap(), "ghs_x");

        assert_eq!(format!("{credentials:?}"), "Credentials(2 settings)");
    }
}
