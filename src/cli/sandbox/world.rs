//! The world itself: where it lies, what it knows, and how its daemon is started.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::Unfit;
use crate::{
    background::Tasks,
    clock::Clock,
    config::Environment,
    process::Command,
    simulator::{Options, Simulator, Webhook},
};

/// Antiphon's account on the simulated GitHub.
pub(in crate::cli) const OWN_LOGIN: &str = "antiphon-app";
/// The variables of the daemon that hold its secrets.
const TOKEN_ENV: &str = "ANTIPHON_DEMO_TOKEN";
const SECRET_ENV: &str = "ANTIPHON_DEMO_SECRET";
/// What the daemon may know of the user's environment: nothing that changes how git or agents behave.
const KEPT: [&str; 9] = ["ANTIPHON_LOG", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TEMP", "TERM", "TMPDIR"];

/// Where a sandbox is made.
pub(in crate::cli) struct Plan<'a> {
    /// What its directory is called, if it is a temporary one.
    pub(in crate::cli) name: &'static str,
    /// The directory that the user wants kept.
    pub(in crate::cli) keep: Option<&'a Path>,
    /// Whether the daemon gets the user's whole environment.
    pub(in crate::cli) lends_all: bool,
}

/// The world.
pub(in crate::cli) struct Sandbox {
    github: Simulator,
    dir: PathBuf,
    stays: bool,
    lends_all: bool,
    address: SocketAddr,
    secrets: [(&'static str, String); 2],
    user: Environment,
    program: PathBuf,
}

impl Sandbox {
    /// Makes the directory and starts GitHub.
    pub(in crate::cli) async fn open(
        plan: &Plan<'_>,
        user: &Environment,
        (tasks, clock): (&Tasks, &Clock),
    ) -> anyhow::Result<Self> {
        let dir = make_dir(plan, user)?;
        let opened = Self::open_in(dir.clone(), plan, user, (tasks, clock)).await;
        if opened.is_err() && plan.keep.is_none() {
            drop(std::fs::remove_dir_all(dir));
        }
        opened
    }

    async fn open_in(
        dir: PathBuf,
        plan: &Plan<'_>,
        user: &Environment,
        (tasks, clock): (&Tasks, &Clock),
    ) -> anyhow::Result<Self> {
        let secrets = [(TOKEN_ENV, random::<8>()?), (SECRET_ENV, random::<8>()?)];
        let options = Options {
            dir: dir.join("github"),
            clock: clock.clone(),
            token: secrets[0].1.clone(),
            webhook: None,
            own_login: OWN_LOGIN.to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start(options, tasks).await.context("the simulated GitHub cannot be started")?;
        std::fs::create_dir_all(dir.join("home"))?;
        std::fs::create_dir_all(dir.join("reactions"))?;
        Ok(Self {
            github,
            dir,
            stays: plan.keep.is_some(),
            lends_all: plan.lends_all,
            address: free_address()?,
            secrets,
            user: user.clone(),
            program: std::env::current_exe().context("this program cannot be found")?,
        })
    }

    /// Puts a repository on GitHub with these files, and clones it.
    pub(in crate::cli) async fn clone_repository(&self, repo: &str, files: &[(String, String)]) -> anyhow::Result<()> {
        self.github.create_repository(repo, files).await?;
        let (url, clone) = (self.github.clone_url(repo), self.clone_dir(repo).display().to_string());
        self.git(["clone", "--quiet", &url, &clone], &self.dir).await?;
        Ok(())
    }

    /// From now on GitHub delivers to the daemon.
    pub(in crate::cli) fn connect_webhook(&self) {
        let url = format!("http://{}/webhooks/github", self.address);
        self.github.set_webhook(Webhook { url, secret: self.secrets[1].1.clone() });
    }

    /// Runs git as somebody who may only read.
    pub(in crate::cli) async fn git<const N: usize>(&self, args: [&str; N], dir: &Path) -> anyhow::Result<String> {
        let variables = self.environment_of_daemon();
        let git = Command::new("git").args(args).dir(dir).envs(variables.variables()).env("HOME", self.home());
        let output = git.run().await?;
        anyhow::ensure!(output.success(), "git {} failed: {}", args[0], output.stderr_text().trim());
        Ok(output.stdout_text())
    }

    /// The first lines of the settings: where the daemon listens, and how it reaches GitHub.
    pub(in crate::cli) fn settings_head(&self) -> String {
        format!(
            "listen: {address}\n\
             github: {{ api_url: '{api}', token_env: {TOKEN_ENV} }}\n\
             webhook: {{ secret_env: {SECRET_ENV} }}\n",
            address = self.address,
            api = self.github.api_url(),
        )
    }

    /// The simulated GitHub.
    pub(in crate::cli) const fn github(&self) -> &Simulator {
        &self.github
    }

    /// The directory in which everything is.
    pub(in crate::cli) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the directory stays.
    pub(in crate::cli) const fn stays(&self) -> bool {
        self.stays
    }

    /// The clone of a repository.
    pub(in crate::cli) fn clone_dir(&self, repo: &str) -> PathBuf {
        self.dir.join("clones").join(repo.replace('/', "-"))
    }

    /// Where the daemon listens.
    pub(in crate::cli) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings.
    pub(in crate::cli) fn config(&self) -> PathBuf {
        self.dir.join("antiphon.yaml")
    }

    /// A rule of the operator's.
    pub(in crate::cli) fn reaction(&self, name: &str) -> PathBuf {
        self.dir.join("reactions").join(name).with_extension("yaml")
    }

    /// Where the daemon keeps its state.
    pub(in crate::cli) fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What the daemon logs.
    pub(in crate::cli) fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// The last line of the daemon's log.
    pub(in crate::cli) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().next_back().map(|line| format!("; {line}")).unwrap_or_default()
    }

    /// This program.
    pub(in crate::cli) fn program(&self) -> &Path {
        &self.program
    }

    /// The user's environment.
    pub(in crate::cli) const fn environment(&self) -> &Environment {
        &self.user
    }

    /// The arguments of the daemon.
    pub(in crate::cli) fn arguments_of_daemon(&self) -> [String; 5] {
        let (config, state) = (self.config().display().to_string(), self.state_dir().display().to_string());
        ["up".to_owned(), "--config".to_owned(), config, "--state-dir".to_owned(), state]
    }

    /// The daemon, to be started.
    pub(in crate::cli) fn daemon(&self) -> Command {
        let environment = self.environment_of_daemon();
        Command::new(&self.program)
            .args(self.arguments_of_daemon())
            .envs(environment.variables())
            .dir(environment.dir())
            .log(self.log())
    }

    /// The whole command by which anybody can start the daemon again.
    pub(in crate::cli) fn command(&self) -> Vec<String> {
        let mut words = vec!["env".to_owned()];
        words.extend(self.secrets.iter().map(|(name, value)| format!("{name}={value}")));
        words.push(self.program.display().to_string());
        words.extend(self.arguments_of_daemon());
        words
    }

    /// The environment of the daemon.
    pub(in crate::cli) fn environment_of_daemon(&self) -> Environment {
        let (home, dir) = (self.home().display().to_string(), self.dir.display().to_string());
        let user = self.user.variables().iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut variables: BTreeMap<&str, &str> = if self.lends_all {
            user.collect()
        } else {
            user.filter(|(name, _)| KEPT.contains(name)).chain([("HOME", home.as_str())]).collect()
        };
        variables.extend(self.secrets.iter().map(|(name, value)| (*name, value.as_str())));
        // What sessions write there goes with all the rest.
        variables.insert("TMPDIR", &dir);
        Environment::new(self.user.dir(), variables)
    }

    /// Removes everything, unless it is to stay.
    pub(in crate::cli) fn remove(&self) -> anyhow::Result<()> {
        if self.stays {
            return Ok(());
        }
        std::fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }

    fn home(&self) -> PathBuf {
        self.dir.join("home")
    }
}

/// Random bytes that nobody guesses, in hexadecimal digits.
fn random<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).context("there are no random numbers")?;
    Ok(hex::encode(bytes))
}

fn make_dir(plan: &Plan<'_>, user: &Environment) -> anyhow::Result<PathBuf> {
    let dir = match plan.keep {
        Some(dir) => user.dir().join(dir),
        None => {
            let temporary = ["TMPDIR", "TEMP"].iter().find_map(|name| user.var(name)).unwrap_or("/tmp");
            Path::new(temporary).join(format!("antiphon-{}-{}", plan.name, random::<3>()?))
        }
    };
    let failed = || format!("cannot make {}", dir.display());
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(plan.keep.is_some());
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&dir).with_context(failed)?;
    if std::fs::read_dir(&dir).with_context(failed)?.next().is_some() {
        return Err(Unfit::Occupied(dir).into());
    }
    dir.canonicalize().with_context(failed)
}

/// An address that is free now. It stays the daemon's for the whole time, also while no daemon runs.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}
