//! The address of a remote, in every form that git takes: which host, and which repository there. Pure.

use crate::model::RepoName;

/// A repository on a host that speaks GitHub's protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// The host, `github.com` or an own one.
    pub(super) host: String,
    /// `owner/name`.
    pub(super) name: RepoName,
}

impl Remote {
    /// The remote at this address; `None` for a path, or an address with other than two parts behind the host.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let (authority, path) = match address.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?,
            // `git@host:owner/name`; a slash before the colon makes it a path.
            None => address.split_once(':').filter(|(before, _)| !before.contains('/') && before.len() > 1)?,
        };
        let host = authority.rsplit('@').next()?.split(':').next()?.to_lowercase();
        let path = path.trim_matches('/');
        let name = path.strip_suffix(".git").unwrap_or(path).parse().ok()?;
        Some(Self { host: known(host)?, name })
    }

    /// The REST address of the host; `None` if it is the usual one.
    pub(super) fn api_url(&self) -> Option<String> {
        (self.host != "github.com").then(|| format!("https://{}/api/v3", self.host))
    }
}

/// The host behind its other names. A host without a dot is an alias of somebody's ssh settings.
fn known(host: String) -> Option<String> {
    match host.as_str() {
        "" => None,
        "www.github.com" | "ssh.github.com" => Some("github.com".to_owned()),
        "gitlab.com" | "bitbucket.org" | "codeberg.org" | "git.sr.ht" => None,
        "localhost" => Some(host),
        alias if !alias.contains('.') => Some("github.com".to_owned()),
        _ => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Option<(String, String)> {
        Remote::parse(address).map(|remote| (remote.host, remote.name.to_string()))
    }

    #[test]
    fn every_form_names_the_same_repository() {
        for address in [
            "https://github.com/octo-org/hello.git",
            "https://github.com/octo-org/hello",
            "https://github.com/octo-org/hello/",
            "https://someone:token@github.com/octo-org/hello.git",
            "git@github.com:octo-org/hello.git",
            "github.com:octo-org/hello",
            "ssh://git@github.com/octo-org/hello.git",
            "ssh://git@ssh.github.com:443/octo-org/hello.git",
            "git://GitHub.com/octo-org/hello.git",
            "git@github-work:octo-org/hello.git",
        ] {
            assert_eq!(parsed(address), Some(("github.com".to_owned(), "octo-org/hello".to_owned())), "{address}");
        }
    }

    #[test]
    fn an_own_server_is_reached_at_its_own_address() {
        let remote = Remote::parse("git@git.example.org:team/app.git").unwrap();

        assert_eq!(remote.api_url().as_deref(), Some("https://git.example.org/api/v3"));
        assert_eq!(Remote::parse("git@github.com:o/r").unwrap().api_url(), None);
    }

    #[test]
    fn paths_and_other_forges_are_no_remotes() {
        for address in [
            "/srv/git/hello.git",
            "../hello",
            "file:///srv/git/o/r",
            r"C:\git\r",
            "https://gitlab.com/o/r",
            "https://github.com/o",
            "",
        ] {
            assert_eq!(parsed(address), None, "{address}");
        }
    }
}
