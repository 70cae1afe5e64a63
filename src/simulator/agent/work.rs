//! The working directory: edits, merges, commits and pushes, each told in one line.

use std::{
    io::{self, Write},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use tokio::runtime::Runtime;

use super::{
    AgentArgs,
    reading::{Edit, Merge, Task},
};
use crate::process::{Command, Output};

/// How long one git command may take.
const GIT_DEADLINE: Duration = Duration::from_secs(120);

/// Where the agent works.
pub(super) struct Workplace<'a> {
    args: &'a AgentArgs,
    runtime: &'a Runtime,
}

impl<'a> Workplace<'a> {
    pub(super) const fn new(args: &'a AgentArgs, runtime: &'a Runtime) -> Self {
        Self { args, runtime }
    }

    /// Does what was asked, commits and pushes it, and tells of every step.
    pub(super) fn carry_out(&self, task: &Task, output: &mut dyn Write) -> io::Result<()> {
        if *task == Task::default() {
            return self.tell(output, "I do not understand what to do with this message.");
        }
        let branch = self.git_text(&["symbolic-ref", "--short", "HEAD"]);
        self.catch_up(&branch, output)?;
        let mut done = Vec::new();
        if let Some(merge) = &task.merge {
            done.extend(self.merge_base(merge, output)?);
        }
        for edit in &task.edits {
            match self.edit(edit) {
                Ok(what) => {
                    self.tell(output, &what)?;
                    done.push(what);
                }
                Err(error) => self.tell(output, &format!("Cannot edit {}: {error}", path_of(edit)))?,
            }
        }
        self.commit(&done, output)?;
        self.push(&branch, output)
    }

    /// Takes over what others pushed to the same branch.
    fn catch_up(&self, branch: &str, output: &mut dyn Write) -> io::Result<()> {
        self.git(&["fetch", "--quiet", "origin"]);
        let theirs = format!("origin/{branch}");
        if self.git_ok(&["rev-parse", "--verify", "--quiet", &theirs])
            && !self.git_ok(&["merge-base", "--is-ancestor", &theirs, "HEAD"])
        {
            self.tell(output, &format!("Taking over what others pushed to {branch}"))?;
            self.merge(&theirs, output)?;
        }
        Ok(())
    }

    fn merge_base(&self, merge: &Merge, output: &mut dyn Write) -> io::Result<Option<String>> {
        let base = merge.base.clone().unwrap_or_else(|| {
            let head = self.git_text(&["symbolic-ref", "--short", "refs/remotes/origin/HEAD"]);
            head.strip_prefix("origin/").unwrap_or("main").to_owned()
        });
        self.tell(output, &format!("Merging {base}"))?;
        if !self.git_ok(&["fetch", "--quiet", "origin", &base]) {
            self.tell(output, &format!("Cannot fetch {base}"))?;
            return Ok(None);
        }
        self.merge("FETCH_HEAD", output)?;
        Ok(Some(format!("Merge {base}")))
    }

    /// Merges, and where both sides changed the same place keeps the lines of both.
    fn merge(&self, what: &str, output: &mut dyn Write) -> io::Result<()> {
        if self.git_ok(&["merge", "--quiet", "--no-edit", what]) {
            return Ok(());
        }
        let torn = self.git_text(&["diff", "--name-only", "--diff-filter=U"]);
        for path in torn.lines() {
            self.tell(output, &format!("Keeping both sides of {path}"))?;
            let file = self.args.dir.join(path);
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            std::fs::write(&file, both_sides(&text))?;
        }
        self.git(&["add", "--all"]);
        if !self.git_ok(&["commit", "--quiet", "--no-edit"]) {
            self.tell(output, &format!("Cannot merge {what}"))?;
            self.git(&["merge", "--abort"]);
        }
        Ok(())
    }

