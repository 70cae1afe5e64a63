//! The one connection to one tmux server: control mode, made when first needed and made again when it breaks.
//!
//! One question at a time. Each ends with a random word that tmux must say back at the right place: a program in a pane
//! can print what looks like the end of a reply, but it cannot guess that word, so at worst it spoils its own screen.
//! This side never kills the server: a server that is killed below a living connection hangs.

use std::{ffi::OsString, path::Path, path::PathBuf, time::Duration};

use anyhow::{Context as _, anyhow};
use sha2::Digest as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    quote::command,
    reply::{Reader, Reply, Said},
};
use crate::{
    background::Tasks,
    boundary::cross,
    process::{Command, Running},
    runtime::Error,
};

/// The session that the connection itself lives in; no launch is ever called so, because launches end in a number.
const KEEPER: &str = "antiphon-keeper";
/// How long tmux may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Questions that may wait.
const QUESTIONS_MAX: usize = 1_024;
/// The oldest version that has what we need (`new-session -e`, `-f no-output`).
const VERSION_MIN: (u32, u32) = (3, 2);
/// Where tmux finds its terminal descriptions and we find tmux.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/opt/local/bin";

/// Which tmux server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// `-L`: a name in tmux's own directory.
    Name(String),
    /// `-S`: a path.
    Path(PathBuf),
}

/// Asks one tmux server.
#[derive(Debug, Clone)]
pub(crate) struct Control(mpsc::Sender<Question>);

struct Question {
    commands: Vec<String>,
    replies: usize,
    answer: oneshot::Sender<Result<Vec<Reply>, Error>>,
}

/// How to reach a server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its socket.
    pub(crate) socket: Socket,
}

/// Unix allows 104 to 108 bytes for a socket's path.
const PATH_BYTES_MAX: usize = 100;

impl Socket {
    /// The socket of a state directory: inside of it, or where tmux keeps its own if that would be too deep.
    #[must_use]
    pub fn of_state_dir(dir: &Path) -> Self {
        let path = dir.join("tmux.sock");
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Self::Path(path);
        }
        let digest = sha2::Sha256::digest(dir.as_os_str().as_encoded_bytes());
        Self::Name(format!("antiphon-{}", hex::encode(&digest[..8])))
    }

    /// The arguments that choose this server and none of the user's settings.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let (flag, value) = match self {
            Self::Name(name) => ("-L", OsString::from(name)),
            Self::Path(path) => ("-S", path.clone().into_os_string()),
        };
        vec![flag.into(), value, "-f".into(), "/dev/null".into()]
    }
}

impl Control {
    /// Asks `server` from now on, until `tasks` are stopped.
    pub(crate) fn new(server: Server, tasks: &Tasks) -> Self {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        tasks.spawn("tmux-control", |stop| answer_all(server, asked, stop));
        Self(questions)
    }

    /// Has commands carried out as one line and returns one reply per command. A command that fails ends the line.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when a target is not there; otherwise tmux's words. When the connection is lost it is not known
    /// what was carried out.
    pub(crate) async fn ask(&self, commands: Vec<String>) -> Result<Vec<Reply>, Error> {
        let replies = commands.len();
        self.put(commands, replies).await
    }

    /// The same for one of the commands of [`super::mark`], which give [`super::mark::REPLIES`] replies.
    pub(crate) async fn ask_all(&self, command: String) -> Result<Vec<Reply>, Error> {
        self.put(vec![command], super::mark::REPLIES).await
    }

    async fn put(&self, commands: Vec<String>, replies: usize) -> Result<Vec<Reply>, Error> {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::Other(anyhow!("the connection to tmux was shut down"));
        cross("tmux.ask");
        self.0.send(Question { commands, replies, answer }).await.map_err(|_| gone())?;
        let replies = answered.await.map_err(|_| gone())?;
        cross("tmux.asked");
        replies
    }
}

async fn answer_all(server: Server, mut asked: mpsc::Receiver<Question>, stop: CancellationToken) {
    let mut connection = None;
    loop {
        let question = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            question = asked.recv() => match question { Some(question) => question, None => return },
            // News must not pile up in the pipe while nobody asks.
            lost = idle(connection.as_mut()) => {
                debug!(reason = %lost, "The connection to tmux ended");
                connection = None;
                continue;
            }
        };
        let replies = converse(&server, &mut connection, &question).await;
        // Whoever asked may have gone away; what was asked is done all the same.
        drop(question.answer.send(replies));
    }
}

/// Reads news; returns only when the connection is lost.
async fn idle(connection: Option<&mut Connection>) -> anyhow::Error {
    let Some(connection) = connection else { return std::future::pending().await };
    loop {
        if let Err(error) = connection.next().await {
            return error;
        }
    }
}

