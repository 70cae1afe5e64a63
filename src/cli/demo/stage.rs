//! Where the demo plays: a private directory with a simulated GitHub, a clone, and the daemon's settings.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

use super::{
    arguments::{Actor, Arguments, Home},
    performance::End,
    teller::Opening,
};
use crate::{
    agent,
    background::Tasks,
    clock::Clock,
    config::{Adapters, Environment},
    process::Command,
    simulator::{Options, Simulator, Webhook, story},
};

/// The repository of the story.
pub(super) const REPO: &str = "acme/pages";
/// Its default branch.
pub(super) const BASE: &str = "main";
/// The reviewer, who may write to the repository.
pub(super) const MAINTAINER: &str = "maya";
/// Somebody who may not.
pub(super) const STRANGER: &str = "drifter";
/// Antiphon's account on the simulated GitHub.
pub(super) const OWN_LOGIN: &str = "antiphon-app";
/// The variables of the daemon that hold its secrets.
const TOKEN_ENV: &str = "ANTIPHON_DEMO_TOKEN";
const SECRET_ENV: &str = "ANTIPHON_DEMO_SECRET";
/// What the daemon may know of the user's environment: nothing that changes how git or the story behaves.
const KEPT: [&str; 9] = ["ANTIPHON_LOG", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TEMP", "TERM", "TMPDIR"];

/// Something that the demo needs and this machine does not have.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
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
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Missing { hint, .. } => hint,
            Self::Occupied(_) => "name a directory that does not exist yet",
        }
    }
}