    fn edit(&self, edit: &Edit) -> io::Result<String> {
        let path = inside(path_of(edit))?;
        let file = self.args.dir.join(&path);
        let before = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut lines: Vec<&str> = before.lines().collect();
        let said = match edit {
            Edit::Add { path, text } => {
                if !lines.contains(&text.as_str()) {
                    lines.push(text);
                }
                format!("Write {path}")
            }
            Edit::Replace { path, line, text } => {
                let at = line.checked_sub(1).filter(|at| *at < lines.len());
                let at = at.ok_or_else(|| io::Error::other(format!("it has no line {line}")))?;
                lines[at] = text;
                format!("Correct {path}:{line}")
            }
        };
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, lines.join("\n") + "\n")?;
        Ok(said)
    }

    fn commit(&self, done: &[String], output: &mut dyn Write) -> io::Result<()> {
        self.git(&["add", "--all"]);
        if self.git_ok(&["diff", "--cached", "--quiet"]) {
            return Ok(());
        }
        let message = match done {
            [] => "Change what was asked for".to_owned(),
            [one] => one.clone(),
            [first, ..] => format!("{first} and more\n\n{}", done.join("\n")),
        };
        let committed = self.git(&["commit", "--quiet", "-m", &message]);
        let what = if committed.success() {
            format!("Committed: {}", message.lines().next().unwrap_or_default())
        } else {
            format!("Cannot commit: {}", committed.stderr_text().trim())
        };
        self.tell(output, &what)
    }

    fn push(&self, branch: &str, output: &mut dyn Write) -> io::Result<()> {
        let theirs = format!("origin/{branch}");
        let head = self.git_text(&["rev-parse", "HEAD"]);
        if self.git_text(&["rev-parse", "--verify", "--quiet", &theirs]) == head {
            return self.tell(output, "Nothing changed.");
        }
        let pushed = self.git(&["push", "--quiet", "origin", "HEAD"]);
        let what = if pushed.success() {
            format!("Pushed {} to {branch}", head.get(..7).unwrap_or_default())
        } else {
            format!("Cannot push: {}", pushed.stderr_text().trim().replace('\n', " "))
        };
        self.tell(output, &what)
    }

    fn tell(&self, output: &mut dyn Write, what: &str) -> io::Result<()> {
        write!(output, "{what}\r\n")?;
        output.flush()?;
        std::thread::sleep(Duration::from_millis(self.args.delay_ms));
        Ok(())
    }

    /// Runs git. One that cannot be run counts as one that failed.
    fn git(&self, args: &[&str]) -> Output {
        let command = Command::new("git").args(args).dir(&self.args.dir).envs(&self.args.env).deadline(GIT_DEADLINE);
        self.runtime.block_on(command.run()).unwrap_or_else(|error| Output {
            code: None,
            stdout: Vec::new(),
            stderr: error.to_string().into_bytes(),
        })
    }

    fn git_ok(&self, args: &[&str]) -> bool {
        self.git(args).success()
    }

    fn git_text(&self, args: &[&str]) -> String {
        self.git(args).stdout_text().trim().to_owned()
    }
}

fn path_of(edit: &Edit) -> &str {
    match edit {
        Edit::Add { path, .. } | Edit::Replace { path, .. } => path,
    }
}

/// A path of the message, if it stays in the working directory and out of git's own files.
fn inside(path: &str) -> io::Result<PathBuf> {
    let parts: Vec<Component<'_>> = Path::new(path).components().collect();
    let plain = parts.iter().all(|part| matches!(part, Component::Normal(name) if *name != ".git"));
    if plain && !parts.is_empty() { Ok(path.into()) } else { Err(io::Error::other("it lies outside")) }
}

/// A file with conflict marks, without them and with the lines of both sides.
fn both_sides(text: &str) -> String {
    let (mut kept, mut ancestor) = (String::new(), false);
    for line in text.lines() {
        match line.get(..7) {
            Some("<<<<<<<" | ">>>>>>>") => ancestor = false,
            Some("|||||||") => ancestor = true,
            Some("=======") if line.len() == 7 => ancestor = false,
            _ if ancestor => {}
            _ => {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_conflict_are_kept_and_the_common_ancestor_is_not() {
        let torn = "a\n<<<<<<< HEAD\nours\n||||||| base\nold\n=======\ntheirs\n>>>>>>> main\nz\n";

        assert_eq!(both_sides(torn), "a\nours\ntheirs\nz\n");
    }

    #[test]
    fn a_path_that_leads_outside_is_refused() {
        let lead = ["../x", "/etc/passwd", ".git/config", "a/../../x", ""].map(|path| inside(path).is_ok());

        assert_eq!(lead, [false; 5]);
        assert_eq!(inside("a/b.txt").unwrap(), Path::new("a/b.txt"));
    }
}
