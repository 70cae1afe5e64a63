//! The webhook door beside a bare server and beside GitHub's reference middleware for Node.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    LOAD,
    daemon::World,
    load::{self, Letter, Outcome, SECRET},
    table::{Table, ms, ratio},
};

const MANY: usize = 64;

/// A server that is killed when this is dropped; it says its port on its first line.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse().with_context(|| format!("{line:?} is no port"))? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) async fn measure(dir: &Path, sync: Duration, table: &mut Table) -> anyhow::Result<()> {
    let world = World::new(&dir.join("door")).await?;
    let letter = world.letter("pull_request", 1).await?;
    let bare = of_bare(&letter).await?;
    table.note("bare axum + HMAC + parse, 24 kB, 64 connections", format!("{:.0}/s", bare.per_second));
    let node = of_node(dir, &letter).await?;
    match &node {
        Some(node) => table.note("`@octokit/webhooks` middleware, not durable", format!("{:.0}/s", node.per_second)),
        None => table.note("`@octokit/webhooks` middleware", "not measured: node or npm is missing".to_owned()),
    }

    let (daemon, _) = world.start().await?;
    world.answers("/readyz").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = daemon.resident()?;
    table.line("daemon at rest, resident", format!("{idle:.1} MB"), "< 21 MB", idle < 21.0);
    let one = load::run(world.port(), &letter, 1, LOAD).await?;
    let many = load::run(world.port(), &letter, MANY, LOAD).await?;
    let beside = |floor: &Outcome| many.per_second / floor.per_second;
    let found = |share: f64| format!("{:.0}/s, {share:.2} ×", many.per_second);
    let share = beside(&bare);
    table.line("durable deliveries beside bare axum", found(share), "≥ 0.4 ×", share >= 0.4);
    if let Some(node) = &node {
        let share = beside(node);
        table.line("durable deliveries beside Node", found(share), "≥ 1.5 ×", share >= 1.5);
    }
    let (p50, times) = (one.latencies.p50(), ratio(one.latencies.p50(), sync));
    table.line(
        "delivery → 202, one connection, p50",
        format!("{}, {times:.1} × fdatasync", ms(p50)),
        "≤ 2.5 ×",
        times <= 2.5,
    );
    let (p99, times) = (many.latencies.p99(), ratio(many.latencies.p99(), sync));
    table.line(
        "delivery → 202, 64 connections, p99",
        format!("{}, {times:.1} × fdatasync", ms(p99)),
        "≤ 40 ×",
        times <= 40.0,
    );
    table.note("the same, p50", ms(many.latencies.p50()));
    table.note("resident after that load", format!("{:.1} MB", daemon.resident()?));
    drop(daemon);
    world.end().await;
    Ok(())
}

async fn of_bare(letter: &Letter) -> anyhow::Result<Outcome> {
    let server = Server::start(Command::new(std::env::current_exe()?).arg("bare"))?;
    load::run(server.port, letter, MANY, LOAD).await
}

/// `None`: there is no Node here, or no way to the package.
async fn of_node(dir: &Path, letter: &Letter) -> anyhow::Result<Option<Outcome>> {
    let home = dir.join("node");
    std::fs::create_dir_all(&home)?;
    let installed = Command::new("npm")
        .args(["install", "--no-fund", "--no-audit", "--silent", "--prefix"])
        .arg(&home)
        .arg("@octokit/webhooks@14")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    std::fs::write(home.join("server.mjs"), SERVER.replace("SECRET", SECRET))?;
    let server = Server::start(Command::new("node").arg(home.join("server.mjs")))?;
    load::run(server.port, letter, MANY, LOAD).await.map(Some)
}

/// As the package's own documentation sets it up.
const SERVER: &str = "import { createServer } from 'node:http';
import { Webhooks, createNodeMiddleware } from '@octokit/webhooks';
const webhooks = new Webhooks({ secret: 'SECRET' });
webhooks.onAny(() => {});
const server = createServer(createNodeMiddleware(webhooks, { path: '/webhooks/github' }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";