/// Puts one question, over a new connection if there is none. A connection that failed is never used again.
async fn converse(
    server: &Server,
    connection: &mut Option<Connection>,
    question: &Question,
) -> Result<Vec<Reply>, Error> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => {
            check_version(&server.program).await?;
            Connection::open(server).await.map_err(Error::Other)?
        }
    };
    let asked = tokio::time::timeout(DEADLINE, open.ask(&question.commands, question.replies)).await;
    match asked {
        Ok(Ok(replies)) => {
            *connection = Some(open);
            judge(replies)
        }
        Ok(Err(error)) => {
            warn!(error = format!("{error:#}"), "Lost the connection to tmux");
            Err(Error::Other(error.context("lost the connection to tmux")))
        }
        Err(_) => Err(Error::Other(anyhow!("tmux did not answer within {} s", DEADLINE.as_secs()))),
    }
}

fn judge(replies: Vec<Reply>) -> Result<Vec<Reply>, Error> {
    let Some(failed) = replies.last().filter(|last| !last.ok) else { return Ok(replies) };
    let words = failed.text();
    if words.starts_with("can't find ") {
        return Err(Error::Gone);
    }
    Err(Error::Other(anyhow!("tmux: {words}")))
}

struct Connection {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    reader: Reader,
    line: Vec<u8>,
    _running: Running,
}

impl Connection {
    /// Connects. No failure here says anything about a launch.
    async fn open(server: &Server) -> anyhow::Result<Self> {
        let opening = async {
            match Self::try_open(server).await {
                Ok(connection) => Ok(connection),
                Err(error) => {
                    // The session of an earlier connection may have ended in the moment in which we joined it.
                    debug!(error = format!("{error:#}"), "Connecting to tmux a second time");
                    Self::try_open(server).await
                }
            }
        };
        match tokio::time::timeout(DEADLINE, opening).await {
            Ok(opened) => opened.context("cannot connect to tmux"),
            Err(_) => Err(anyhow!("tmux did not come up within {} s", DEADLINE.as_secs())),
        }
    }

    async fn try_open(server: &Server) -> anyhow::Result<Self> {
        let mut connection = Self::start(server)?;
        connection.first_reply().await?;
        let settings = settings();
        let replies = connection.ask(&settings, settings.len()).await?;
        let failed = replies.iter().find(|reply| !reply.ok).map(Reply::text);
        anyhow::ensure!(failed.is_none(), "tmux refused a setting: {}", failed.unwrap_or_default());
        Ok(connection)
    }

    fn start(server: &Server) -> anyhow::Result<Self> {
        let keeper = ["-C", "new-session", "-A", "-s", KEEPER, "-f", "no-output,ignore-size", "--", "/bin/cat", "-u"];
        let command = Command::new(&server.program).args(server.socket.arguments()).args(keeper).env("PATH", PATH);
        let (running, stdin, stdout) = command.start()?;
        let stdout = BufReader::new(stdout);
        Ok(Self { stdin, stdout, reader: Reader::default(), line: Vec::new(), _running: running })
    }

    /// The reply to the connection itself.
    async fn first_reply(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(reply) = self.next().await?.filter(|reply| !reply.ours) {
                anyhow::ensure!(reply.ok, "{}", reply.text());
                return Ok(());
            }
        }
    }

    async fn ask(&mut self, commands: &[String], expected: usize) -> anyhow::Result<Vec<Reply>> {
        let word = format!("{:016x}", getrandom::u64()?);
        let line = format!("{} ; {}\n", commands.join(" ; "), command(["display-message", "-p", &word]));
        self.stdin.write_all(line.as_bytes()).await?;
        self.stdin.flush().await?;
        let mut replies = Vec::new();
        loop {
            let Some(reply) = self.next().await?.filter(|reply| reply.ours) else { continue };
            if !reply.ok {
                replies.push(reply);
                return Ok(replies);
            }
            if replies.len() == expected {
                anyhow::ensure!(reply.text() == word, "replies and questions do not match");
                return Ok(replies);
            }
            replies.push(reply);
        }
    }

    /// Takes the next line; a reply if that completes one. May be cancelled between bytes.
    async fn next(&mut self) -> anyhow::Result<Option<Reply>> {
        let read = self.stdout.read_until(b'\n', &mut self.line).await?;
        anyhow::ensure!(read > 0, "tmux closed the connection");
        let said = self.reader.line(&self.line);
        self.line.clear();
        match said {
            Said::Reply(reply) => Ok(Some(reply)),
            Said::Nothing => Ok(None),
            Said::Exit => Err(anyhow!("tmux ended the connection")),
            Said::TooLong => Err(anyhow!("a reply is too long")),
        }
    }
}

