//! The simulator as its clients see it: over HTTP and by git alone.

mod api;
mod graphql;
mod pushes;
mod stories;
mod webhooks;

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::{
    background::Tasks,
    clock::Clock,
    process::{Command, Output},
};

const TOKEN: &str = "t0ken";
const REPO: &str = "acme/pages";

/// A running simulator with the demo's repository, and a client.
struct World {
    github: Simulator,
    http: reqwest::Client,
    dir: TempDir,
    tasks: Tasks,
}

impl World {
    async fn new() -> Self {
        let (dir, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let options = Options {
            dir: dir.path().join("github"),
            clock: Clock::system(),
            token: TOKEN.to_owned(),
            webhook: None,
            own_login: "robot".to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start(options, &tasks).await.unwrap();
        github.create_repository(REPO, &story::files()).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { github, http, dir, tasks }
    }

    /// One call with the token: status, headers, body.
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, BTreeMap<String, String>, Value) {
        let url = format!("{}{path}", self.github.api_url());
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(TOKEN);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A clone that pushes with the token.
    async fn clone(&self, name: &str) -> std::path::PathBuf {
        let dir = self.dir.path().join(name);
        let url = self.github.clone_url(REPO).replacen("http://", &format!("http://x:{TOKEN}@"), 1);
        let output = git(self.dir.path(), &["clone", "--quiet", &url, name]).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        dir
    }

    /// Puts a file on a branch and pushes it over HTTP.
    #[cfg(unix)]
    async fn push(&self, clone: &Path, branch: &str, (path, text): (&str, &str)) -> String {
        git(clone, &["switch", "--quiet", "-C", branch]).await;
        std::fs::write(clone.join(path), text).unwrap();
        git(clone, &["add", "--all"]).await;
        git(clone, &["commit", "--quiet", "-m", "Change"]).await;
        let pushed = git(clone, &["push", "--quiet", "origin", branch]).await;
        assert_eq!(pushed.code, Some(0), "{}", pushed.stderr_text());
        git(clone, &["rev-parse", "HEAD"]).await.stdout_text().trim().to_owned()
    }

    /// A pull request of the client from a branch with one new page.
    async fn pull(&self, branch: &str, (path, text): (&str, &str)) -> u64 {
        let push = Push {
            person: "robot".to_owned(),
            branch: branch.to_owned(),
            files: vec![(path.to_owned(), Some(text.to_owned()))],
            message: "Change".to_owned(),
        };
        self.github.push_as(REPO, push).await.unwrap();
        let pull = NewPull {
            author: "robot".to_owned(),
            title: format!("From {branch}"),
            head: branch.to_owned(),
            base: "main".to_owned(),
            ..NewPull::default()
        };
        let number = self.github.open_pull(REPO, pull).await.unwrap();
        self.github.quiet().await;
        number
    }
}

async fn git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(args)
        .dir(dir)
        .env("PATH", git::PATH)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Robot")
        .env("GIT_AUTHOR_EMAIL", "robot@example.org")
        .env("GIT_COMMITTER_NAME", "Robot")
        .env("GIT_COMMITTER_EMAIL", "robot@example.org")
        .run()
        .await
        .unwrap()
}
