//! What stands around an agent that the operator has put into a sandbox, as far as it is there.

use std::path::PathBuf;

use super::Executor;
use crate::{
    agent::{self, Start},
    config,
};

/// The doors to what runs as the person, or as root: agents for keys, keyrings, containers.
const DOORS: [&str; 5] = ["/run/user", "/run/docker.sock", "/run/containerd", "/run/podman", "/run/dbus"];
/// Where the keys of a person lie, below the home directory.
const KEYS: [&str; 14] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    ".git-credentials",
    ".config/gh",
    ".config/gcloud",
    ".config/op",
    ".local/share/keyrings",
    ".password-store",
    ".mozilla",
];

impl Executor {
    /// The sandbox of a launch, if its repository wants one. This looks at the disk.
    pub(super) fn sandbox(&self, start: &Start, wanted: Option<&config::Sandbox>) -> Option<agent::Sandbox> {
        let wanted = wanted?;
        let home = start.inherited.get("HOME").map(PathBuf::from).unwrap_or_default();
        let below_home = |path: &String| match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(path),
        };
        let hidden = KEYS.iter().map(|key| home.join(key)).chain(wanted.hidden.iter().map(below_home));
        // The tokens of the daemon, and the work of other agents.
        let hidden = hidden.chain([self.places.root().to_owned()]).chain(DOORS.map(PathBuf::from));
        // A mount on a symbolic link would not lie where the link leads to.
        let real = |path: PathBuf| path.canonicalize().ok();
        let (hidden_dirs, hidden_files) = hidden.filter_map(real).partition(|path| path.is_dir());
        let own = agent::written_by(start).into_iter().chain(wanted.writable.iter().map(below_home));
        Some(agent::Sandbox { writable: own.filter_map(real).collect(), hidden_dirs, hidden_files })
    }
}