/// What holds for every launch on this server.
fn settings() -> Vec<String> {
    let keeper = format!("={KEEPER}:");
    let settings: [&[&str]; 12] = [
        &["-s", "exit-unattached", "off"],
        &["-s", "escape-time", "0"],
        // Agents must not write to the clipboard of whoever looks.
        &["-s", "set-clipboard", "off"],
        // A dead pane keeps its exit code and its last screen.
        &["-g", "remain-on-exit", "on"],
        // Its words are no part of that screen; versions before 3.3 know only their own.
        &["-gq", "remain-on-exit-format", ""],
        &["-g", "history-limit", "2000"],
        &["-g", "status", "off"],
        &["-g", "allow-rename", "off"],
        &["-g", "automatic-rename", "off"],
        &["-g", "set-titles", "off"],
        // Nothing of a viewer's environment reaches a launch.
        &["-g", "update-environment", ""],
        // Without the connection only launches keep the server alive.
        &["-t", &keeper, "destroy-unattached", "on"],
    ];
    settings.iter().map(|setting| command([&["set-option"], *setting].concat())).collect()
}

async fn check_version(program: &Path) -> Result<(), Error> {
    let asked = Command::new(program).arg("-V").env("PATH", PATH).deadline(DEADLINE).run().await;
    let said = asked.map_err(|error| Error::other(error, "tmux is needed and cannot be run"))?.stdout_text();
    match version(&said) {
        Some(found) if found < VERSION_MIN => {
            Err(Error::TooOld { what: "tmux", found: format!("{}.{}", found.0, found.1), wanted: "3.2 or newer" })
        }
        // A build without a number is younger than numbers.
        Some(_) | None => Ok(()),
    }
}

/// The number in `tmux 3.3a`, `tmux next-3.5`; `None` for `tmux master` and the like.
fn version(said: &str) -> Option<(u32, u32)> {
    let number = said.trim().strip_prefix("tmux ")?.trim_start_matches("next-");
    let (major, rest) = number.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_lies_in_its_state_directory_unless_that_is_too_deep() {
        let deep = |name: &str| format!("/{}/{name}", "d".repeat(90));

        assert_eq!(Socket::of_state_dir("/s".as_ref()), Socket::Path("/s/tmux.sock".into()));
        let Socket::Name(name) = Socket::of_state_dir(deep("a").as_ref()) else { panic!("it is too deep") };
        assert_eq!((name.len(), name.starts_with("antiphon-")), (25, true));
        assert_ne!(Socket::of_state_dir(deep("b").as_ref()), Socket::Name(name));
    }

    #[test]
    fn versions_are_read_as_tmux_writes_them() {
        assert_eq!(version("tmux 3.3a\n"), Some((3, 3)));
        assert_eq!(version("tmux 2.9"), Some((2, 9)));
        assert_eq!(version("tmux next-3.5"), Some((3, 5)));
        assert_eq!(version("tmux 3.10"), Some((3, 10)));
        assert_eq!(version("tmux master"), None);
        assert_eq!(version("tmux openbsd-7.5"), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_old_or_missing_tmux_is_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("tmux");
        std::fs::write(&old, "#!/bin/sh\necho tmux 2.9a\n").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();

        let said = check_version(&old).await.unwrap_err().to_string();
        assert_eq!(said, "tmux is version 2.9, but 3.2 or newer is needed");
        let said = check_version(Path::new("/nonexistent/tmux")).await.unwrap_err().to_string();
        assert_eq!(said, "tmux is needed and cannot be run");
    }

    /// A program in a pane that guesses the numbers of replies can at most end the connection.
    #[cfg(unix)]
    #[tokio::test]
    async fn forged_replies_are_noticed_and_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("tmux");
        let forge = "#!/bin/sh\n[ \"$1\" = -V ] && echo tmux 3.3a && exit\nprintf '%%begin 1 1 0\\n%%end 1 1 0\\n'\n\
                     while read -r line; do for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do\n\
                     printf '%%begin 1 2 1\\nforged\\n%%end 1 2 1\\n'; done; done\n";
        std::fs::write(&program, forge).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let tasks = Tasks::new();
        let control = Control::new(Server { program, socket: Socket::Name("none".into()) }, &tasks);

        let error = control.ask(vec![command(["list-sessions"])]).await.unwrap_err();

        let Error::Other(error) = error else { panic!("{error:?}") };
        assert_eq!(format!("{error:#}"), "cannot connect to tmux: replies and questions do not match");
        tasks.shut_down(Duration::from_secs(5)).await;
    }

    #[test]
    fn a_missing_target_is_gone_and_anything_else_is_told() {
        let failed = |text: &str| vec![Reply { ours: true, ok: false, text: text.as_bytes().to_vec() }];

        assert!(matches!(judge(failed("can't find session: t-1\n")), Err(Error::Gone)));
        assert_eq!(judge(failed("parse error: x\n")).unwrap_err().to_string(), "tmux: parse error: x");
    }
}
