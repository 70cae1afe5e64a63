//! A world in the domain's words: a GitHub, a daemon, people. The daemon is the real binary in a process of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use antiphon::{
    background::Tasks,
    client::Client,
    clock::Clock,
    journal::{Retention, SqliteJournal},
    simulator::{self, Happened, LineComment, NewIssue, NewReview, Options, Simulator, Verdict, Webhook, story},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{
    process::{Child, Command},
    sync::broadcast,
};

use crate::{port::Port, recorder::Recorder};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_antiphon");
pub(crate) const REPO: &str = "acme/pages";
const TOKEN: &str = "the-simulators-token-0123456789";
const SECRET: &str = "a webhook secret";
/// No wait in a test may take longer. It says that something hangs, never that something is slow.
const HANGS: Duration = Duration::from_secs(60);

/// Everything that a story needs.
pub(crate) struct World {
    pub(crate) github: Simulator,
    pub(crate) dir: tempfile::TempDir,
    port: Port,
    tasks: Tasks,
    happened: broadcast::Receiver<Happened>,
    past: Vec<Happened>,
    recorder: Option<Recorder>,
}

/// A daemon that runs.
pub(crate) struct Daemon {
    child: Child,
}

impl World {
    /// GitHub with one repository, a clone of it, settings, and nobody at work.
    pub(crate) async fn new() -> Self {
        Self::with_settings(&BTreeMap::new()).await
    }

    /// The same with other values for some lines of the settings.
    pub(crate) async fn with_settings(changed: &BTreeMap<&str, String>) -> Self {
        Self::within(tempfile::tempdir().unwrap(), changed).await
    }

    /// The same in a directory of the test's choice.
    pub(crate) async fn within(dir: tempfile::TempDir, changed: &BTreeMap<&str, String>) -> Self {
        let tasks = Tasks::new();
        let options = Options {
            dir: dir.path().join("github"),
            clock: Clock::system(),
            token: TOKEN.to_owned(),
            webhook: None,
            own_login: changed.get("own_login").cloned().unwrap_or_else(|| "antiphon-app".to_owned()),
            git: "git".into(),
        };
        let github = Simulator::start(options, &tasks).await.unwrap();
        let happened = github.subscribe();
        github.create_repository(REPO, &story::files()).await.unwrap();
        github.set_permission(REPO, "maya", "write").unwrap();
        let port = Port::reserve();
        let recorder = Recorder::begin(&github, &tasks).await;
        let world = Self { github, dir, port, tasks, happened, past: Vec::new(), recorder };
        world.write_settings(changed);
        world.clone_repository().await;
        world.connect_webhook();
        world
    }

    fn write_settings(&self, changed: &BTreeMap<&str, String>) {
        let clone = self.clone_dir();
        let value = |key: &str, usual: &str| changed.get(key).cloned().unwrap_or_else(|| usual.to_owned());
        let scripted = format!(
            "\x20 scripted:\n\
             \x20   command: {command}\n\
             \x20   receipt: {receipt}\n\
             \x20   ready: 'scripted>\\s*\\z'",
            command = value(
                "command",
                &format!("['{BINARY}', scripted-agent, --record, '{}', --, '{BINARY}', hook]", self.typed().display())
            ),
            receipt = value("receipt", "hook"),
        );
        let text = format!(
            "listen: 127.0.0.1:{port}\n\
             github: {{ api_url: '{api}', token_env: TEST_GITHUB_TOKEN }}\n\
             webhook: {{ secret_env: TEST_WEBHOOK_SECRET }}\n\
             repositories:\n\
             \x20 - name: {REPO}\n\
             \x20   path: '{clone}'\n\
             \x20   agent: {agent}\n\
             \x20   runtime: {runtime}\n\
             \x20   merge: squash\n\
             \x20   report: {report}\n\
             \x20   issues: {{ labels: [agent] }}\n\
             \x20   workspace: {workspace}\n\
             agents:\n{agents}\n\
             limits: {{ sessions: {sessions} }}\n\
             reactions: {{ dir: '{reactions}' }}\n\
             time_scale: {scale}\n",
            port = self.port.number,
            api = self.recorder.as_ref().map_or_else(|| self.github.api_url(), |recorder| recorder.url.clone()),
            clone = clone.display(),
            runtime = value("runtime", "pty"),
            agent = value("agent", "scripted"),
            // How many lines a commit gets depends on the moment; those who compare every write do without.
            report = value("report", "false"),
            agents = value("agents", &scripted),
            workspace = value("workspace", "{}"),
            sessions = value("sessions", "4"),
            reactions = self.reactions_dir().display(),
            scale = value("time_scale", "200"),
        );
        std::fs::create_dir_all(self.reactions_dir()).unwrap();
        std::fs::write(self.config(), text).unwrap();
    }

