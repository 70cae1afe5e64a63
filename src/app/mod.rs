//! The composition root: settings → parts → background tasks → signal → drain.

mod awake;
mod ending;
mod parts;
mod permissions;
mod reload;
mod repositories;
mod rulebook;
mod runtimes;
mod sessions;
mod strays;
mod sweep;
mod wake;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tracing::info;

use self::parts::Parts;
use crate::{
    background::Tasks,
    clock::Clock,
    config::{self, Environment},
    github,
    http::AccessToken,
    journal::{Journal as _, Retention, SqliteJournal},
    places::Places,
};

pub use ending::Ending;
pub use parts::credentials;
pub use rulebook::{operators, repositorys};
pub use runtimes::{pty, tmux};
pub use sessions::end_sessions;

/// How long everything may take to end after a signal.
const GRACE: Duration = Duration::from_secs(20);
/// What `antiphon up` was asked to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// The settings file.
    pub config: PathBuf,
    /// The state directory.
    pub state_dir: PathBuf,
    /// The user's environment.
    pub environment: Environment,
    /// The program that hooks, holders and credential helpers are started with: this one.
    pub own_program: PathBuf,
}

/// A daemon that is up.
pub struct Daemon {
    tasks: Tasks,
    address: SocketAddr,
    link: String,
    ending: Ending,
}

impl Daemon {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A link that logs a browser in, once.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Works until the process is asked to end, then drains.
    pub async fn run(mut self) {
        self.ending.asked().await;
        info!("Ending: nothing new is begun, what has begun is finished");
        self.tasks.shut_down(GRACE).await;
    }
}

/// Starts the daemon.
///
/// # Errors
///
/// When the settings are wrong, the state directory is in use or cannot be written, the address is taken, or signals
/// cannot be heard.
pub async fn start(order: Order) -> anyhow::Result<Daemon> {
    // Before anything is begun: who asks for the end meanwhile is heard when everything is up.
    let ending = Ending::listen().context("cannot listen for signals")?;
    let clock = Clock::system();
    let config = config::load(&order.config, &order.environment)?;
    let places = Places::new(&order.state_dir);
    Places::make_private(places.root())
        .with_context(|| format!("cannot make the state directory {}", places.root().display()))?;
    let retention = Retention {
        deliveries: config.retention.deliveries.0,
        log: config.retention.log.0,
        log_bytes_max: config.retention.log_bytes.0,
    };
    let journal: Arc<SqliteJournal> = Arc::new(SqliteJournal::open(places.root(), clock.clone(), retention)?);
    // Whoever had claimed effects is dead: this process holds the lock now.
    journal.reclaim().await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; is another daemon running?", config.listen))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let token = AccessToken::at(&places.access_token()).context("cannot make the access token")?;
    let link = format!("http://{address}/login?code={}", token.link_code()?);
    Places::write_private(&places.address(), address.to_string().as_bytes())?;

    let tasks = Tasks::new();
    let github = github::Client::new(credentials(&config, &order.environment)?, clock.clone())?;
    let parts = Parts { order, config: Arc::new(config), places, clock, journal, github, address, tasks };
    parts.run(listener, token).await?;
    let tasks = parts.tasks;
    Ok(Daemon { tasks, address, link, ending })
}
