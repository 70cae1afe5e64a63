//! In a terminal of its own: colours, and `antiphon attach` at a session that a holder holds.

use std::{
    io::{Read as _, Write},
    sync::mpsc,
    time::Duration,
};

use antiphon::{
    model::Generation,
    runtime::{Address, Launch, Probe, Runtime as _, Settle},
};
use axum::{Json, Router, routing};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use serde_json::json;

use super::world::{World, binary, wait_for};

/// A failure shows after this; a success does not wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    bytes: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    fn run(world: &World, args: &[&str]) -> Self {
        let pair = native_pty_system().openpty(PtySize::default()).expect("there are terminals");
        let mut command = CommandBuilder::new(binary());
        command.args(args);
        command.cwd(world.path("here"));
        command.env_clear();
        world.environment().into_iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).expect("the binary runs");
        let keys = pair.master.take_writer().expect("nobody took it");
        let mut reader = pair.master.try_clone_reader().expect("it can be read");
        let (to, bytes) = mpsc::channel();
        std::thread::spawn(move || {
            // The terminal lives as long as somebody reads it.
            let _master = pair.master;
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if to.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, bytes, text: String::new() }
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("the terminal takes keys");
    }

    fn wait_for(&mut self, wanted: &str) {
        while !self.text.contains(wanted) {
            let Ok(bytes) = self.bytes.recv_timeout(PATIENCE) else { panic!("no {wanted:?} in {:?}", self.text) };
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// The exit code, and all that was shown.
    fn end(mut self) -> (u32, String) {
        while let Ok(bytes) = self.bytes.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        (self.child.wait().expect("it ends").exit_code(), self.text)
    }
}

#[test]
fn a_terminal_gets_colours_unless_somebody_set_no_color() {
    let coloured = Terminal::run(&World::new().with("TERM", "xterm-256color"), &["status"]).end();
    let plain = World::new().with("TERM", "xterm-256color").with("NO_COLOR", "1");
    let plain = Terminal::run(&plain, &["status"]).end();

    assert_eq!((coloured.0, plain.0), (3, 3));
    assert!(coloured.1.contains("\x1b[1m\x1b[31merror:\x1b[0m no daemon at "), "{:?}", coloured.1);
    assert!(plain.1.contains("error: no daemon at ") && !plain.1.contains('\x1b'), "{:?}", plain.1);
}

/// A program that answers each line, held by a holder.
fn launch(world: &World) -> Launch {
    let session_dir = world.path("launch");
    std::fs::create_dir(&session_dir).expect("it is new");
    Launch {
        address: Address { session: "hello-12".parse().expect("it is a name"), generation: Generation(1) },
        argv: ["/bin/sh", "-c", "while read line; do echo \"heard $line\"; done"].map(ToOwned::to_owned).to_vec(),
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        dir: world.path("here"),
        columns: 80,
        rows: 24,
        session_dir,
        recording: None,
    }
}

#[test]
fn a_person_types_along_and_leaves_while_the_agent_goes_on() {
    let world = World::new();
    let runtime = antiphon::app::pty(vec![binary().into()], &world.state(), Settle::TYPICAL);
    let launch = launch(&world);
    std::fs::create_dir_all(world.state()).unwrap();
    wait_for(runtime.start(&launch)).unwrap();
    let daemon = Daemon::that_names_a_terminal(&world);

    let mut terminal = Terminal::run(&world, &["attach", "hello-12"]);
    terminal.type_in(b"hello\r");
    terminal.wait_for("heard hello");
    terminal.type_in(b"\x02d");
    terminal.wait_for("detached; the agent goes on");
    let (code, shown) = terminal.end();

    let lives = wait_for(runtime.probe(&launch.address));
    wait_for(runtime.stop(&launch.address, Duration::ZERO)).unwrap();
    daemon.end();
    assert_eq!(code, 0, "{shown}");
    assert!(matches!(lives, Probe::Alive { .. }), "{lives:?}");
}

/// A daemon that knows one thing: in which runtime the session lives.
struct Daemon {
    stop: tokio::sync::oneshot::Sender<()>,
    serving: std::thread::JoinHandle<()>,
}

impl Daemon {
    fn that_names_a_terminal(world: &World) -> Self {
        let terminal = routing::get(|| async { Json(json!({ "runtime": "pty", "generation": 1 })) });
        let router = Router::new().route("/api/v1/sessions/hello-12/terminal", terminal);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it is a socket");
        let address = listener.local_addr().expect("it is bound").to_string();
        std::fs::write(world.state().join("address"), address).expect("it can be written");
        std::fs::write(world.state().join("token"), "t").expect("it can be written");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = std::thread::spawn(move || {
            wait_for(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is a socket");
                let served = axum::serve(listener, router).with_graceful_shutdown(async {
                    stopped.await.unwrap_or_default();
                });
                served.await.expect("it serves");
            });
        });
        Self { stop, serving }
    }

    fn end(self) {
        self.stop.send(()).expect("it serves");
        self.serving.join().expect("it ends");
    }
}

#[test]
fn without_a_terminal_attach_says_where_else_to_look() {
    let world = World::new()
        .with_file(".local/state/antiphon/address", "127.0.0.1:1")
        .with_file(".local/state/antiphon/token", "t");

    let ran = world.run(&["attach", "hello-12"]);

    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: standard input is no terminal\n"), "{}", ran.err);
}
