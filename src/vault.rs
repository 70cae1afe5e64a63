//! The credential that a session's git may have: one token, for one repository, only on the way to that repository.
//!
//! An agent's environment, arguments and files hold no GitHub token. Its git asks `antiphon git-credential`, which
//! sends the question ([`CredentialRequest`]) to the daemon together with the launch token; the daemon holds the
//! [`Grant`] of that session and [`answer`]s. What is asked for any other host or path gets no answer.
//!
//! Not here: the daemon's door, and a scope by branch. Git's credential protocol names the repository and never the
//! refs, so a token that may push one branch may push each of them; protect the base branch on GitHub.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::Secret;

/// The account name that GitHub expects beside an installation or personal token.
const USERNAME: &str = "x-access-token";
/// Git writes a few hundred bytes. More than this is not git.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// What git asks a credential helper, as far as it matters here (gitcredentials(7), git-credential(1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRequest {
    /// `https` or `http`.
    pub protocol: String,
    /// The host, with `:port` if it is not the usual one.
    pub host: String,
    /// The path without its leading slash. Git sends it only with `credential.useHttpPath`.
    pub path: Option<String>,
}

/// Input that git would not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is longer than 64 KiB.
    #[error("the credential request is too long")]
    TooLong,
    /// A line is not `key=value`, or holds a control character.
    #[error("line {line} of the credential request is not key=value")]
    Line {
        /// Which line, counted from 1.
        line: usize,
    },
    /// A key stands twice.
    #[error("{key} stands twice in the credential request")]
    Twice {
        /// Which key.
        key: &'static str,
    },
    /// A key that git always sends is missing.
    #[error("{key} is missing in the credential request")]
    Missing {
        /// Which key.
        key: &'static str,
    },
}

/// What one session may have: the token, and the repository it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    repository: Place,
    token: Secret,
}

/// Why no grant can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoGrant {
    /// The clone URL is neither https nor http to this machine, or names no repository.
    #[error("the clone URL is not an https URL of a repository")]
    CloneUrl,
    /// The token is empty or holds a character that would break git's protocol.
    #[error("the token is empty or has characters that a token cannot have")]
    Token,
}

/// Where a repository is, in the one form in which two of them are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    protocol: String,
    host: String,
    path: String,
}

/// Whether git wants a credential. `store` and `erase` only tell what became of one, and a helper has to ignore what
/// it does not know.
#[must_use]
pub fn wants_credential(operation: &str) -> bool {
    operation == "get"
}

/// The answer to git, or `None` when the request is not for the repository of the grant.
#[must_use]
pub fn answer(request: &CredentialRequest, grant: &Grant) -> Option<String> {
    let path = request.path.as_deref()?;
    let asked = Place::new(&request.protocol, &request.host, path)?;
    (asked == grant.repository).then(|| format!("username={USERNAME}\npassword={}\n", grant.token.expose()))
}

impl CredentialRequest {
    /// Reads what git wrote to the helper's standard input, up to an empty line. Unknown keys are ignored, as the
    /// protocol demands.
    ///
    /// # Errors
    ///
    /// When it is not what git writes.
    pub fn parse(input: &str) -> Result<Self, Invalid> {
        if input.len() > REQUEST_BYTES_MAX {
            return Err(Invalid::TooLong);
        }
        let (mut protocol, mut host, mut path) = (None, None, None);
        for (index, line) in input.split('\n').take_while(|line| !line.is_empty()).enumerate() {
            let (key, value) = pair(line).ok_or(Invalid::Line { line: index + 1 })?;
            match key {
                "protocol" => once("protocol", &mut protocol, value)?,
                "host" => once("host", &mut host, value)?,
                "path" => once("path", &mut path, value)?,
                _ => {}
            }
        }
        Ok(Self {
            protocol: protocol.ok_or(Invalid::Missing { key: "protocol" })?,
            host: host.ok_or(Invalid::Missing { key: "host" })?,
            path,
        })
    }
}

impl Grant {
    /// The grant of `token` for the repository at `clone_url`.
    ///
    /// # Errors
    ///
    /// When the URL is not https (or http to this machine), or the text cannot be a token.
    pub fn new(clone_url: &str, token: Secret) -> Result<Self, NoGrant> {
        let url = Url::parse(clone_url).map_err(|_| NoGrant::CloneUrl)?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(NoGrant::CloneUrl),
        };
        let repository = Place::new(url.scheme(), &host, url.path()).ok_or(NoGrant::CloneUrl)?;
        if token.expose().is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NoGrant::Token);
        }
        Ok(Self { repository, token })
    }
}

