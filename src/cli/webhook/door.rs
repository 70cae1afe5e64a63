//! The daemon's webhook door, as a forwarder knocks at it. It holds no secret: whatever it brings, the daemon checks.

use std::time::Duration;

use reqwest::StatusCode;

use crate::{
    cli::{caller::Caller, error::Error},
    client::Client,
    config::Config,
    github,
};

/// The daemon answers a delivery within this, or is not there.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a daemon that restarts is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Where deliveries are handed in.
#[derive(Debug)]
pub(super) struct Door {
    url: String,
    http: reqwest::Client,
}

/// A delivery on its way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    /// GitHub's own headers, by their names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The ways in which GitHub may have written the body, the likeliest first.
    pub(super) bodies: Vec<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// The daemon answered so.
    Answered(StatusCode),
    /// Nobody was there for longer than it is worth to wait.
    NobodyThere,
}

impl Door {
    /// The door of the daemon that runs, else of the one that the settings describe.
    pub(super) fn find(caller: &Caller) -> Result<Self, Error> {
        let running = Client::connect(&caller.state_dir()?).ok().map(|client| client.address().to_owned());
        let address = match running {
            Some(address) => address,
            None => {
                let config = caller.unconnected_if_any()?.map_or_else(Config::default, |(_, config)| config);
                config.listen.to_string()
            }
        };
        Self::at(&address)
    }

    /// The door at this address of this machine.
    fn at(address: &str) -> Result<Self, Error> {
        // A proxy of the environment has no business with this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER).build();
        let http = http.map_err(|error| Error::failed("cannot speak to the daemon").because(&error))?;
        Ok(Self { url: format!("http://{address}{}", github::DOOR), http })
    }

    /// Its address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Hands a delivery in, in the first spelling whose signature the daemon accepts. GitHub believes it arrived long ago,
    /// so a daemon that is not there yet is waited for.
    pub(super) async fn hand_in(&self, parcel: &Parcel) -> Handed {
        let mut last = Handed::NobodyThere;
        for body in &parcel.bodies {
            last = self.patiently(parcel, body).await;
            if last != Handed::Answered(StatusCode::UNAUTHORIZED) {
                break;
            }
        }
        last
    }

    async fn patiently(&self, parcel: &Parcel, body: &str) -> Handed {
        let (mut pause, mut waited) = (PAUSE_MIN, Duration::ZERO);
        loop {
            match self.once(parcel, body).await {
                Some(StatusCode::SERVICE_UNAVAILABLE) | None if waited < PATIENCE => {}
                Some(status) => return Handed::Answered(status),
                None => return Handed::NobodyThere,
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn once(&self, parcel: &Parcel, body: &str) -> Option<StatusCode> {
        let mut request = self.http.post(&self.url).header("content-type", "application/json").body(body.to_owned());
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        request.send().await.ok().map(|answer| answer.status())
    }
}
