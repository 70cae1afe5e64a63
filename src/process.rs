//! The one place that starts child processes: argv only (never a shell), an own process group, a deadline, and an
//! environment of which every variable was chosen.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStdin, ChildStdout},
};

/// A program to run to its end.
#[derive(Debug, Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    dir: Option<PathBuf>,
    env: BTreeMap<OsString, OsString>,
    stdin: Vec<u8>,
    deadline: Duration,
    output_bytes_max: usize,
    log: Option<PathBuf>,
    #[cfg(windows)]
    rest: Option<OsString>,
}

/// How a program ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output, up to the cap.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, up to the cap.
    pub stderr: Vec<u8>,
}

/// A program that runs on while one talks to it. Dropping it kills it; what it started in sessions of their own lives on.
#[derive(Debug)]
#[must_use = "dropping it kills the program"]
pub struct Running {
    child: Box<dyn ChildWrapper>,
}

/// How a program ended that was not run for its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not there or may not be run.
    #[error("cannot start {program}")]
    NotStarted {
        /// What was to be run.
        program: String,
        /// Why it could not.
        #[source]
        source: io::Error,
    },
    /// It ran longer than its deadline and was killed with its whole group.
    #[error("{program} did not end within {} s", deadline.as_secs())]
    TooSlow {
        /// What ran.
        program: String,
        /// The deadline that passed.
        deadline: Duration,
    },
    /// Talking to it failed.
    #[error("lost the connection to {program}")]
    Lost {
        /// What ran.
        program: String,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

impl Command {
    /// A command with an empty environment, no input, a deadline of 60 s and 16 MiB of output kept per stream.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            dir: None,
            env: BTreeMap::new(),
            stdin: Vec::new(),
            deadline: Duration::from_secs(60),
            output_bytes_max: 16 << 20,
            log: None,
            #[cfg(windows)]
            rest: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Ends the command line with this, as it is: `cmd` reads quotes in its own way.
    #[cfg(windows)]
    #[must_use]
    pub fn rest(mut self, rest: impl AsRef<OsStr>) -> Self {
        self.rest = Some(rest.as_ref().to_owned());
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        for (name, value) in variables {
            self = self.env(name, value);
        }
        self
    }

    /// What the program reads from standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// When the program and its whole group are killed.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many bytes of each output stream are kept; the rest is read and dropped.
    #[must_use]
    pub const fn output_bytes_max(mut self, bytes: usize) -> Self {
        self.output_bytes_max = bytes;
        self
    }

    /// Appends both output streams to this file as they come, instead of keeping them in memory.
    #[must_use]
    pub fn log(mut self, file: impl AsRef<Path>) -> Self {
        self.log = Some(file.as_ref().to_owned());
        self
    }

    /// Runs the program to its end. Whoever does not wait for that ends it with its whole group.
    ///
    /// # Errors
    ///
    /// When it cannot be started, does not end in time, or its streams fail. A non-zero exit code is not an error.
    pub async fn run(self) -> Result<Output, Error> {
        let program = self.program.to_string_lossy().into_owned();
        let deadline = self.deadline;
        let child =
            self.spawn(Stdio::piped()).map_err(|source| Error::NotStarted { program: program.clone(), source })?;
        let mut group = Group { child, ended: false };
        let conversation = converse(&mut *group.child, self.stdin, self.output_bytes_max);
        match tokio::time::timeout(deadline, conversation).await {
            Ok(ended) => {
                group.ended = ended.is_ok();
                ended.map_err(|source| Error::Lost { program, source })
            }
            Err(_) => {
                drop(group.child.start_kill());
                drop(group.child.wait().await);
                group.ended = true;
                Err(Error::TooSlow { program, deadline })
            }
        }
    }

    /// Starts the program for a conversation. Its standard error goes to the log, if one was named; input, deadline and
    /// cap do not apply.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(self) -> Result<(Running, ChildStdin, ChildStdout), Error> {
        let program = self.program.to_string_lossy().into_owned();
        let not_started = |source| Error::NotStarted { program: program.clone(), source };
        let log = self.log.as_deref().map(open_log).transpose().map_err(not_started)?;
        let stderr = log.map_or_else(Stdio::null, Stdio::from);
        let mut child = Self { log: None, ..self }.spawn(stderr).map_err(not_started)?;
        let streams = child.stdin().take().zip(child.stdout().take());
        let (stdin, stdout) = streams.ok_or_else(|| not_started(io::ErrorKind::BrokenPipe.into()))?;
        Ok((Running { child }, stdin, stdout))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts child processes")]
    fn spawn(&self, stderr: Stdio) -> io::Result<Box<dyn ChildWrapper>> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(of_the_system()).envs(&self.env);
        #[cfg(windows)]
        if let Some(rest) = &self.rest {
            command.raw_arg(rest);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        if let Some(log) = &self.log {
            let file = open_log(log)?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let mut wrap = CommandWrap::from(command);
        wrap.wrap(KillOnDrop);
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        wrap.spawn()
    }
}

/// A program and what it started. Dropping it before it has ended kills them all.
struct Group {
    child: Box<dyn ChildWrapper>,
    ended: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.child.start_kill());
        }
    }
}