impl Place {
    /// `None` if nothing may be sent there: not https, or a path that names no repository.
    fn new(protocol: &str, host: &str, path: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let host = match protocol {
            "https" => host.strip_suffix(":443").unwrap_or(&host),
            "http" => host.strip_suffix(":80").unwrap_or(&host),
            _ => return None,
        };
        // A token that travels in the clear may not leave this machine.
        if host.is_empty() || (protocol == "http" && !is_loopback(host)) {
            return None;
        }
        // GitHub compares owner and name without case. Git LFS asks for a path below the repository's own.
        let path = path.trim_matches('/').to_ascii_lowercase();
        let path = path.strip_suffix("/info/lfs").unwrap_or(&path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        (!path.is_empty()).then(|| Self { protocol: protocol.to_owned(), host: host.to_owned(), path: path.to_owned() })
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn pair(line: &str) -> Option<(&str, &str)> {
    if line.chars().any(char::is_control) {
        return None;
    }
    line.split_once('=').filter(|(key, _)| !key.is_empty())
}

fn once(key: &'static str, place: &mut Option<String>, value: &str) -> Result<(), Invalid> {
    match place.replace(value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(Invalid::Twice { key }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "username=x-access-token\npassword=ghs_secret\n";

    fn grant(clone_url: &str) -> Grant {
        Grant::new(clone_url, Secret::new("ghs_secret")).unwrap()
    }

    fn ask(protocol: &str, host: &str, path: &str, grant: &Grant) -> Option<String> {
        let request = CredentialRequest { protocol: protocol.into(), host: host.into(), path: Some(path.into()) };
        answer(&request, grant)
    }

    #[test]
    fn the_own_repository_gets_the_token() {
        let grant = grant("https://github.com/octo/hello.git");

        for (host, path) in [
            ("github.com", "octo/hello.git"),
            ("github.com", "octo/hello"),
            ("GitHub.com:443", "/Octo/Hello.git/"),
            ("github.com", "octo/hello.git/info/lfs"),
        ] {
            assert_eq!(ask("https", host, path, &grant).as_deref(), Some(ANSWER), "{host}/{path}");
        }
    }

    #[test]
    fn every_other_place_gets_nothing() {
        let grant = grant("https://github.com/octo/hello.git");

        for (protocol, host, path) in [
            ("https", "github.com", "octo/hello2.git"),
            ("https", "github.com", "octo/hell"),
            ("https", "github.com", "octo"),
            ("https", "github.com", ""),
            ("https", "github.com", "octo/hello.git/../other.git"),
            ("https", "github.com", "octo/hello.git?x"),
            ("https", "github.com", "x/octo/hello.git"),
            ("https", "github.com.evil.example", "octo/hello.git"),
            ("https", "evil.example", "octo/hello.git"),
            ("https", "github.com:8443", "octo/hello.git"),
            ("http", "github.com", "octo/hello.git"),
            ("http", "github.com:443", "octo/hello.git"),
            ("ssh", "github.com", "octo/hello.git"),
            ("", "github.com", "octo/hello.git"),
        ] {
            assert_eq!(ask(protocol, host, path, &grant), None, "{protocol}://{host}/{path}");
        }
    }

    #[test]
    fn a_request_without_path_gets_nothing() {
        let request = CredentialRequest { protocol: "https".into(), host: "github.com".into(), path: None };

        assert_eq!(answer(&request, &grant("https://github.com/octo/hello.git")), None);
    }

    #[test]
    fn http_is_for_this_machine_only() {
        for host in ["127.0.0.1:7000", "localhost:7000", "[::1]:7000"] {
            let grant = grant(&format!("http://{host}/octo/hello.git"));
            assert_eq!(ask("http", host, "octo/hello.git", &grant).as_deref(), Some(ANSWER), "{host}");
        }
        for url in
            ["http://github.com/o/r.git", "http://127.0.0.1.evil.example/o/r", "http://localhost.evil.example/o/r"]
        {
            assert_eq!(Grant::new(url, Secret::new("t")), Err(NoGrant::CloneUrl), "{url}");
        }
    }

    #[test]
    fn a_clone_url_that_is_no_repository_makes_no_grant() {
        for url in ["", "github.com/o/r", "git@github.com:o/r.git", "ssh://git@github.com/o/r", "https://github.com/"] {
            assert_eq!(Grant::new(url, Secret::new("t")), Err(NoGrant::CloneUrl), "{url}");
        }
    }

    #[test]
    fn a_token_cannot_break_out_of_its_line() {
        for token in ["", "a\nurl=https://evil.example", "a b", "a\r"] {
            assert_eq!(Grant::new("https://github.com/o/r", Secret::new(token)), Err(NoGrant::Token), "{token:?}");
        }
    }

    #[test]
    fn what_git_writes_is_read() {
        let input =
            "capability[]=authtype\nprotocol=https\nhost=github.com\npath=octo/hello.git\nusername=u\n\nhost=x\n";

        assert_eq!(
            CredentialRequest::parse(input),
            Ok(CredentialRequest {
                protocol: "https".into(),
                host: "github.com".into(),
                path: Some("octo/hello.git".into())
            })
        );
    }

    #[test]
    fn what_git_would_not_write_is_refused() {
        let long = format!("protocol={}", "x".repeat(REQUEST_BYTES_MAX));
        for (input, why) in [
            ("", Invalid::Missing { key: "protocol" }),
            ("protocol=https\n", Invalid::Missing { key: "host" }),
            ("protocol=https\nhost", Invalid::Line { line: 2 }),
            ("=https\nhost=a", Invalid::Line { line: 1 }),
            ("protocol=https\nhost=github.com\r\n", Invalid::Line { line: 2 }),
            ("protocol=https\nhost=a\nhost=b\n", Invalid::Twice { key: "host" }),
            (&long, Invalid::TooLong),
        ] {
            assert_eq!(CredentialRequest::parse(input), Err(why), "{:?}", &input[..input.len().min(40)]);
        }
    }

    #[test]
    fn only_get_wants_a_credential() {
        let wanted: Vec<_> = ["get", "store", "erase", "capability", ""].map(wants_credential).into();

        assert_eq!(wanted, [true, false, false, false, false]);
    }

    #[test]
    fn the_token_cannot_be_printed() {
        let grant = grant("https://github.com/octo/hello.git");

        assert!(!format!("{grant:?}").contains("ghs_secret"));
    }
}
