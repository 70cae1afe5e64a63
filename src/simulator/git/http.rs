//! git over HTTP: the smart protocol, spoken by git's own CGI program.

use std::time::Duration;

use super::{Error, Git};

/// How long a fetch or push may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// The largest answer, in bytes: a clone of everything.
const ANSWER_BYTES_MAX: usize = 512 << 20;

/// A request to a repository's smart HTTP interface.
#[derive(Debug)]
pub(crate) struct GitRequest<'a> {
    /// `GET` or `POST`.
    pub(crate) method: &'a str,
    /// The path, with a slash in front and `.git` after the repository.
    pub(crate) path: &'a str,
    /// The query, without the question mark.
    pub(crate) query: &'a str,
    /// Who asks; empty for nobody.
    pub(crate) user: &'a str,
    /// Headers that git's program wants: its variable, the value.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What git's program answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GitAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Git {
    /// Has git's program answer one request.
    pub(crate) async fn serve(&self, request: GitRequest<'_>) -> Result<GitAnswer, Error> {
        let root = self.repositories();
        let mut command = self
            .command(&root, &["http-backend"])
            .deadline(DEADLINE)
            .output_bytes_max(ANSWER_BYTES_MAX)
            .env("GIT_PROJECT_ROOT", &root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", request.method)
            .env("PATH_INFO", request.path)
            .env("QUERY_STRING", request.query)
            .env("REMOTE_USER", request.user)
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .stdin(request.body);
        for (name, value) in request.headers {
            command = command.env(name, value);
        }
        let output = self.finished("http-backend", command).await?;
        Ok(parse(&output.stdout))
    }
}

/// Splits what a CGI program wrote. Without a `Status` header the status is 200.
fn parse(output: &[u8]) -> GitAnswer {
    let split = output.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = split.map_or((output, &[][..]), |at| (&output[..at], &output[at + 4..]));
    let (mut status, mut headers) = (200, Vec::new());
    for (name, value) in String::from_utf8_lossy(head).lines().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("status") {
            status = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
        } else {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    GitAnswer { status, headers, body: body.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgi_answer_is_split_into_status_headers_and_body() {
        let answer = parse(b"Status: 404 Not Found\r\nExpires: never\r\n\r\nbody\r\n\r\nmore");

        let headers = vec![("Expires".to_owned(), "never".to_owned())];
        assert_eq!(answer, GitAnswer { status: 404, headers, body: b"body\r\n\r\nmore".to_vec() });
    }
}