impl Running {
    /// The number of its process; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub async fn ended(&mut self) -> io::Result<Ending> {
        self.child.wait().await.map(ending)
    }
}

/// Asks a process to end, as `kill` does. Elsewhere than on Unix there is no such question.
///
/// # Errors
///
/// When there is no such process, or it is not ours.
#[cfg(unix)]
pub fn ask_to_end(id: u32) -> io::Result<()> {
    let pid = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

/// Asks a process to end. There is no such question here.
///
/// # Errors
///
/// Always.
#[cfg(not(unix))]
pub fn ask_to_end(_id: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What can be done to a process from outside, without its consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It is ended at once.
    Kill,
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
}

/// Does this to a process. Elsewhere than on Unix it cannot be done.
///
/// # Errors
///
/// When there is no such process, or it is not ours.
#[cfg(unix)]
pub fn force(id: u32, force: Force) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match force {
        Force::Kill => Signal::KILL,
        Force::Pause => Signal::STOP,
        Force::Resume => Signal::CONT,
    };
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?, signal)?)
}

/// Does this to a process. It cannot be done here.
///
/// # Errors
///
/// Always.
#[cfg(not(unix))]
pub fn force(_id: u32, _force: Force) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Becomes another program: same process, same streams, environment as given. Returns only if that failed.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts other programs")]
pub fn turn_into(argv: &[OsString], env: &BTreeMap<OsString, OsString>) -> io::Error {
    use std::os::unix::process::CommandExt as _;
    let (program, args) = argv.split_first().map_or((OsStr::new(""), argv), |(program, args)| (program, args));
    std::process::Command::new(program).args(args).env_clear().envs(env).exec()
}

/// Becomes another program. There is no such thing here.
#[cfg(not(unix))]
pub fn turn_into(_argv: &[OsString], _env: &BTreeMap<OsString, OsString>) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// Starts a program that outlives this process: own session, no streams, environment as given.
///
/// # Errors
///
/// When it cannot be started.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts child processes")]
pub fn detach(program: &Path, args: &[OsString], dir: &Path, env: &BTreeMap<OsString, OsString>) -> Result<u32, Error> {
    let mut command = std::process::Command::new(program);
    command.args(args).current_dir(dir).env_clear().envs(of_the_system()).envs(env);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut wrap = process_wrap::std::CommandWrap::from(command);
    #[cfg(unix)]
    wrap.wrap(process_wrap::std::ProcessSession);
    #[cfg(windows)]
    wrap.wrap(process_wrap::std::CreationFlags(windows_detached()));
    let mut child =
        wrap.spawn().map_err(|source| Error::NotStarted { program: program.display().to_string(), source })?;
    let id = child.id();
    // Nobody waits for it, but while this process lives its end must not leave a zombie behind.
    let reap = std::thread::Builder::new().name("reaper".to_owned()).stack_size(64 << 10);
    drop(reap.spawn(move || child.wait()));
    Ok(id)
}

/// Runs a program to its end on the terminal of this process: its streams, its process group, environment as given. The
/// exit code; `None` if a signal ended it.
///
/// # Errors
///
/// When it cannot be started.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts child processes")]
pub fn on_this_terminal(argv: &[OsString], env: &BTreeMap<String, String>) -> Result<Option<i32>, Error> {
    let (program, args) = argv.split_first().map_or((OsStr::new(""), argv), |(program, args)| (program, args));
    // A group of its own would stand in the background of the terminal and be stopped at its first read.
    let ended = std::process::Command::new(program).args(args).env_clear().envs(env).status();
    let not_started = |source| Error::NotStarted { program: program.to_string_lossy().into_owned(), source };
    ended.map(|status| status.code()).map_err(not_started)
}

