//! One request to the daemon and its answer.

use std::{io, path::Path, time::Duration};

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::Error;
use crate::{places::Places, view::Problem};

/// How long a daemon on this machine may take to be reached.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take. Some wishes make the daemon ask GitHub first.
const ANSWER: Duration = Duration::from_secs(60);

/// Where the daemon listens, and what admits there.
#[derive(Clone)]
pub(super) struct Line {
    http: reqwest::Client,
    address: String,
    token: String,
}

impl Line {
    /// To the daemon of this state directory.
    pub(super) fn to(state_dir: &Path) -> Result<Self, Error> {
        let places = Places::new(state_dir);
        let read = |path: &Path| match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotRunning { place: state_dir.display().to_string() })
            }
            Err(error) => {
                Err(Error::Other(anyhow::Error::new(error).context(format!("cannot read {}", path.display()))))
            }
        };
        let (address, token) = (read(&places.address())?, read(&places.access_token())?);
        // A proxy of the environment must not see the token.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build();
        Ok(Self { http: http.map_err(|error| Error::Other(error.into()))?, address, token })
    }

    /// Where the daemon listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Error> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        read(self.send(self.http.get(url).timeout(ANSWER)).await?).await
    }

    /// Wishes.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, wish: &impl Serialize) -> Result<T, Error> {
        read(self.send(self.http.post(self.url(path)?).timeout(ANSWER).json(wish)).await?).await
    }

    /// Asks for an answer that goes on.
    pub(super) async fn open(&self, path: &str) -> Result<Response, Error> {
        self.send(self.http.get(self.url(path)?)).await
    }

    /// The daemon's metrics, in the form of Prometheus.
    pub(super) async fn metrics(&self) -> Result<String, Error> {
        let request = self.http.get(format!("http://{}/metrics", self.address)).timeout(ANSWER);
        let answer = self.send(request).await?;
        answer.text().await.map_err(|error| Error::Other(error.without_url().into()))
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        format!("http://{}/api/v1/{path}", self.address).parse().map_err(|error| {
            Error::Other(anyhow::Error::new(error).context("the address in the state directory is none"))
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.bearer_auth(&self.token).send().await.map_err(|error| {
            if error.is_connect() {
                Error::NotRunning { place: self.address.clone() }
            } else {
                Error::Other(error.without_url().into())
            }
        })?;
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(refusal(status, response).await) }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn refusal(status: StatusCode, response: Response) -> Error {
    let body = response.bytes().await.unwrap_or_default();
    if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
        return Error::Refused(problem);
    }
    // Somebody else may listen where the daemon was; what that says is not repeated.
    let hint = (status == StatusCode::UNAUTHORIZED)
        .then(|| "something else may listen there, or the token in the state directory is another daemon's".to_owned());
    Error::Refused(Problem { error: format!("the daemon answered {status}"), hint })
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    let body = response.bytes().await.map_err(|error| Error::Other(error.without_url().into()))?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::Other(anyhow::Error::new(error).context("the daemon's answer is not understood; is it another version?"))
    })
}
