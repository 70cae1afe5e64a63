//! What a workspace has for itself beside its files: ports, a directory for temporary files, hooks.
//!
//! It stands in the workspace's record, so that it stays the same for as long as the workspace is there, and no two
//! workspaces share it. Nothing of it lies in the repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Error, Workspace, Workspaces, git::NO_HOOKS, other};
use crate::model::TaskId;

/// How many ports in a row a workspace has.
pub(super) const PORTS: u16 = 10;
/// A Unix socket's path has 108 bytes at most; so much of them is left to whoever makes one.
const TMP_BYTES_MAX: usize = 60;
/// A hooks directory with more files than this is none.
const HOOKS_MAX: usize = 1_000;
/// How deep a hooks directory is followed.
const HOOKS_DEPTH: u32 = 4;

/// Whose hooks git runs in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    /// Those of the repository that it belongs to.
    Inherit,
    /// A copy of them, so that what is done to the ones is not done to the others.
    Own,
    /// None.
    None,
}

/// What a workspace is to have for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSpec {
    /// Its ports come out of these.
    pub ports: RangeInclusive<u16>,
    /// Whose hooks run there.
    pub hooks: Hooks,
}

/// What a workspace has for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// The first of its ten ports.
    pub port: Option<u16>,
    /// Where temporary files go.
    pub tmp: Option<PathBuf>,
    /// Where git looks for hooks; `None`: where it always does.
    pub hooks: Option<PathBuf>,
}

impl Workspace {
    /// The variables that every process in the workspace gets.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::from([("COMPOSE_PROJECT_NAME".to_owned(), format!("antiphon-{}", self.task))]);
        if let Some(first) = self.own.port {
            let all: Vec<_> = block(first).map(|port| port.to_string()).collect();
            env.insert("ANTIPHON_PORT".to_owned(), first.to_string());
            env.insert("ANTIPHON_PORTS".to_owned(), all.join(" "));
        }
        if let Some(tmp) = &self.own.tmp {
            let tmp = tmp.display().to_string();
            env.extend(["TMPDIR", "TMP", "TEMP"].map(|name| (name.to_owned(), tmp.clone())));
        }
        env
    }

    /// The git configuration of every process in the workspace; it is given by environment and never written.
    #[must_use]
    pub fn git_config(&self) -> Vec<(String, String)> {
        let hooks = self.own.hooks.as_ref().map(|dir| ("core.hooksPath".to_owned(), dir.display().to_string()));
        hooks.into_iter().chain(self.sparse_config()).collect()
    }
}

impl Workspaces {
    /// The workspace that was prepared for a task, with a directory for temporary files that is there: some systems
    /// empty theirs at every start.
    ///
    /// # Errors
    ///
    /// When nobody can tell, or the directory cannot be made.
    pub fn at_hand(&self, task: &TaskId) -> Result<Option<Workspace>, Error> {
        let _alone = self.records.lock().expect("no holder of this lock panics");
        let Some(mut workspace) = self.find(task)? else { return Ok(None) };
        let tmp = Some(self.ensure_tmp(workspace.own.tmp.clone()).map_err(other)?);
        if workspace.own.tmp != tmp {
            workspace.own.tmp = tmp;
            self.write_record(&workspace).map_err(other)?;
        }
        Ok(Some(workspace))
    }

    /// Gives the workspace what it has for itself, the same as before if it had it, and records it.
    pub(super) async fn settle_own(&self, workspace: &mut Workspace, wanted: &OwnSpec) -> Result<(), Error> {
        let before = self.find(&workspace.task)?.map(|known| known.own).unwrap_or_default();
        let hooks = match before.hooks {
            Some(hooks) => Some(hooks),
            None => self.hooks_of(workspace, wanted.hooks).await?,
        };
        let _alone = self.records.lock().expect("no holder of this lock panics");
        let port = match before.port {
            Some(port) => port,
            None => self.free_block(&wanted.ports)?,
        };
        let tmp = self.ensure_tmp(before.tmp).map_err(other)?;
        workspace.own = Own { port: Some(port), tmp: Some(tmp), hooks };
        self.write_record(workspace).map_err(other)
    }