impl Output {
    /// Whether the exit code is 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as text, invalid bytes replaced.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, invalid bytes replaced.
    #[must_use]
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// The variable by which Windows' own libraries find each other; without it a program cannot even open a socket.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "it tells where the system is, and is nobody's setting")]
fn of_the_system() -> Option<(&'static str, OsString)> {
    std::env::var_os("SystemRoot").map(|value| ("SystemRoot", value))
}

/// No variable is needed by every program.
#[cfg(not(windows))]
const fn of_the_system() -> Option<(&'static str, OsString)> {
    None
}

fn open_log(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(unix)]
fn ending(status: std::process::ExitStatus) -> Ending {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    signal.map_or_else(|| Ending::Code(status.code().unwrap_or(-1)), Ending::Signal)
}

#[cfg(not(unix))]
fn ending(status: std::process::ExitStatus) -> Ending {
    Ending::Code(status.code().unwrap_or(-1))
}

async fn converse(child: &mut dyn ChildWrapper, input: Vec<u8>, keep: usize) -> io::Result<Output> {
    let stdin = child.stdin().take();
    let stdout = child.stdout().take();
    let stderr = child.stderr().take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A program that does not read all of its input is not an error.
            drop(stdin.write_all(&input).await);
        }
    };
    let ((), stdout, stderr) = tokio::join!(write, read_capped(stdout, keep), read_capped(stderr, keep));
    let status = child.wait().await?;
    Ok(Output { code: status.code(), stdout: stdout?, stderr: stderr? })
}

async fn read_capped(stream: Option<impl tokio::io::AsyncRead + Unpin>, keep: usize) -> io::Result<Vec<u8>> {
    let Some(mut stream) = stream else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(kept);
        }
        let room = keep.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&chunk[..room]);
    }
}

#[cfg(windows)]
fn windows_detached() -> windows::Win32::System::Threading::PROCESS_CREATION_FLAGS {
    windows::Win32::System::Threading::DETACHED_PROCESS | windows::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP
}

#[cfg(all(test, unix))]
mod tests {
    use tokio::io::AsyncBufReadExt as _;

    use super::*;

    #[tokio::test]
    async fn output_and_exit_code_come_back() {
        let output = Command::new("/bin/sh").args(["-c", "cat; echo err >&2; exit 3"]).stdin("in").run().await.unwrap();

        assert_eq!((output.code, output.stdout_text(), output.stderr_text()), (Some(3), "in".into(), "err\n".into()));
    }

    #[tokio::test]
    async fn nothing_of_our_environment_reaches_the_child() {
        let output = Command::new("/usr/bin/env").env("A", "1").run().await.unwrap();

        assert_eq!(output.stdout_text(), "A=1\n");
    }

    #[tokio::test]
    async fn output_beyond_the_cap_is_dropped() {
        let output =
            Command::new("/bin/sh").args(["-c", "head -c 100000 /dev/zero"]).output_bytes_max(10).run().await.unwrap();

        assert_eq!(output.stdout.len(), 10);
    }

    #[tokio::test]
    async fn output_goes_to_the_log_as_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");

        for word in ["one", "two"] {
            let output =
                Command::new("/bin/sh").args(["-c", "echo $0; echo err >&2", word]).log(&log).run().await.unwrap();
            assert_eq!((output.code, output.stdout, output.stderr), (Some(0), vec![], vec![]));
        }

        assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\nerr\ntwo\nerr\n");
    }

    #[tokio::test]
    async fn a_slow_program_is_killed() {
        let ended =
            Command::new("/bin/sh").args(["-c", "sleep 1000 & wait"]).deadline(Duration::from_millis(50)).run().await;

        assert!(matches!(ended, Err(Error::TooSlow { .. })), "{ended:?}");
    }

    #[tokio::test]
    async fn who_is_no_longer_waited_for_is_killed_with_its_group() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = Command::new("/usr/bin/mkfifo").arg(&pipe).run().await.unwrap();
        assert!(made.success());
        let script = format!("exec 3>{}; echo up >&3; sleep 1000 & wait", pipe.display());
        let slow = Command::new("/bin/sh").args(["-c", &script]).env("PATH", "/usr/bin:/bin").run();
        // Whoever reads the pipe sees its end when the last of the group that could write is gone.
        let (reader, _stdin, stdout) = Command::new("/bin/cat").arg(&pipe).start().unwrap();
        let mut stdout = tokio::io::BufReader::new(stdout);
        let mut line = String::new();
        tokio::select! {
            ended = slow => panic!("{ended:?}"),
            read = stdout.read_line(&mut line) => assert_eq!((read.unwrap(), line.as_str()), (3, "up\n")),
        }

        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
        drop(reader);
    }

    #[tokio::test]
    async fn one_can_talk_to_a_running_program_and_dropping_it_kills_it() {
        let talk = ["-c", "read line; echo got $line; exec sleep 1000"];
        let (running, mut stdin, stdout) = Command::new("/bin/sh").args(talk).start().unwrap();
        let mut stdout = tokio::io::BufReader::new(stdout);
        stdin.write_all(b"hello\n").await.unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).await.unwrap();
        assert_eq!(answer, "got hello\n");

        drop(running);

        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }

    #[tokio::test]
    async fn a_running_program_that_is_asked_to_end_says_how_it_did() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let script = "trap 'echo bye >&2; exit 7' TERM; echo up; while :; do read line || sleep 0.01; done";
        let command = Command::new("/bin/sh").args(["-c", script]).env("PATH", "/usr/bin:/bin").log(&log);
        let (mut running, stdin, stdout) = command.start().unwrap();
        drop(stdin);
        let mut up = String::new();
        tokio::io::BufReader::new(stdout).read_line(&mut up).await.unwrap();

        ask_to_end(running.id().unwrap()).unwrap();

        assert_eq!((up.as_str(), running.ended().await.unwrap()), ("up\n", Ending::Code(7)));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "bye\n");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let ended = Command::new("/nonexistent/program").run().await;

        assert_eq!(ended.unwrap_err().to_string(), "cannot start /nonexistent/program");
    }
}

#[cfg(all(test, windows))]
mod tests {
    use tokio::io::AsyncBufReadExt as _;

    use super::*;

    fn cmd(line: &str) -> Command {
        let command = Command::new("cmd").args(["/D", "/V:ON", "/S", "/C"]).rest(format!("\"{line}\""));
        command.env("PATH", r"C:\Windows\System32")
    }

    #[tokio::test]
    async fn output_and_exit_code_come_back() {
        let output = cmd("set /p it=& echo !it!& echo err>&2& exit 3").stdin("in\r\n").run().await.unwrap();

        let said = (output.code, output.stdout_text(), output.stderr_text());
        assert_eq!(said, (Some(3), "in\r\n".into(), "err\r\n".into()));
    }

    #[tokio::test]
    async fn a_line_for_cmd_keeps_its_quotes() {
        let output = cmd(r#"if "a b"=="a b" (echo "yes")"#).run().await.unwrap();

        assert_eq!(output.stdout_text(), "\"yes\"\r\n");
    }

    #[tokio::test]
    async fn a_program_is_told_where_the_system_is_and_what_was_chosen() {
        let output = cmd("if defined SystemRoot if not defined USERNAME echo %A%").env("A", "1").run().await.unwrap();

        assert_eq!(output.stdout_text(), "1\r\n");
    }

    #[tokio::test]
    async fn output_goes_to_the_log_as_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");

        for word in ["one", "two"] {
            let output = cmd(&format!("echo {word}& echo err>&2")).log(&log).run().await.unwrap();
            assert_eq!((output.code, output.stdout, output.stderr), (Some(0), vec![], vec![]));
        }

        assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\r\nerr\r\ntwo\r\nerr\r\n");
    }

    /// What a program started ends with it: the file that it would write to stays as it is.
    #[tokio::test]
    async fn a_slow_program_is_killed_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let held = dir.path().join("held");
        let line = format!("ping -n 1000 127.0.0.1 > {}", held.display());

        let ended = cmd(&format!("cmd /D /C {line}")).deadline(Duration::from_millis(500)).run().await;

        assert!(matches!(ended, Err(Error::TooSlow { .. })), "{ended:?}");
        // Whoever still had it open would not let it go.
        let free = async {
            use std::os::windows::fs::OpenOptionsExt as _;
            while std::fs::OpenOptions::new().read(true).share_mode(0).open(&held).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), free).await.unwrap();
    }

    #[tokio::test]
    async fn one_can_talk_to_a_running_program_and_dropping_it_kills_it() {
        let (running, mut stdin, stdout) = Command::new("cmd").args(["/D", "/Q", "/K", "prompt $H"]).start().unwrap();
        let mut stdout = tokio::io::BufReader::new(stdout);
        stdin.write_all(b"echo got hello\r\n").await.unwrap();
        let mut answer = String::new();
        while !answer.contains("got hello") {
            assert!(stdout.read_line(&mut answer).await.unwrap() > 0, "{answer}");
        }

        drop(running);

        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let ended = Command::new("no-such-program").run().await;

        assert_eq!(ended.unwrap_err().to_string(), "cannot start no-such-program");
    }
}
