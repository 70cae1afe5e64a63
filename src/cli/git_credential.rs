//! `antiphon git-credential`: asks the daemon for the credential of this launch's own repository.
//!
//! It holds no secret but the launch's own token, and answers git with nothing where the daemon refuses.

use std::{io::Read as _, time::Duration};

use serde_json::json;

use super::{caller::wait_for, error::Error, output};
use crate::{config::Environment, vault};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long git is kept waiting for a daemon that is being restarted: a push that fails is work that gets lost.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// More than any question of git.
const QUESTION_BYTES_MAX: u64 = 64 << 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What git wants: get, store or erase
    operation: String,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment) -> Result<(), Error> {
    if !vault::wants_credential(&arguments.operation) {
        return Ok(());
    }
    let var = |name: &str| {
        environment.var(name).ok_or_else(|| Error::failed(format!("{name} is not set: this is no session of antiphon")))
    };
    let generation: u32 =
        var("ANTIPHON_GENERATION")?.parse().map_err(|_| Error::failed("ANTIPHON_GENERATION is not a number"))?;
    let mut question = String::new();
    let read = std::io::stdin().take(QUESTION_BYTES_MAX).read_to_string(&mut question);
    read.map_err(|error| Error::failed("git's question cannot be read").because(&error))?;
    let body = json!({
        "session": var("ANTIPHON_SESSION")?,
        "generation": generation,
        "token": var("ANTIPHON_LAUNCH_TOKEN")?,
        "request": question,
    });
    let url = format!("{}/api/v1/credential", var("ANTIPHON_URL")?);
    output::text_as_it_is(&wait_for(ask(&url, &body))?)
}

async fn ask(url: &str, body: &serde_json::Value) -> Result<String, Error> {
    let failed = |error: reqwest::Error| Error::failed("the daemon cannot be asked").because(&error.without_url());
    let client = reqwest::Client::builder().timeout(DEADLINE).no_proxy().build().map_err(failed)?;
    let asked = tokio::time::timeout(PATIENCE, ask_until_answered(&client, url, body)).await;
    asked.unwrap_or_else(|_| Err(Error::failed("the daemon cannot be reached, or cannot reach GitHub")))
}

async fn ask_until_answered(client: &reqwest::Client, url: &str, body: &serde_json::Value) -> Result<String, Error> {
    loop {
        match client.post(url).json(body).send().await {
            Ok(answer) if answer.status().is_success() => {
                let text = answer.text().await;
                return text
                    .map_err(|error| Error::failed("the daemon's answer was cut off").because(&error.without_url()));
            }
            Ok(answer) if answer.status().is_client_error() => {
                return Err(Error::failed("the daemon gives this session no credential for this repository"));
            }
            // It is being restarted, or GitHub is down.
            Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