    /// Takes away what a workspace that is gone had for itself.
    pub(super) fn remove_own(&self, task: &TaskId, own: &Own) -> io::Result<()> {
        if let Some(tmp) = own.tmp.as_deref().filter(|tmp| is_ours(tmp)) {
            fs::remove_dir_all(tmp)?;
        }
        match fs::remove_dir_all(self.own_dir(task)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn own_dir(&self, task: &TaskId) -> PathBuf {
        self.root.join(".own").join(task.as_str())
    }

    /// The first block of ports that no workspace has and nobody listens on.
    fn free_block(&self, range: &RangeInclusive<u16>) -> Result<u16, Error> {
        let taken = self.taken_ports().map_err(other)?;
        let mut firsts = range.clone().step_by(usize::from(PORTS)).filter(|first| range.end() - first >= PORTS - 1);
        let free = firsts.find(|first| block(*first).all(|port| !taken.contains(&port) && is_free(port)));
        free.ok_or_else(|| Error::NoPorts { first: *range.start(), last: *range.end() })
    }

    fn taken_ports(&self) -> io::Result<BTreeSet<u16>> {
        let mut taken = BTreeSet::new();
        for task in self.recorded()? {
            let own = self.read_record(&task)?.map(|workspace| workspace.own);
            taken.extend(own.and_then(|own| own.port).into_iter().flat_map(block));
        }
        Ok(taken)
    }

    /// The tasks that have a workspace.
    pub(super) fn recorded(&self) -> io::Result<Vec<TaskId>> {
        let entries = match fs::read_dir(self.root.join(".records")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut tasks = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            tasks.extend(name.and_then(|name| name.parse::<TaskId>().ok()));
        }
        Ok(tasks)
    }

    /// A directory that only this user can enter, with a short name.
    fn ensure_tmp(&self, known: Option<PathBuf>) -> io::Result<PathBuf> {
        let fresh = || -> io::Result<PathBuf> {
            let mut random = [0; 6];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            Ok(self.tmp_base().join(format!("antiphon-{}", hex::encode(random))))
        };
        let mut path = known.map_or_else(fresh, Ok)?;
        loop {
            match private_dir(&path) {
                Ok(()) => return Ok(path),
                // Another user may have made it, to read what is written there.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_ours(&path) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => path = fresh()?,
                Err(error) => return Err(error),
            }
        }
    }

    fn tmp_base(&self) -> PathBuf {
        let fitting = |dir: &&String| dir.len() + "/antiphon-0123456789ab".len() <= TMP_BYTES_MAX;
        let chosen = self.git.variable(if cfg!(windows) { "TEMP" } else { "TMPDIR" });
        chosen.filter(|dir| cfg!(windows) || fitting(dir)).map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
    }

    /// Where git is to look for hooks.
    async fn hooks_of(&self, workspace: &Workspace, hooks: Hooks) -> Result<Option<PathBuf>, Error> {
        match hooks {
            Hooks::Inherit => Ok(None),
            Hooks::None => Ok(Some(PathBuf::from(NO_HOOKS))),
            Hooks::Own => {
                let theirs = match self.configured_hooks(workspace).await? {
                    None => workspace.common_dir.join("hooks"),
                    // It lies in the workspace, which has them for itself already.
                    Some(dir)
                        if dir.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) =>
                    {
                        return Ok(None);
                    }
                    Some(dir) => workspace.path.join(dir),
                };
                let dir = self.own_dir(&workspace.task).join("hooks");
                copy_hooks(&theirs, &dir).map_err(other)?;
                Ok(Some(dir))
            }
        }
    }

    /// What the configuration says that is not ours.
    async fn configured_hooks(&self, workspace: &Workspace) -> Result<Option<PathBuf>, Error> {
        let asked = ["config", "--type=path", "--show-scope", "--get-all", "core.hooksPath"];
        let answer = self.git.ask(&workspace.path, &asked).await?;
        let said = if answer.code == 0 { answer.text()? } else { String::new() };
        let mut theirs = said.lines().filter_map(|line| line.split_once('\t')).filter(|(scope, _)| *scope != "command");
        Ok(theirs.next_back().map(|(_, path)| PathBuf::from(path)))
    }
}

fn block(first: u16) -> RangeInclusive<u16> {
    first..=first.saturating_add(PORTS - 1)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Makes a directory that is not there, for this user alone.
fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(false);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether this is a directory of this user's that others cannot enter.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let own = rustix::process::geteuid().as_raw();
    let private = |it: &fs::Metadata| it.is_dir() && it.uid() == own && it.permissions().mode() & 0o077 == 0;
    path.symlink_metadata().is_ok_and(|it| private(&it))
}

/// Whether this is a directory. Below a user's own directory for temporary files nobody else makes one.
#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|it| it.is_dir())
}