/// Everything that the story needs, before anybody acts.
pub(super) struct Stage {
    github: Simulator,
    dir: PathBuf,
    stays: bool,
    address: SocketAddr,
    secrets: [(&'static str, String); 2],
    user: Environment,
    actor: Actor,
    time_scale: u32,
    patience: Duration,
    program: PathBuf,
}

impl Stage {
    /// Makes the directory, starts GitHub, clones, and writes the settings.
    pub(super) async fn set(
        arguments: &Arguments,
        user: &Environment,
        (tasks, clock): (&Tasks, &Clock),
    ) -> anyhow::Result<Self> {
        check_programs(arguments, user).await?;
        let mut files = story::files();
        for path in &arguments.extra_test {
            files.push(extra_test(&user.dir().join(path))?);
        }
        let dir = make_dir(arguments.keep.as_deref(), user)?;
        let secrets = [(TOKEN_ENV, random()?), (SECRET_ENV, random()?)];
        let options = Options {
            dir: dir.join("github"),
            clock: clock.clone(),
            token: secrets[0].1.clone(),
            webhook: None,
            own_login: OWN_LOGIN.to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start(options, tasks).await.context("the simulated GitHub cannot be started")?;
        let address = free_address()?;
        let stage = Self {
            github,
            dir,
            stays: arguments.keep.is_some(),
            address,
            secrets,
            user: user.clone(),
            actor: arguments.agent,
            time_scale: time_scale(arguments.agent),
            patience: arguments.patience(),
            program: std::env::current_exe().context("this program cannot be found")?,
        };
        let furnished = stage.furnish(arguments, &files).await;
        if let Err(error) = furnished {
            drop(stage.remove());
            return Err(error);
        }
        Ok(stage)
    }

    async fn furnish(&self, arguments: &Arguments, files: &[(String, String)]) -> anyhow::Result<()> {
        self.github.create_repository(REPO, files).await?;
        self.github.set_permission(REPO, MAINTAINER, "write")?;
        std::fs::create_dir_all(self.dir.join("home"))?;
        std::fs::create_dir_all(self.dir.join("reactions"))?;
        if arguments.withhold_prompts {
            let rule = "# The shipped rule of this name records what it would do, and does nothing.\n\
                        name: ci-failed\nmode: shadow\n";
            std::fs::write(self.dir.join("reactions/ci-failed.yaml"), rule)?;
        }
        std::fs::write(self.config(), self.settings(arguments))?;
        let url = self.github.clone_url(REPO);
        self.git(["clone", "--quiet", &url, "clone"], &self.dir).await?;
        let url = format!("http://{}/webhooks/github", self.address);
        self.github.set_webhook(Webhook { url, secret: self.secrets[1].1.clone() });
        Ok(())
    }

    /// Runs git as somebody who may only read.
    async fn git<const N: usize>(&self, args: [&str; N], dir: &Path) -> anyhow::Result<String> {
        let variables = self.environment_of_daemon();
        let home = self.dir.join("home");
        let git = Command::new("git").args(args).dir(dir).envs(variables.variables()).env("HOME", home);
        let output = git.run().await?;
        anyhow::ensure!(output.success(), "git {} failed: {}", args[0], output.stderr_text().trim());
        Ok(output.stdout_text())
    }

    /// What the default branch holds of a file now.
    pub(super) async fn merged_text(&self, path: &str) -> anyhow::Result<String> {
        let clone = self.dir.join("clone");
        self.git(["fetch", "--quiet", "origin", BASE], &clone).await?;
        self.git(["show", &format!("FETCH_HEAD:{path}")], &clone).await
    }

    fn settings(&self, arguments: &Arguments) -> String {
        let agent = match arguments.agent {
            Actor::Scripted => "scripted",
            Actor::Claude => "claude",
        };
        let runtime = arguments.runtime.map_or_else(String::new, |home| format!("    runtime: {}\n", word(home)));
        let agents = match arguments.agent {
            Actor::Scripted => scripted(&self.program, arguments.pace / 2),
            Actor::Claude => String::new(),
        };
        format!(
            "# Written by `antiphon demo`. The reactions are the shipped ones.\n\
             listen: {address}\n\
             github: {{ api_url: '{api}', token_env: {TOKEN_ENV} }}\n\
             webhook: {{ secret_env: {SECRET_ENV} }}\n\
             repositories:\n\
             \x20 - name: {REPO}\n\
             \x20   path: {clone}\n\
             \x20   agent: {agent}\n\
             {runtime}\
             \x20   merge: squash\n\
             \x20   issues: {{ labels: [{label}] }}\n\
             {agents}\
             # Every duration that Antiphon waits is divided by this.\n\
             time_scale: {scale}\n",
            address = self.address,
            api = self.github.api_url(),
            clone = quoted(&self.dir.join("clone")),
            label = super::people::LABEL,
            scale = self.time_scale,
        )
    }

    /// The simulated GitHub.
    pub(super) const fn github(&self) -> &Simulator {
        &self.github
    }

    /// What stands above the account.
    pub(super) fn opening(&self, arguments: &Arguments) -> Opening {
        let home = word(arguments.runtime.unwrap_or(Home::Pty));
        let agent = match self.actor {
            Actor::Scripted => format!("scripted, in a terminal ({home}); it knows only what it reads there"),
            Actor::Claude => format!("Claude Code, in a terminal ({home})"),
        };
        Opening {
            time_scale: self.time_scale,
            github: self.github.api_url(),
            agent,
            pace_ms: arguments.pace,
            dir: self.dir.display().to_string(),
        }
    }

    /// How long nothing may happen.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Where the daemon listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("antiphon.yaml")
    }

    /// Where the daemon keeps its state.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What the daemon logs.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// The daemon's log, where it can be read after the end: of a failure it is kept in any case.
    pub(super) fn log_to_show(&self, end: &End) -> anyhow::Result<Option<PathBuf>> {
        match end {
            End::Merged | End::Interrupted | End::Missing(_) if self.stays => Ok(Some(self.log())),
            End::Merged | End::Interrupted => Ok(None),
            End::Missing(_) => {
                let kept = self.dir.with_extension("log");
                std::fs::copy(self.log(), &kept).context("the daemon's log cannot be kept")?;
                Ok(Some(kept))
            }
        }
    }

    /// The last line of the daemon's log.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().next_back().map(|line| format!("; {line}")).unwrap_or_default()
    }

    /// This program.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// The user's environment.
    pub(super) const fn environment(&self) -> &Environment {
        &self.user
    }

    /// The arguments of the daemon.
    pub(super) fn arguments_of_daemon(&self) -> [String; 5] {
        let (config, state) = (self.config().display().to_string(), self.state_dir().display().to_string());
        ["up".to_owned(), "--config".to_owned(), config, "--state-dir".to_owned(), state]
    }

    /// The whole command by which anybody can start the daemon again.
    pub(super) fn command(&self) -> Vec<String> {
        let mut words = vec!["env".to_owned()];
        words.extend(self.secrets.iter().map(|(name, value)| format!("{name}={value}")));
        words.push(self.program.display().to_string());
        words.extend(self.arguments_of_daemon());
        words
    }

    /// The environment of the daemon.
    pub(super) fn environment_of_daemon(&self) -> Environment {
        let home = self.dir.join("home").display().to_string();
        let user = self.user.variables().iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut variables: BTreeMap<&str, &str> = match self.actor {
            Actor::Scripted => user.filter(|(name, _)| KEPT.contains(name)).chain([("HOME", home.as_str())]).collect(),
            // A real agent needs its credentials and its own settings.
            Actor::Claude => user.collect(),
        };
        variables.extend(self.secrets.iter().map(|(name, value)| (*name, value.as_str())));
        Environment::new(self.user.dir(), variables)
    }

    /// Removes everything, unless it is to stay.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        if self.stays {
            return Ok(());
        }
        std::fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

/// A real agent thinks in real time; the shorter the waits, the sooner it would count as stuck.
const fn time_scale(actor: Actor) -> u32 {
    match actor {
        Actor::Scripted => 60,
        Actor::Claude => 6,
    }
}

const fn word(home: Home) -> &'static str {
    match home {
        Home::Pty => "pty",
        Home::Tmux => "tmux",
    }
}

