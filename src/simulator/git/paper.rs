//! Repositories that exist on paper only: a commit is its files, and a merge compares them one by one.
//!
//! For worlds in which much is pushed and nobody clones. It knows no program and no directory, and starts none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Error, Method, Person};
use crate::simulator::world::{Commit, Diff, Mergeability};

/// Texts by path.
type Files = BTreeMap<String, String>;

/// Files and their new texts; `None` removes one.
type Changes<'a> = &'a [(String, Option<String>)];

/// All repositories.
#[derive(Debug, Default)]
pub(crate) struct Paper(Mutex<BTreeMap<String, Repository>>);

#[derive(Debug, Default)]
struct Repository {
    branches: BTreeMap<String, String>,
    commits: BTreeMap<String, Sheet>,
}

/// A commit with everything in it. Whatever came later has the greater number.
#[derive(Debug, Clone)]
struct Sheet {
    number: usize,
    commit: Commit,
    files: Files,
}

impl Paper {
    pub(super) fn init(&self, repo: &str) {
        self.lock().entry(repo.to_owned()).or_default();
    }

    pub(super) fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let branches = self.branches(from)?;
        self.share(from, to)?;
        self.change(to, |it| it.branches = branches)
    }

    pub(super) fn share(&self, from: &str, to: &str) -> Result<(), Error> {
        let commits = self.read(from, |it| it.commits.clone())?;
        // A commit is the same wherever it lies; those that are known keep their place.
        self.change(to, |it| {
            for (sha, sheet) in commits {
                it.commits.entry(sha).or_insert(sheet);
            }
        })
    }

    pub(super) fn branches(&self, repo: &str) -> Result<BTreeMap<String, String>, Error> {
        self.read(repo, |it| it.branches.clone())
    }

    pub(super) fn is_ancestor(&self, repo: &str, old: &str, new: &str) -> Result<bool, Error> {
        self.read(repo, |it| it.history(new).contains(old))
    }

    pub(super) fn commits(&self, repo: &str, to: &str, exclude: &[String]) -> Result<Vec<Commit>, Error> {
        self.read(repo, |it| {
            let mut shas = it.history(to);
            for end in exclude {
                let known = it.history(end.trim_start_matches('^'));
                shas.retain(|sha| !known.contains(sha));
            }
            let mut sheets: Vec<&Sheet> = shas.iter().filter_map(|sha| it.commits.get(sha)).collect();
            sheets.sort_by_key(|sheet| sheet.number);
            sheets.into_iter().map(|sheet| sheet.commit.clone()).collect()
        })
    }

    pub(super) fn count(&self, repo: &str, from: &str, to: &str) -> Result<u64, Error> {
        Ok(self.commits(repo, to, &[format!("^{from}")])?.len() as u64)
    }

    pub(super) fn mergeability(&self, repo: &str, base: &str, head: &str) -> Result<Mergeability, Error> {
        let merged = self.read(repo, |it| it.merged_files(base, head).is_some())?;
        Ok(match merged {
            true => Mergeability::Clean { behind: self.count(repo, head, base)? > 0 },
            false => Mergeability::Conflicting,
        })
    }

    pub(super) fn diff(&self, repo: &str, base: &str, head: &str) -> Result<Diff, Error> {
        let commits = self.count(repo, base, head)?;
        self.read(repo, |it| {
            let lines = |text: Option<&String>| text.map_or(0, |text| text.lines().count() as u64);
            let (before, after) = (it.fork_point(base, head), it.files(head));
            let mut diff = Diff { commits, ..Diff::default() };
            for path in paths([&before, &after]) {
                let (old, new) = (before.get(&path), after.get(&path));
                if old != new {
                    diff.files += 1;
                    diff.additions += lines(new);
                    diff.deletions += lines(old);
                }
            }
            diff
        })
    }

    pub(super) fn resolve(&self, repo: &str, revision: &str) -> Result<Option<String>, Error> {
        let name = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        self.read(repo, |it| {
            let known = it.commits.contains_key(revision).then(|| revision.to_owned());
            known.or_else(|| it.branches.get(name).cloned())
        })
    }

    pub(super) fn file(&self, repo: &str, sha: &str, path: &str) -> Result<Option<String>, Error> {
        self.read(repo, |it| it.commits.get(sha).and_then(|sheet| sheet.files.get(path).cloned()))
    }

    /// Points a branch somewhere; other refs are nowhere to be seen on paper.
    pub(super) fn update_ref(&self, repo: &str, (name, new, old): (&str, &str, Option<&str>)) -> Result<(), Error> {
        let Some(branch) = name.strip_prefix("refs/heads/") else { return Ok(()) };
        let moved = self.change(repo, |it| {
            let as_expected = old.is_none_or(|old| it.branches.get(branch).is_some_and(|now| now == old));
            if as_expected {
                it.branches.insert(branch.to_owned(), new.to_owned());
            }
            as_expected
        })?;
        if moved { Ok(()) } else { Err(failed("update-ref", format!("{name} is not where it was expected"))) }
    }

    /// Makes what a merge results in. `None` if it conflicts.
    pub(super) fn merge(
        &self,
        repo: &str,
        (base, head): (&str, &str),
        (method, message): (Method, &str),
        person: &Person,
    ) -> Result<Option<String>, Error> {
        self.change(repo, |it| {
            let files = it.merged_files(base, head)?;
            let parents = match method {
                Method::Merge => vec![base.to_owned(), head.to_owned()],
                Method::Squash | Method::Rebase => vec![base.to_owned()],
            };
            Some(it.write(parents, files, message, person))
        })
    }

    /// Commits files on a branch. A new branch starts at `main`.
    pub(super) fn push_files(
        &self,
        repo: &str,
        branch: &str,
        (changes, message): (Changes<'_>, &str),
        person: &Person,
    ) -> Result<String, Error> {
        self.change(repo, |it| {
            let parent = it.branches.get(branch).or_else(|| it.branches.get("main")).cloned();
            let mut files = parent.as_deref().map(|parent| it.files(parent)).unwrap_or_default();
            for (path, text) in changes {
                match text {
                    Some(text) => files.insert(path.clone(), text.clone()),
                    None => files.remove(path),
                };
            }
            let sha = it.write(parent.into_iter().collect(), files, message, person);
            it.branches.insert(branch.to_owned(), sha.clone());
            sha
        })
    }

    fn read<T>(&self, repo: &str, read: impl FnOnce(&Repository) -> T) -> Result<T, Error> {
        let repositories = self.lock();
        repositories.get(repo).map(read).ok_or_else(|| failed("open", format!("no repository {repo}")))
    }

    fn change<T>(&self, repo: &str, change: impl FnOnce(&mut Repository) -> T) -> Result<T, Error> {
        let mut repositories = self.lock();
        repositories.get_mut(repo).map(change).ok_or_else(|| failed("open", format!("no repository {repo}")))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Repository {
    /// A commit and everything before it.
    fn history(&self, sha: &str) -> BTreeSet<String> {
        let (mut known, mut open) = (BTreeSet::new(), vec![sha.to_owned()]);
        while let Some(sha) = open.pop() {
            let Some(sheet) = self.commits.get(&sha) else { continue };
            if known.insert(sha) {
                open.extend(sheet.commit.parents.iter().cloned());
            }
        }
        known
    }

    fn files(&self, sha: &str) -> Files {
        self.commits.get(sha).map(|sheet| sheet.files.clone()).unwrap_or_default()
    }

    /// The files where two histories part.
    fn fork_point(&self, one: &str, other: &str) -> Files {
        let theirs = self.history(other);
        let shared = self.history(one).into_iter().filter(|sha| theirs.contains(sha));
        let newest = shared.filter_map(|sha| self.commits.get(&sha)).max_by_key(|sheet| sheet.number);
        newest.map(|sheet| sheet.files.clone()).unwrap_or_default()
    }

    /// Both sides' changes together; `None` if they changed one file in two ways.
    fn merged_files(&self, base: &str, head: &str) -> Option<Files> {
        let (before, ours, theirs) = (self.fork_point(base, head), self.files(base), self.files(head));
        let mut merged = Files::new();
        for path in paths([&before, &ours, &theirs]) {
            let (old, our, their) = (before.get(&path), ours.get(&path), theirs.get(&path));
            let kept = match (our == old, their == old) {
                (true, _) => their,
                (_, true) => our,
                _ if our == their => our,
                (false, false) => return None,
            };
            merged.extend(kept.map(|text| (path, text.clone())));
        }
        Some(merged)
    }

    fn write(&mut self, parents: Vec<String>, files: Files, message: &str, person: &Person) -> String {
        let number = self.commits.len();
        let sha = name(&format!("{number} {parents:?} {message}"), &files);
        let before = parents.first().map(|parent| self.files(parent)).unwrap_or_default();
        let all = paths([&before, &files]);
        let touched = |kept: fn(bool, bool) -> bool| {
            let wanted = |path: &&String| {
                before.get(*path) != files.get(*path) && kept(before.contains_key(*path), files.contains_key(*path))
            };
            all.iter().filter(wanted).cloned().collect()
        };
        let commit = Commit {
            sha: sha.clone(),
            tree: name("tree", &files),
            parents,
            author_name: person.login.clone(),
            author_email: format!("{}@users.noreply.github.com", person.login),
            date: date(person.at),
            message: message.to_owned(),
            added: touched(|was, is| !was && is),
            removed: touched(|was, is| was && !is),
            modified: touched(|was, is| was && is),
        };
        self.commits.insert(sha.clone(), Sheet { number, commit, files });
        sha
    }
}

/// A name as long as git's.
fn name(what: &str, files: &Files) -> String {
    let mut digest = Sha256::new_with_prefix(what);
    for (path, text) in files {
        digest.update(format!("\n{path}\n{text}"));
    }
    hex::encode(digest.finalize())[..40].to_owned()
}

fn paths<const N: usize>(sides: [&Files; N]) -> BTreeSet<String> {
    sides.into_iter().flat_map(|files| files.keys().cloned()).collect()
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn failed(what: &str, stderr: String) -> Error {
    Error::Failed { what: what.to_owned(), stderr }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPO: &str = "o/r";

    fn person() -> Person {
        Person { login: "ada".to_owned(), at: Timestamp::UNIX_EPOCH }
    }

    fn push(paper: &Paper, branch: &str, path: &str, text: &str) -> String {
        let files = [(path.to_owned(), Some(text.to_owned()))];
        paper.push_files(REPO, branch, (&files, "Change"), &person()).unwrap()
    }

    #[test]
    fn two_changes_of_one_file_conflict_and_of_two_files_merge() {
        let paper = Paper::default();
        paper.init(REPO);
        push(&paper, "main", "a", "one");
        let work = push(&paper, "work", "b", "two");
        let main = push(&paper, "main", "c", "three");

        assert_eq!(paper.mergeability(REPO, &main, &work).unwrap(), Mergeability::Clean { behind: true });
        let how = (Method::Squash, "Both");
        let merged = paper.merge(REPO, (&main, &work), how, &person()).unwrap().unwrap();
        let held = ["a", "b", "c"].map(|path| paper.file(REPO, &merged, path).unwrap());
        assert_eq!(held, ["one", "two", "three"].map(|text| Some(text.to_owned())));

        let main = push(&paper, "main", "b", "four");
        assert_eq!(paper.mergeability(REPO, &main, &work).unwrap(), Mergeability::Conflicting);
        assert_eq!(paper.merge(REPO, (&main, &work), how, &person()).unwrap(), None);
    }

    #[test]
    fn a_branch_has_the_commits_that_its_base_lacks() {
        let paper = Paper::default();
        paper.init(REPO);
        let main = push(&paper, "main", "a", "one");
        push(&paper, "work", "b", "two");
        let work = push(&paper, "work", "b", "three");

        let diff = paper.diff(REPO, &main, &work).unwrap();
        assert_eq!(diff, Diff { commits: 2, additions: 1, deletions: 0, files: 1 });
        assert!(paper.is_ancestor(REPO, &main, &work).unwrap() && !paper.is_ancestor(REPO, &work, &main).unwrap());
        assert_eq!(paper.resolve(REPO, "work").unwrap(), Some(work));
    }
}