    /// What a command of the operator's comes to: its exit code, and what it complains about.
    #[expect(clippy::disallowed_methods, reason = "a test runs the program as a user would")]
    pub(crate) async fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let command = Command::new(BINARY)
            .args(args)
            .arg("--config")
            .arg(self.config())
            .arg("--state-dir")
            .arg(self.state_dir())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        (command.status.code(), String::from_utf8(command.stderr).unwrap())
    }

    /// Adds a rule of the operator's.
    pub(crate) fn add_rule(&self, name: &str, text: &str) {
        std::fs::write(self.reactions_dir().join(format!("{name}.yaml")), text).unwrap();
    }

    async fn clone_repository(&self) {
        let url = self.github.clone_url(REPO);
        let status = git(self.dir.path(), &["clone", "--quiet", &url, "clone"]).await;
        assert!(status, "the simulator's repository cannot be cloned");
    }

    /// Where the daemon takes deliveries.
    pub(crate) fn door(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/github", self.port.number)
    }

    fn connect_webhook(&self) {
        self.github.set_webhook(Webhook { url: self.door(), secret: SECRET.to_owned() });
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("antiphon.yaml")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn clone_dir(&self) -> PathBuf {
        self.dir.path().join("clone")
    }

    fn reactions_dir(&self) -> PathBuf {
        self.dir.path().join("reactions")
    }

    /// What the agent's terminal got, byte by byte, as the agent itself noted it.
    pub(crate) fn typed(&self) -> PathBuf {
        self.dir.path().join("typed.log")
    }

    /// Starts the daemon. Its log goes to `daemon.log` in the world's directory.
    pub(crate) fn start_daemon(&self) -> Daemon {
        self.start_daemon_with(&[])
    }

    pub(crate) fn start_daemon_with(&self, arguments: &[&str]) -> Daemon {
        self.starter().start(arguments)
    }

    /// What it takes to start the daemon, also while the world is in use.
    pub(crate) fn starter(&self) -> Starter {
        Starter::new(self.dir.path())
    }

    /// A world whose agent is a shell script, with its adapter; and where the script is. `BINARY` in it is the program.
    #[cfg(unix)]
    pub(crate) async fn with_shell_agent(name: &str, script: &str, adapter: &str, scale: u32) -> (Self, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join(name);
        std::fs::write(&program, script.replace("BINARY", BINARY)).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::create_dir(dir.path().join("agents")).unwrap();
        std::fs::write(dir.path().join(format!("agents/{name}.yaml")), adapter).unwrap();
        let agents = format!("  {name}: {{ command: [{program:?}] }}");
        let settings = [("agent", name.to_owned()), ("agents", agents), ("time_scale", scale.to_string())];
        let world = Self::within(dir, &settings.into()).await;
        (world, program)
    }

    /// Somebody opens an issue that agents may work on; its number.
    pub(crate) fn open_issue(&self, index: usize) -> u64 {
        let (title, body) = story::issues().swap_remove(index);
        self.github
            .create_issue(REPO, &NewIssue { author: "maya".to_owned(), title, body, labels: vec!["agent".to_owned()] })
            .unwrap()
    }

    /// A reviewer asks for a change of one line.
    pub(crate) fn ask_for_changes(&self, person: &str, number: u64, comment: (&str, u64, &str)) {
        let (path, line, body) = comment;
        let review = NewReview {
            author: person.to_owned(),
            verdict: Verdict::RequestChanges,
            body: "One more thing.".to_owned(),
            comments: vec![LineComment { path: path.to_owned(), line, body: body.to_owned() }],
        };
        self.github.review(REPO, number, &review).unwrap();
    }

    /// The journal of a daemon that has ended.
    pub(crate) fn journal(&self) -> SqliteJournal {
        SqliteJournal::open(&self.state_dir(), Clock::system(), Retention::default()).unwrap()
    }

    /// Waits until something happened on GitHub, now or in the past.
    pub(crate) async fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&Happened) -> Option<T>) -> T {
        if let Some(found) = self.past.iter().find_map(&mut seen) {
            return found;
        }
        let wait = async {
            loop {
                match self.happened.recv().await {
                    Ok(happened) => {
                        let found = seen(&happened);
                        self.past.push(happened);
                        if let Some(found) = found {
                            return found;
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => panic!("the simulator ended"),
                }
            }
        };
        let found = tokio::time::timeout(HANGS, wait).await;
        found.unwrap_or_else(|_| panic!("did not happen: {what}\n{}", self.report()))
    }

    /// Forgets the past: the next `until` waits for something new.
    pub(crate) fn forget(&mut self) {
        while let Ok(happened) = self.happened.try_recv() {
            drop(happened);
        }
        self.past.clear();
    }

    /// Waits until a daemon answers.
    pub(crate) async fn is_served(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let answered = async {
            loop {
                ticks.tick().await;
                if let Ok(client) = Client::connect(&self.state_dir())
                    && client.overview().await.is_ok()
                {
                    return;
                }
            }
        };
        tokio::time::timeout(HANGS, answered).await.expect("the daemon answers");
    }

    /// Everything that daemons have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default()
    }

    /// What the daemon logged last, and what GitHub was told.
    pub(crate) fn report(&self) -> String {
        let log = self.log();
        let told = log.lines().filter(|line| !line.contains("probe") && !line.contains("deadline passed"));
        let tail: Vec<&str> = told.collect::<Vec<_>>().into_iter().rev().take(120).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("{}\n--- writes: {:#?}", tail.join("\n"), self.github.write_log())
    }

    /// Ends GitHub and waits for it.
    pub(crate) async fn end(self) {
        if let Some(recorder) = &self.recorder {
            recorder.end(&self.github);
        }
        self.tasks.shut_down(Duration::from_secs(10)).await;
    }
}