/// Copies the hooks that git would run, with what lies beside them, as far as there are any.
fn copy_hooks(from: &Path, to: &Path) -> io::Result<()> {
    // What a try before this one copied may be half of it.
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(to)?;
    if from.is_dir() { copy_dir(from, to, HOOKS_DEPTH, &mut 0) } else { Ok(()) }
}

fn copy_dir(from: &Path, to: &Path, depth: u32, copied: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        *copied += 1;
        if *copied > HOOKS_MAX {
            return Err(io::Error::other(format!("{} holds more than {HOOKS_MAX} files", from.display())));
        }
        if source.extension().is_some_and(|it| it == "sample") {
            continue;
        }
        // A link to a hook is followed: it may be relative.
        if source.is_file() {
            fs::copy(&source, &target)?;
        } else if source.is_dir() && depth > 0 {
            fs::create_dir_all(&target)?;
            copy_dir(&source, &target, depth - 1, copied)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Reach, Removal, Spec, Unsaved, tests::World};

    fn spec(world: &World, task: &str, hooks: Hooks) -> Spec {
        let own = OwnSpec { hooks, ..world.spec(task).own };
        Spec { own, ..world.spec(task) }
    }

    fn ports(workspace: &Workspace) -> BTreeSet<u16> {
        block(workspace.own.port.unwrap()).collect()
    }

    /// Commits in a workspace as an agent would, with its hooks; what git printed.
    async fn commits(world: &World, workspace: &Workspace) -> String {
        let config = workspace.git_config();
        let exports = config.iter().enumerate().map(|(index, (key, value))| {
            format!("export GIT_CONFIG_KEY_{index}='{key}' GIT_CONFIG_VALUE_{index}='{value}'; ")
        });
        let (exports, count) = (exports.collect::<String>(), config.len());
        let line = format!("{exports} export GIT_CONFIG_COUNT={count}; git commit --allow-empty -qm x 2>&1 || true");
        world.sh_in(&workspace.path, &line).await
    }

    async fn hook_in(world: &World, workspace: &Workspace, says: &str) {
        let config: Vec<_> = workspace.git_config().iter().map(|(key, value)| format!("-c {key}={value}")).collect();
        let line = format!(
            "dir=$(git {} rev-parse --git-path hooks) && mkdir -p \"$dir\" && \
             printf '#!/bin/sh\\necho {says} >&2\\nexit 1\\n' > \"$dir/pre-commit\" && chmod +x \"$dir/pre-commit\"",
            config.join(" ")
        );
        world.sh_in(&workspace.path, &line).await;
    }

    #[tokio::test]
    async fn every_workspace_has_ports_of_its_own_and_keeps_them() {
        let world = World::new().await;
        let all: Vec<_> = (0..8).map(|n| world.spec(&format!("t-{n}"))).collect();
        let made = futures_util::future::join_all(all.iter().map(|spec| world.workspaces.prepare(spec))).await;

        let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
        let distinct: BTreeSet<_> = made.iter().flat_map(ports).collect();
        assert_eq!(distinct.len(), 80);
        for workspace in &made {
            assert_eq!(
                world.workspaces.prepare(&world.spec(workspace.task.as_str())).await.unwrap().own,
                workspace.own
            );
            assert_eq!(world.workspaces.at_hand(&workspace.task).unwrap().as_ref(), Some(workspace));
        }
    }

    #[tokio::test]
    async fn a_port_that_somebody_listens_on_is_left_to_them() {
        let world = World::new().await;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let first = held.local_addr().unwrap().port() - 3;
        let own = OwnSpec { ports: first..=first + 999, ..world.spec("t-1").own };

        let workspace = world.workspaces.prepare(&Spec { own, ..world.spec("t-1") }).await.unwrap();

        assert!(workspace.own.port.unwrap() > first);
        drop(held);
    }

    #[tokio::test]
    async fn without_a_free_block_nothing_is_made_up() {
        let world = World::new().await;
        let first = *world.spec("t-1").own.ports.start();
        let narrow = |task: &str| {
            let spec = world.spec(task);
            Spec { own: OwnSpec { ports: first..=first + 8, ..spec.own.clone() }, ..spec }
        };

        let error = world.workspaces.prepare(&narrow("t-1")).await.unwrap_err();

        assert_eq!(error.to_string(), format!("no 10 ports in a row are free in {first}-{}", first + 8));
    }

    #[tokio::test]
    async fn processes_hear_of_what_is_theirs() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        let env = workspace.environment();

        let first = workspace.own.port.unwrap();
        assert_eq!(env["ANTIPHON_PORT"], first.to_string());
        assert_eq!(env["ANTIPHON_PORTS"].split(' ').next_back().unwrap(), (first + 9).to_string());
        assert_eq!(env["COMPOSE_PROJECT_NAME"], "antiphon-t-1");
        let tmp = PathBuf::from(&env["TMPDIR"]);
        assert!(is_ours(&tmp) && tmp.as_os_str().len() <= TMP_BYTES_MAX, "{}", tmp.display());
    }

    #[tokio::test]
    async fn the_directory_for_temporary_files_comes_back_and_goes_with_the_workspace() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        let tmp = workspace.own.tmp.clone().unwrap();
        fs::remove_dir(&tmp).unwrap();

        let again = world.workspaces.at_hand(&workspace.task).unwrap().unwrap();
        assert_eq!(again.own.tmp.as_ref(), Some(&tmp));
        fs::write(tmp.join("socket"), "").unwrap();

        let removal = world.workspaces.remove(&workspace, &Reach::default(), Unsaved::Stays).await.unwrap();
        assert!(matches!(removal, Removal::Removed(_)), "{removal:?}");
        assert!(!tmp.exists());
    }

    #[tokio::test]
    async fn a_directory_that_others_can_enter_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        let open = workspace.own.tmp.clone().unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();

        let again = world.workspaces.at_hand(&workspace.task).unwrap().unwrap();

        assert_ne!(again.own.tmp, Some(open.clone()));
        fs::remove_dir(open).unwrap();
    }

    /// A pre-commit hook in one workspace touches neither another one nor the user's clone.
    #[tokio::test]
    async fn a_hook_that_is_made_in_one_workspace_runs_in_no_other() {
        let world = World::new().await;
        let one = world.prepare("t-1").await;
        let two = world.prepare("t-2").await;
        let before = world.sh("cd clone && ls .git/hooks && cat .git/config").await;

        hook_in(&world, &one, "stopped").await;

        assert_eq!((commits(&world, &one).await.as_str(), commits(&world, &two).await.as_str()), ("stopped", ""));
        assert_eq!(world.sh("cd clone && git commit --allow-empty -qm x 2>&1").await, "");
        assert_eq!(world.sh("cd clone && ls .git/hooks && cat .git/config").await, before);
    }

    #[tokio::test]
    async fn hooks_are_copied_inherited_or_switched_off() {
        let world = World::new().await;
        world
            .sh("printf '#!/bin/sh\\n. \"$(dirname \"$0\")/lib/say\"\\nexit 1\\n' > clone/.git/hooks/pre-commit && \
                 mkdir clone/.git/hooks/lib && echo 'echo theirs >&2' > clone/.git/hooks/lib/say && \
                 chmod +x clone/.git/hooks/pre-commit")
            .await;
        let make = async |task: &str, hooks| world.workspaces.prepare(&spec(&world, task, hooks)).await.unwrap();

        let own = make("t-1", Hooks::Own).await;
        assert_eq!(commits(&world, &own).await, "theirs");
        world.sh("echo 'echo changed >&2' > clone/.git/hooks/lib/say").await;
        assert_eq!(commits(&world, &own).await, "theirs");
        assert_eq!(commits(&world, &make("t-2", Hooks::Inherit).await).await, "changed");
        assert_eq!(commits(&world, &make("t-3", Hooks::None).await).await, "");
    }

    #[tokio::test]
    async fn hooks_that_lie_in_the_workspace_are_its_own_already() {
        let world = World::new().await;
        world.sh("cd clone && git config core.hooksPath .githooks").await;

        assert_eq!(world.prepare("t-1").await.own.hooks, None);
    }

    #[tokio::test]
    async fn hooks_of_the_user_are_copied_from_where_they_are() {
        let world = World::new().await;
        world
            .sh("mkdir mine && printf '#!/bin/sh\\necho mine >&2; exit 1\\n' > mine/pre-commit && chmod +x mine/*")
            .await;
        world.sh("git config --global core.hooksPath '~/mine'").await;

        let workspace = world.prepare("t-1").await;

        assert_eq!(commits(&world, &workspace).await, "mine");
        assert!(workspace.own.hooks.unwrap().ends_with(".own/t-1/hooks"));
    }
}
