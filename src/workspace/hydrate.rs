//! What git ignores and is dear to make, kept between workspaces: installed packages, build output.
//!
//! ```text
//! setup ends well ── keep ──▶ <state>/templates/<repository>/<key>/<entry> ── hydrate ──▶ the next workspace
//! ```
//!
//! The key is made of the lock files and of what is done with them: another lock file, another template. Copies are
//! staged beside the workspaces and renamed into their place, so that nobody ever sees half of one. A workspace is never
//! written to by another one, unless the operator chose links.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use tracing::info;

use super::{Error, Workspace, Workspaces, lockfiles, other};
use crate::model::TaskId;

/// How many templates of one repository are kept.
const TEMPLATES_MAX: usize = 4;

/// What is kept between the workspaces of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hydration {
    /// Files and directories that git ignores, relative to the top of the workspace.
    pub entries: Vec<String>,
    /// How they get into a workspace.
    pub by: HydrateBy,
    /// What makes them: with other lines it is another template.
    pub lines: Vec<String>,
}

/// How something kept gets into a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HydrateBy {
    /// Copied; on file systems with copy-on-write that takes no space.
    #[default]
    Copy,
    /// By hard links: a program that writes in place writes to all workspaces.
    Hardlink,
    /// By one symbolic link to what all workspaces share.
    Symlink,
}

/// The template for a workspace with its present lock files.
#[derive(Debug)]
struct Template {
    dir: PathBuf,
}

impl Workspaces {
    /// Puts what an earlier workspace with the same lock files made into this one. Whether all of it is there then.
    ///
    /// # Errors
    ///
    /// When git does not ignore an entry, or it cannot be copied.
    pub async fn hydrate(&self, workspace: &Workspace, wanted: &Hydration) -> Result<bool, Error> {
        let Some(template) = self.template(workspace, wanted).map_err(other)? else { return Ok(false) };
        let mut complete = !wanted.entries.is_empty();
        for entry in &wanted.entries {
            let (kept, target) = (template.dir.join(entry), workspace.path.join(entry));
            if target.symlink_metadata().is_ok() {
                continue;
            }
            if !kept.exists() {
                complete = false;
                continue;
            }
            self.refuse_unignored(workspace, entry, kept.is_dir() && wanted.by != HydrateBy::Symlink).await?;
            let stage = self.stage(&workspace.task).map_err(other)?;
            copied(kept, stage.clone(), wanted.by).await.map_err(other)?;
            put(&stage, &target).map_err(other)?;
        }
        if complete {
            info!(task.id = %workspace.task, "Took over what another workspace of the same lock files had made");
        }
        Ok(complete)
    }

    /// Keeps what the setup of a workspace made for the next one with the same lock files, unless that was done before.
    ///
    /// # Errors
    ///
    /// When it cannot be copied.
    pub async fn keep(&self, workspace: &Workspace, wanted: &Hydration) -> Result<(), Error> {
        let Some(template) = self.template(workspace, wanted).map_err(other)? else { return Ok(()) };
        for entry in &wanted.entries {
            let (made, target) = (workspace.path.join(entry), template.dir.join(entry));
            let is_own = made.symlink_metadata().is_ok_and(|it| !it.is_symlink());
            if !is_own || target.exists() {
                continue;
            }
            let stage = self.stage(&workspace.task).map_err(other)?;
            // What is kept shares nothing with the workspace, which goes on to write there.
            copied(made, stage.clone(), HydrateBy::Copy).await.map_err(other)?;
            put(&stage, &target).map_err(other)?;
        }
        if wanted.by != HydrateBy::Symlink {
            forget_old(&template).map_err(other)?;
        }
        Ok(())
    }

