//! A bare repository of our own, for a repository of which the user named no clone.

use std::path::PathBuf;

use super::{Error, Workspaces, other};

impl Workspaces {
    /// The bare repository for `clone_url` below the state directory, made if it is not there. Its branches at the
    /// remote lie below `refs/remotes/origin/`, so that a fetch never moves a branch that a task works on. Nothing is
    /// fetched yet.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub async fn ensure_mirror(&self, clone_url: &str) -> Result<PathBuf, Error> {
        let path = self.mirrors.join(directory_name(clone_url));
        std::fs::create_dir_all(&path).map_err(other)?;
        let _turn = self.lanes.enter(&path).await;
        // Each of these may be repeated, so a kill in between is mended by the next call.
        self.git.tell(&path, &["init", "--quiet", "--bare", "--template="]).await?;
        for (key, value) in [
            ("remote.origin.url", clone_url),
            ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
            ("core.logAllRefUpdates", "true"),
        ] {
            self.git.tell(&path, &["config", "--replace-all", key, value]).await?;
        }
        Ok(path)
    }
}

/// Readable, and different for different URLs: the last two parts of the URL and a hash of all of it.
fn directory_name(clone_url: &str) -> String {
    use sha2::Digest as _;
    let hash = hex::encode(&sha2::Sha256::digest(clone_url.as_bytes())[..4]);
    let trimmed = clone_url.trim_end_matches('/');
    let mut parts: Vec<_> = trimmed.strip_suffix(".git").unwrap_or(trimmed).rsplit(['/', ':']).take(2).collect();
    parts.reverse();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = parts.join("-").chars().map(plain).take(60).collect();
    format!("{name}-{hash}.git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_repositories_get_different_plain_names() {
        assert_eq!(directory_name("https://github.com/octo/hello.world.git"), "octo-hello-world-7d966214.git");
        assert_ne!(directory_name("https://github.com/octo/a"), directory_name("https://ghe.example/octo/a"));
        assert!(!directory_name("https://x/../..").contains(".."));
    }
}
