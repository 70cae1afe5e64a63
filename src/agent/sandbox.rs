//! The command line by which an agent runs inside of bubblewrap. Pure: what is there to be bound or hidden is known before.
//!
//! Everything is readable and nothing is writable, except what is named here; what is hidden is empty; processes outside are
//! not seen. The network is the same: an agent that reaches its model reaches everything.

use std::path::{Path, PathBuf};

use super::start::Start;

/// What stands around an agent. Every path exists, is absolute, and leads over no symbolic link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Directories and files that it may change, except for what is hidden in them.
    pub writable: Vec<PathBuf>,
    /// Directories that are empty for it.
    pub hidden_dirs: Vec<PathBuf>,
    /// Files and sockets that are empty for it.
    pub hidden_files: Vec<PathBuf>,
}

impl Sandbox {
    /// `bwrap` with its options; the agent's own command line follows. Later binds lie over earlier ones.
    pub(super) fn argv(&self, start: &Start, program: &str) -> Vec<String> {
        let mut argv: Vec<String> = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
            .into_iter()
            .chain(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"])
            .map(str::to_owned)
            .collect();
        let mut add = |option: &str, paths: &[&Path]| {
            argv.push(option.to_owned());
            argv.extend(paths.iter().map(|path| path.display().to_string()));
        };
        for path in &self.writable {
            add("--bind", &[path, path]);
        }
        // What is hidden stays so within what may be changed; what the work itself needs lies over both.
        for hidden in &self.hidden_dirs {
            add("--tmpfs", &[hidden]);
        }
        for hidden in &self.hidden_files {
            add("--ro-bind", &[Path::new("/dev/null"), hidden]);
        }
        // The programs that are started may lie in what is hidden.
        for program in start.hook_argv.first().map(String::as_str).into_iter().chain([program]).map(Path::new) {
            if program.is_absolute() {
                add("--ro-bind", &[program, program]);
            }
        }
        let temporary = start.workspace_env.get("TMPDIR").map(Path::new);
        let own =
            [Some(start.workspace.as_path()), Some(&start.session_dir), start.contact.socket.as_deref(), temporary];
        for path in own.into_iter().flatten().chain(start.writable.iter().map(PathBuf::as_path)) {
            add("--bind-try", &[path, path]);
        }
        if let Some((_, hooks)) = start.git.config.iter().find(|(key, _)| key == "core.hooksPath") {
            add("--ro-bind-try", &[Path::new(hooks), Path::new(hooks)]);
        }
        // With its configuration and hooks whoever works there next could be made to run something.
        for fixed in start.writable.iter().flat_map(|dir| ["config", "config.worktree", "hooks"].map(|it| dir.join(it)))
        {
            add("--ro-bind-try", &[&fixed, &fixed]);
        }
        add("--chdir", &[&start.workspace]);
        argv.push("--".to_owned());
        argv
    }
}
