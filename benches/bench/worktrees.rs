//! Workspaces of a large repository, all at once, beside plain `git worktree add` in the same run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use antiphon::workspace::{Credentials, Git, Hooks, Kind, OwnSpec, Spec, Workspaces};
use anyhow::{Context as _, ensure};

use crate::table::{Samples, Table, ms, ratio};

/// Folders, and files in each.
const FOLDERS: usize = 200;
const FILES: usize = 100;
/// How large each file is.
const FILE_BYTES: usize = 2_600;
/// How many workspaces are made at once.
const AT_ONCE: usize = 20;
/// How often one alone is made.
const ROUNDS: usize = 5;
/// Making a file costs a hundred times as much on some disks: in memory the figures are git's and ours.
const MEMORY: &str = "/dev/shm";

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    let memory =
        Path::new(MEMORY).is_dir().then(|| tempfile::Builder::new().prefix("antiphon-bench-").tempdir_in(MEMORY));
    let memory = memory.transpose()?;
    let place = memory.as_ref().map_or_else(|| dir.join("worktrees"), |memory| memory.path().to_owned());
    std::fs::create_dir_all(&place)?;
    let world = World::make(&place)?;
    let files = FOLDERS * FILES;
    let mut alone = Vec::new();
    for round in 0..ROUNDS {
        alone.push(world.plain(&format!("alone-{round}"))?);
    }
    let floor = Samples::new(alone).p50();
    table.floor(&format!("plain `git worktree add` of {files} files, p50"), floor);
    let begun = Instant::now();
    for n in 0..AT_ONCE {
        world.plain(&format!("plain-{n}"))?;
    }
    let one_by_one = begun.elapsed();
    table.note(&format!("{AT_ONCE} of them, one after the other"), ms(one_by_one));
    let (took, refused) = world.plain_at_once()?;
    table.note(&format!("{AT_ONCE} of them at once"), format!("{}, {refused} ended with an error", ms(took)));
    let (took, failed) = world.ours_at_once().await;
    let times = ratio(took, one_by_one);
    let found = format!("{}, {times:.2} × plain ones, {failed} failed", ms(took));
    table.line(&format!("{AT_ONCE} workspaces at once"), found, "≤ 1 ×, none fails", times <= 1.0 && failed == 0);
    let mut sparse = Vec::new();
    for round in 0..ROUNDS {
        sparse.push(world.sparse(AT_ONCE + round).await?);
    }
    let sparse = Samples::new(sparse).p50();
    let found = format!("{}, 1/{:.0} of a plain one", ms(sparse), ratio(floor, sparse));
    table.line("one with `sparse: [folder-1]`, p50", found, "≤ 1/2", sparse * 2 <= floor);
    let (plain, own) = (bytes(&world.dir.join("plain-0"))?, bytes(&world.dir.join("state/workspaces/t-0"))?);
    let found = format!("{:.1} MB : {:.1} MB", megabytes(own), megabytes(plain));
    table.line("the disk that one takes : a plain one", found, "≤ 1 ×", own <= plain);
    Ok(())
}

struct World {
    dir: PathBuf,
}

impl World {
    fn make(dir: &Path) -> anyhow::Result<Self> {
        let world = Self { dir: dir.to_owned() };
        world.git(dir, &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"])?;
        world.git(dir, &["clone", "--quiet", "remote.git", "clone"])?;
        let clone = dir.join("clone");
        for folder in 0..FOLDERS {
            let folder = clone.join(format!("folder-{folder}"));
            std::fs::create_dir(&folder)?;
            for file in 0..FILES {
                let path = folder.join(format!("file-{file}"));
                let line = format!("{}\n", path.display());
                std::fs::write(path, line.repeat(FILE_BYTES / line.len()))?;
            }
        }
        world.git(&clone, &["add", "--all"])?;
        world.git(&clone, &["commit", "--quiet", "-m", "all"])?;
        world.git(&clone, &["push", "--quiet", "origin", "HEAD:main"])?;
        Ok(world)
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        let person = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"];
        command.args(person).args(args).current_dir(dir).env("HOME", &self.dir).env("GIT_CONFIG_NOSYSTEM", "1");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn git(&self, dir: &Path, args: &[&str]) -> anyhow::Result<()> {
        let status = self.command(dir, args).status()?;
        ensure!(status.success(), "git {} failed", args.join(" "));
        Ok(())
    }

    /// What a shell script would do.
    fn add(&self, name: &str) -> Command {
        let (path, branch) = (self.dir.join(name).display().to_string(), format!("plain/{name}"));
        self.command(&self.dir.join("clone"), &["worktree", "add", "-q", "-b", &branch, &path, "origin/main"])
    }

    fn plain(&self, name: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        ensure!(self.add(name).status()?.success(), "git worktree add failed");
        Ok(begun.elapsed())
    }

    fn plain_at_once(&self) -> anyhow::Result<(Duration, usize)> {
        let begun = Instant::now();
        let children: Vec<_> = (0..AT_ONCE).map(|n| self.add(&format!("at-once-{n}")).spawn()).collect();
        let mut refused = 0;
        for child in children {
            refused += usize::from(!child?.wait()?.success());
        }
        Ok((begun.elapsed(), refused))
    }

    async fn ours_at_once(&self) -> (Duration, usize) {
        let workspaces = self.workspaces();
        let specs: Vec<_> = (0..AT_ONCE).filter_map(|n| self.spec(n).ok()).collect();
        let begun = Instant::now();
        let made = futures_util::future::join_all(specs.iter().map(|spec| workspaces.prepare(spec))).await;
        let took = begun.elapsed();
        let failed = made.into_iter().filter_map(Result::err).count();
        (took, failed + AT_ONCE - specs.len())
    }

    async fn sparse(&self, n: usize) -> anyhow::Result<Duration> {
        let spec = Spec { sparse: vec!["folder-1".to_owned()], ..self.spec(n)? };
        let workspaces = self.workspaces();
        let begun = Instant::now();
        workspaces.prepare(&spec).await?;
        Ok(begun.elapsed())
    }

    fn workspaces(&self) -> Workspaces {
        let dir = self.dir.display().to_string();
        let env = [("PATH", std::env::var("PATH").unwrap_or_default()), ("HOME", dir.clone()), ("TMPDIR", dir)];
        let env: BTreeMap<_, _> = env.map(|(name, value)| (name.to_owned(), value)).into();
        Workspaces::new(Git::new("git", &env), &self.dir.join("state"))
    }

    fn spec(&self, n: usize) -> anyhow::Result<Spec> {
        Ok(Spec {
            repository: self.dir.join("clone"),
            task: format!("t-{n}").parse().context("a task")?,
            branch: format!("antiphon/t-{n}").parse().context("a branch")?,
            base: "main".parse().context("a base")?,
            remote: "origin".to_owned(),
            credentials: Credentials::of_the_user(),
            own: OwnSpec { ports: 20_000..=29_999, hooks: Hooks::Own },
            kind: Kind::Worktree,
            sparse: Vec::new(),
        })
    }
}

/// What the files of a directory take.
fn bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        sum += if kind.is_dir() { bytes(&entry.path())? } else { kind.len() };
    }
    Ok(sum)
}

fn megabytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 1_000).map_or(f64::MAX, f64::from) / 1e3
}