fn scripted(program: &Path, delay_ms: u64) -> String {
    let program = quoted(program);
    format!(
        "agents:\n\
         \x20 scripted:\n\
         \x20   command: [{program}, scripted-agent, --delay-ms, '{delay_ms}', --, {program}, hook]\n\
         \x20   receipt: hook\n\
         \x20   ready: 'scripted>\\s*\\z'\n"
    )
}

/// A path as a string of YAML.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

async fn check_programs(arguments: &Arguments, user: &Environment) -> Result<(), Unfit> {
    let answers = |program: &'static str, flag: &'static str| {
        let command = Command::new(program).arg(flag).envs(user.variables());
        async move { command.run().await.is_ok_and(|output| output.success()) }
    };
    if !answers("git", "--version").await {
        return Err(Unfit::Missing { program: "git", hint: "install git; the demo's agent really commits and pushes" });
    }
    if arguments.runtime == Some(Home::Tmux) && !answers("tmux", "-V").await {
        return Err(Unfit::Missing { program: "tmux", hint: "install tmux, or leave --runtime out" });
    }
    if arguments.agent == Actor::Claude
        && !agent::detect(&Adapters::default(), user.variables())
            .await
            .iter()
            .any(|found| found.name.as_str() == "claude")
    {
        let hint = "install Claude Code and log in once, or leave --agent out: the scripted agent needs no model";
        return Err(Unfit::Missing { program: "claude", hint });
    }
    Ok(())
}

/// A check of the user's, as a file of the repository.
fn extra_test(path: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // `test.sh` runs what ends like this.
    Ok((format!("tests/{name}.sh"), text))
}

fn make_dir(asked: Option<&Path>, user: &Environment) -> anyhow::Result<PathBuf> {
    let dir = match asked {
        Some(dir) => user.dir().join(dir),
        None => {
            let temporary = ["TMPDIR", "TEMP"].iter().find_map(|name| user.var(name)).unwrap_or("/tmp");
            Path::new(temporary).join(format!("antiphon-demo-{}", &random()?[..6]))
        }
    };
    let failed = || format!("cannot make {}", dir.display());
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(asked.is_some());
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&dir).with_context(failed)?;
    if std::fs::read_dir(&dir).with_context(failed)?.next().is_some() {
        return Err(Unfit::Occupied(dir).into());
    }
    dir.canonicalize().with_context(failed)
}

/// An address that is free now. It stays the daemon's for the whole demo, also while no daemon runs.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).context("there are no random numbers")?;
    Ok(hex::encode(bytes))
}