    /// None without a lock file: then nobody could say when something kept is out of date.
    fn template(&self, workspace: &Workspace, wanted: &Hydration) -> io::Result<Option<Template>> {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        let mut locks = 0;
        let parents = wanted.entries.iter().filter_map(|entry| Path::new(entry).parent());
        let dirs: std::collections::BTreeSet<&Path> = parents.chain([Path::new("")]).collect();
        for dir in dirs {
            for name in lockfiles::names(&workspace.path.join(dir)) {
                let path = dir.join(name);
                hash.update(format!("{}\0", path.display()));
                hash.update(fs::read(workspace.path.join(path))?);
                locks += 1;
            }
        }
        for word in wanted.entries.iter().chain(&wanted.lines) {
            hash.update(format!("\0{word}"));
        }
        let repository = sha2::Sha256::digest(workspace.keeper().as_os_str().as_encoded_bytes());
        let name = |digest: &[u8]| hex::encode(&digest[..8]);
        let dir = self.templates.join(name(&repository)).join(name(&hash.finalize()));
        Ok((locks > 0).then_some(Template { dir }))
    }

    /// A place for something that is not whole yet, on the file system of the workspaces.
    pub(super) fn stage(&self, task: &TaskId) -> io::Result<PathBuf> {
        let dir = self.root.join(".staging");
        fs::create_dir_all(&dir)?;
        let stage = dir.join(task.as_str());
        remove(&stage)?;
        Ok(stage)
    }

    /// What git does not ignore would be offered to the agent as its own work.
    pub(super) async fn refuse_unignored(&self, workspace: &Workspace, entry: &str, is_dir: bool) -> Result<(), Error> {
        let asked = if is_dir { format!("{entry}/") } else { entry.to_owned() };
        let answer = self.git.ask(&workspace.path, &["check-ignore", "--quiet", "--", &asked]).await?;
        match answer.code {
            0 => Ok(()),
            1 => Err(Error::NotIgnored { entry: asked }),
            _ => Err(answer.failure(&["check-ignore"])),
        }
    }
}

/// Copies off the async threads: it may be much.
async fn copied(from: PathBuf, to: PathBuf, by: HydrateBy) -> io::Result<()> {
    let work = move || match by {
        HydrateBy::Symlink => symlink(&from, &to),
        HydrateBy::Copy | HydrateBy::Hardlink => copy(&from, &to, by),
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn copy(from: &Path, to: &Path, by: HydrateBy) -> io::Result<()> {
    let kind = from.symlink_metadata()?;
    if kind.is_symlink() {
        return symlink(&fs::read_link(from)?, to);
    }
    if kind.is_file() {
        return match by {
            HydrateBy::Hardlink => fs::hard_link(from, to),
            // Where the file system can, the system shares the blocks until one of the two is written to.
            HydrateBy::Copy | HydrateBy::Symlink => fs::copy(from, to).map(drop),
        };
    }
    if !kind.is_dir() {
        // A socket or a pipe means something to its process alone.
        return Ok(());
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()), by)?;
    }
    fs::set_permissions(to, kind.permissions())
}

#[cfg(unix)]
pub(super) fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(windows)]
pub(super) fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    let is_dir = at.parent().unwrap_or(at).join(to).is_dir();
    if is_dir { std::os::windows::fs::symlink_dir(to, at) } else { std::os::windows::fs::symlink_file(to, at) }
}

