//! Where things are in the state directory.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::model::{Generation, LaunchToken, SessionId, TaskId};

/// The state directory, mode 0700.
#[derive(Debug, Clone)]
pub struct Places {
    root: PathBuf,
}

impl Places {
    /// The places below `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The state directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The launches of all sessions.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// All launches of a session.
    #[must_use]
    pub fn session(&self, session: &SessionId) -> PathBuf {
        self.sessions().join(session.as_str())
    }

    /// The private directory of one launch.
    #[must_use]
    pub fn launch(&self, session: &SessionId, generation: Generation) -> PathBuf {
        self.session(session).join(generation.to_string())
    }

    /// The secret of one launch.
    #[must_use]
    pub fn launch_token(&self, session: &SessionId, generation: Generation) -> PathBuf {
        self.launch(session, generation).join("token")
    }

    /// The secret of one launch, if it has one.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn read_launch_token(&self, session: &SessionId, generation: Generation) -> io::Result<Option<LaunchToken>> {
        match std::fs::read_to_string(self.launch_token(session, generation)) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The log of a task's setup.
    #[must_use]
    pub fn setup_log(&self, task: &TaskId) -> PathBuf {
        self.root.join("logs").join(format!("{task}-setup.log"))
    }

    /// What GitHub said of the configured repositories, for starts while it is down.
    #[must_use]
    pub fn repositories(&self) -> PathBuf {
        self.root.join("repositories.json")
    }

    /// The token that local clients show.
    #[must_use]
    pub fn access_token(&self) -> PathBuf {
        self.root.join("token")
    }

    /// What deliveries of webhooks are signed with, one secret on each line.
    #[must_use]
    pub fn webhook_secret(&self) -> PathBuf {
        self.root.join("github").join("webhook-secret")
    }

    /// The private key of a GitHub App.
    #[must_use]
    pub fn app_key(&self, app: u64) -> PathBuf {
        self.root.join("github").join(format!("app-{app}.pem"))
    }

    /// The address of the smee channel that deliveries go through.
    #[must_use]
    pub fn smee_channel(&self) -> PathBuf {
        self.root.join("github").join("smee-channel")
    }

    /// Where the daemon can be reached.
    #[must_use]
    pub fn address(&self) -> PathBuf {
        self.root.join("address")
    }

    /// What a hook pokes: a socket.
    #[cfg(not(windows))]
    #[must_use]
    pub fn poke(&self) -> PathBuf {
        self.root.join("poke.sock")
    }

    /// What a hook pokes: a pipe. Pipes have no place in a directory, so the name tells whose it is.
    #[cfg(windows)]
    #[must_use]
    pub fn poke(&self) -> PathBuf {
        use sha2::Digest as _;
        let root = sha2::Sha256::digest(self.root.as_os_str().as_encoded_bytes());
        PathBuf::from(format!(r"\\.\pipe\antiphon-poke-{}", hex::encode(&root[..8])))
    }

    /// How many bytes this user may still write here; `None` if the system does not tell.
    #[cfg(unix)]
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.root).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// How many bytes this user may still write here: nobody tells.
    #[cfg(not(unix))]
    #[must_use]
    pub const fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Makes a directory that only this user can enter.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn make_private(path: &Path) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    /// Writes a file that only this user can read, whole or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let beside = path.with_extension("new");
        let mut file = options.open(&beside)?;
        io::Write::write_all(&mut file, contents)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    }
}