/// Starts daemons over one state directory, one after the other.
pub(crate) struct Starter {
    home: PathBuf,
    config: PathBuf,
    state_dir: PathBuf,
}

impl Starter {
    /// For the settings `antiphon.yaml` of a directory and the state beside them.
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), config: home.join("antiphon.yaml"), state_dir: home.join("state") }
    }

    #[expect(clippy::disallowed_methods, reason = "a test starts the program as a user would")]
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.home.join("daemon.log")).unwrap();
        let child = Command::new(BINARY)
            .arg("up")
            .arg("--config")
            .arg(&self.config)
            .arg("--state-dir")
            .arg(&self.state_dir)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("TMPDIR", &self.home)
            .env("TEST_GITHUB_TOKEN", TOKEN)
            .env("TEST_WEBHOOK_SECRET", SECRET)
            .env("ANTIPHON_LOG", "antiphon=debug")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Daemon { child }
    }
}

impl Drop for World {
    /// Ends what is meant to outlive a daemon: nobody could find it once the directory is gone.
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        for pid in processes_of(self.dir.path()) {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

/// The processes that were told of a directory: by a launch, or by an argument.
#[cfg(target_os = "linux")]
fn processes_of(dir: &Path) -> Vec<rustix::process::Pid> {
    let dir = dir.to_str().unwrap();
    let told = |pid: &rustix::process::Pid| {
        let read = |what: &str| std::fs::read(format!("/proc/{}/{what}", pid.as_raw_pid())).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        let launch = format!("ANTIPHON_SESSION_DIR={dir}");
        String::from_utf8_lossy(&line).contains(dir) || String::from_utf8_lossy(&environment).contains(&launch)
    };
    let names = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str().and_then(|name| name.parse().ok()));
    pids.filter_map(rustix::process::Pid::from_raw).filter(told).collect()
}

impl Daemon {
    /// The most memory that it has ever had, in KiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// Kills it, and waits.
    #[cfg(target_os = "linux")]
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end, as an operator would, and waits.
    #[cfg(unix)]
    pub(crate) async fn stop(self) {
        assert!(self.ends_when_asked().await);
    }

    /// Asks it to end and waits; false if it died over that.
    #[cfg(unix)]
    pub(crate) async fn ends_when_asked(mut self) -> bool {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = tokio::time::timeout(HANGS, self.child.wait()).await.expect("the daemon ends when it is asked to");
        ended.unwrap().success()
    }

    /// Waits for its end, however long that takes.
    pub(crate) async fn ended(&mut self) {
        self.child.wait().await.unwrap();
    }

    /// Waits until it is dead.
    pub(crate) async fn wait(&mut self) -> std::process::ExitStatus {
        tokio::time::timeout(HANGS, self.child.wait()).await.expect("the daemon ends").unwrap()
    }
}

/// Waits until `look` finds something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(HANGS, looking).await.unwrap_or_else(|_| panic!("never seen: {what}"))
}

#[expect(clippy::disallowed_methods, reason = "a test prepares its world as a user would")]
async fn git(dir: &Path, args: &[&str]) -> bool {
    Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir)
        .status()
        .await
        .unwrap()
        .success()
}

/// What stands in `X-Hub-Signature-256` above this body.
pub(crate) fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// That which GitHub says has come to pass.
pub(crate) use simulator::Conclusion;