/// Renames what is whole into its place; somebody else's that came first stays.
fn put(stage: &Path, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::rename(stage, target) {
        Err(_) if target.symlink_metadata().is_ok() => remove(stage),
        renamed => renamed,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(it) if it.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Removes all but the newest templates of a repository.
fn forget_old(template: &Template) -> io::Result<()> {
    let Some(all) = template.dir.parent().filter(|dir| dir.is_dir()) else { return Ok(()) };
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        found.push((entry.metadata()?.modified()?, entry.path()));
    }
    found.sort();
    let too_many = found.len().saturating_sub(TEMPLATES_MAX);
    found.into_iter().take(too_many).try_for_each(|(_, path)| fs::remove_dir_all(path))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::workspace::tests::World;

    fn wanted(by: HydrateBy) -> Hydration {
        Hydration { entries: vec!["target".to_owned()], by, lines: vec!["make".to_owned()] }
    }

    /// A workspace whose setup made something that git ignores.
    async fn made(world: &World, task: &str) -> Workspace {
        world
            .sh("cd clone && echo 1 > Cargo.lock && git add -A && git commit -qm lock && git push -q origin main")
            .await;
        let workspace = world.prepare(task).await;
        let lines = "mkdir -p target/deep && echo x > target/deep/out && ln -s deep/out target/link && chmod +x target/deep/out";
        world.sh_in(&workspace.path, lines).await;
        workspace
    }

    fn inode(path: &Path) -> u64 {
        path.metadata().unwrap().ino()
    }

    #[tokio::test]
    async fn what_one_setup_made_the_next_workspace_has() {
        let world = World::new().await;
        let one = made(&world, "t-1").await;
        let wanted = wanted(HydrateBy::Copy);
        assert!(
            !world
                .workspaces
                .hydrate(&one, &Hydration { entries: vec!["gone".into()], ..wanted.clone() })
                .await
                .unwrap()
        );
        world.workspaces.keep(&one, &wanted).await.unwrap();

        let two = world.prepare("t-2").await;
        assert!(world.workspaces.hydrate(&two, &wanted).await.unwrap());

        let looks = "cat target/link; readlink target/link; test -x target/deep/out && git status --porcelain";
        assert_eq!(world.sh_in(&two.path, looks).await, "x\ndeep/out");
        assert_ne!(inode(&one.path.join("target/deep/out")), inode(&two.path.join("target/deep/out")));
        assert_eq!(world.sh("ls state/workspaces/.staging").await, "");
        assert!(world.workspaces.hydrate(&two, &wanted).await.unwrap(), "what is there is there");
    }

    #[tokio::test]
    async fn another_lock_file_or_another_line_is_another_template() {
        let world = World::new().await;
        let one = made(&world, "t-1").await;
        let first = wanted(HydrateBy::Copy);
        world.workspaces.keep(&one, &first).await.unwrap();
        let other_line = Hydration { lines: vec!["make all".to_owned()], ..first.clone() };

        let two = world.prepare("t-2").await;
        assert!(!world.workspaces.hydrate(&two, &other_line).await.unwrap());
        world.sh_in(&two.path, "echo 2 > Cargo.lock").await;
        assert!(!world.workspaces.hydrate(&two, &first).await.unwrap());
        world.sh_in(&two.path, "rm Cargo.lock").await;
        assert!(!world.workspaces.hydrate(&two, &first).await.unwrap(), "nobody can say that it fits");
        assert!(!two.path.join("target").exists());
    }

    #[tokio::test]
    async fn links_share_what_the_operator_wants_shared() {
        let world = World::new().await;
        let one = made(&world, "t-1").await;
        world.workspaces.keep(&one, &wanted(HydrateBy::Copy)).await.unwrap();
        let hydrated = async |task: &str, by| {
            let workspace = world.prepare(task).await;
            assert!(world.workspaces.hydrate(&workspace, &wanted(by)).await.unwrap());
            workspace.path.join("target")
        };

        let (two, three) = (hydrated("t-2", HydrateBy::Hardlink).await, hydrated("t-3", HydrateBy::Hardlink).await);
        assert_eq!(inode(&two.join("deep/out")), inode(&three.join("deep/out")));
        assert!(hydrated("t-4", HydrateBy::Symlink).await.is_symlink());
    }

    #[tokio::test]
    async fn what_git_does_not_ignore_is_refused() {
        let world = World::new().await;
        let one = made(&world, "t-1").await;
        let wanted = Hydration { entries: vec!["made".to_owned()], ..wanted(HydrateBy::Copy) };
        world.sh_in(&one.path, "mkdir made").await;
        world.workspaces.keep(&one, &wanted).await.unwrap();

        let error = world.workspaces.hydrate(&world.prepare("t-2").await, &wanted).await.unwrap_err();

        assert_eq!(error.to_string(), "git does not ignore made/, and would offer it to the agent as work of its own");
    }

    #[tokio::test]
    async fn only_the_newest_templates_are_kept() {
        let world = World::new().await;
        let one = made(&world, "t-1").await;
        for n in 0..6 {
            world.sh_in(&one.path, &format!("echo {n} > Cargo.lock")).await;
            world.workspaces.keep(&one, &wanted(HydrateBy::Copy)).await.unwrap();
        }

        assert_eq!(world.sh("ls state/templates/* | wc -l").await, "4");
    }
}
