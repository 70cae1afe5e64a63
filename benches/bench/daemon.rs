//! The real daemon over a simulated GitHub.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use antiphon::{
    app::{self, Order},
    background::Tasks,
    clock::Clock,
    config::Environment,
    simulator::{Options, Simulator},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::load::{Letter, SECRET};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_antiphon");
pub(crate) const REPO: &str = "acme/pages";
const TOKEN: &str = "the-simulators-token-0123456789";
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const PATIENCE: Duration = Duration::from_secs(30);

/// A GitHub with one repository, and a clone of it.
pub(crate) struct World {
    pub(crate) github: Simulator,
    pub(crate) dir: PathBuf,
    port: u16,
    tasks: Tasks,
}

/// How a world is set up.
pub(crate) struct Style {
    pub(crate) runtime: &'static str,
    pub(crate) sessions: u16,
    pub(crate) time_scale: u32,
}

/// A daemon that runs; it is killed when this is dropped.
pub(crate) struct Daemon(Child);

impl World {
    pub(crate) async fn new(dir: &Path) -> anyhow::Result<Self> {
        Self::with(dir, &Style { runtime: "tmux", sessions: 4, time_scale: 100 }).await
    }

    pub(crate) async fn with(dir: &Path, style: &Style) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir.join("reactions"))?;
        let tasks = Tasks::new();
        let options = Options {
            dir: dir.join("github"),
            clock: Clock::system(),
            token: TOKEN.to_owned(),
            webhook: None,
            own_login: "antiphon-app".to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start(options, &tasks).await?;
        github.create_repository(REPO, &[("test.sh".to_owned(), "exit 0\n".to_owned())]).await?;
        github.set_permission(REPO, "maya", "write")?;
        let cloned =
            Command::new("git").args(["clone", "-q", &github.clone_url(REPO)]).arg(dir.join("clone")).status()?;
        ensure!(cloned.success(), "the simulator's repository cannot be cloned");
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let world = Self { github, dir: dir.to_owned(), port, tasks };
        std::fs::write(world.config(), world.settings(style)?)?;
        Ok(world)
    }

    fn settings(&self, style: &Style) -> anyhow::Result<String> {
        let bench = std::env::current_exe()?;
        Ok(format!(
            "listen: 127.0.0.1:{port}\ngithub: {{ api_url: '{api}', token_env: BENCH_TOKEN }}\n\
             webhook: {{ secret_env: BENCH_SECRET }}\nrepositories:\n  - name: {REPO}\n    path: '{dir}/clone'\n    \
             agent: bench\n    runtime: {runtime}\n    issues: {{ labels: [agent] }}\n\
             agents:\n  bench:\n    command: ['{bench}', agent]\n    receipt: hook\n    ready: 'bench>\\s*\\z'\n    \
             env: {{ BENCH_NOTES: '{dir}/notes' }}\n\
             reactions: {{ dir: '{dir}/reactions' }}\nlimits: {{ sessions: {sessions} }}\ntime_scale: {scale}\n",
            runtime = style.runtime,
            sessions = style.sessions,
            scale = style.time_scale,
            port = self.port,
            api = self.github.api_url(),
            dir = self.dir.display(),
            bench = bench.display(),
        ))
    }

    fn config(&self) -> PathBuf {
        self.dir.join("antiphon.yaml")
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// Starts the daemon and waits until it answers; how long that took.
    pub(crate) async fn start(&self) -> anyhow::Result<(Daemon, Duration)> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("daemon.log"))?;
        let mut command = Command::new(BINARY);
        command.arg("up").arg("--config").arg(self.config()).arg("--state-dir").arg(self.state_dir());
        command.env_clear().env("PATH", PATH).env("HOME", &self.dir);
        command.env("BENCH_TOKEN", TOKEN).env("BENCH_SECRET", SECRET).env("ANTIPHON_LOG", "warn").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let begun = Instant::now();
        let daemon = Daemon(command.spawn().context("the daemon cannot be started")?);
        self.answers("/healthz").await?;
        Ok((daemon, begun.elapsed()))
    }

    /// Waits until the daemon answers with 200.
    pub(crate) async fn answers(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let client = reqwest::Client::new();
        let answered = async {
            while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.with_context(|| format!("{path} was never answered"))
    }

    /// A recorded payload about this repository and a pull request of it.
    pub(crate) async fn letter(&self, event: &'static str, number: u64) -> anyhow::Result<Letter> {
        let examples = std::fs::read_to_string(format!("webhooks/examples/{event}.ndjson"))?;
        let mut payload: Value = serde_json::from_str(examples.lines().next().unwrap_or_default())?;
        let url = format!("{}/repos/{REPO}", self.github.api_url());
        let repository: Value =
            reqwest::Client::new().get(url).bearer_auth(TOKEN).send().await?.json::<Value>().await?;
        for at in ["/repository", "/pull_request/base/repo", "/pull_request/head/repo"] {
            if let Some(found) = payload.pointer_mut(at) {
                found["id"] = repository["id"].clone();
                found["full_name"] = REPO.into();
            }
        }
        payload["pull_request"]["number"] = number.into();
        if payload.get("number").is_some() {
            payload["number"] = number.into();
        }
        // To the length of a usual one.
        let missing = 24_000_usize.saturating_sub(payload.to_string().len());
        payload["pull_request"]["body"] = "words ".repeat(missing / 6).into();
        Letter::new(event, payload.to_string().into_bytes())
    }

    /// The names of the sessions, by what lies in the state directory.
    pub(crate) fn sessions(&self) -> anyhow::Result<Vec<String>> {
        let entries = std::fs::read_dir(self.state_dir().join("sessions"))?;
        let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// The processes beside the daemon that hold and record the sessions: they name its state directory.
    pub(crate) fn helpers(&self, daemon: &Daemon) -> anyhow::Result<Vec<u32>> {
        let (state, bench) = (self.state_dir(), std::env::current_exe()?);
        let (state, bench) = (state.to_string_lossy(), bench.to_string_lossy());
        let processes = std::fs::read_dir("/proc")?.flatten();
        let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_ours = |process: &u32| {
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains(&*state) && !line.starts_with(&*bench)
        };
        Ok(processes.filter(|process| *process != daemon.process()).filter(is_ours).collect())
    }

    /// Ends the agents, which outlive the daemon on purpose.
    pub(crate) async fn end_sessions(&self) -> anyhow::Result<()> {
        let home = self.dir.to_string_lossy();
        let variables = [("PATH", PATH), ("HOME", &home), ("BENCH_TOKEN", TOKEN), ("BENCH_SECRET", SECRET)];
        let order = Order {
            config: self.config(),
            state_dir: self.state_dir(),
            environment: Environment::new(&self.dir, variables),
            own_program: BINARY.into(),
        };
        app::end_sessions(&order).await
    }

    /// The end of the daemon's log.
    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.dir.join("daemon.log")).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn end(self) {
        self.tasks.shut_down(Duration::from_secs(5)).await;
    }
}

impl Drop for World {
    /// Ends the sessions, which outlive their daemon.
    fn drop(&mut self) {
        crate::tmux::kill(&self.state_dir().join("tmux.sock"));
    }
}

impl Daemon {
    pub(crate) fn process(&self) -> u32 {
        self.0.id()
    }

    /// Resident memory in MB.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no memory is told")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
