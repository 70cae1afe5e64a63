//! The background tasks of a daemon, and what they share.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tracing::warn;

use super::{Order, awake, permissions, reload, repositories, rulebook, runtimes, strays, sweep};
use crate::{
    agent::doorbell::Doorbell,
    background::Tasks,
    clock::Clock,
    config::{Config, Environment},
    engine::{Engine, Lanes, Spools, Watch},
    executor::{Ears, Executor, Launching},
    github::{self, webhook::Verifier},
    http::{self, AccessToken, Surroundings},
    journal::{Journal, SqliteJournal},
    machine::Rulebook,
    notify::Notifiers,
    places::Places,
    runtime::recording,
    workspace::{Caches, Git, Workspaces},
};

/// How often what has aged is removed from the journal and from the recordings.
const COMPACTION: Duration = Duration::from_secs(3600);

/// What the background tasks are made of.
pub(super) struct Parts {
    pub(super) order: Order,
    pub(super) config: Arc<Config>,
    pub(super) places: Places,
    pub(super) clock: Clock,
    pub(super) journal: Arc<SqliteJournal>,
    pub(super) github: github::Client,
    pub(super) address: SocketAddr,
    pub(super) tasks: Tasks,
}

/// What can change while the daemon runs.
pub(super) struct Changing {
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) rules: watch::Sender<Arc<Rulebook>>,
    pub(super) repositories: watch::Sender<Arc<crate::executor::Repositories>>,
    pub(super) verifier: watch::Sender<Option<Arc<Verifier>>>,
    pub(super) refused: watch::Sender<Option<String>>,
}

impl Parts {
    pub(super) async fn run(&self, listener: TcpListener, token: AccessToken) -> anyhow::Result<()> {
        let known = repositories::known_before(&self.config, &self.places);
        let rules = rulebook::build(&self.config, &known).await.map_err(anyhow::Error::msg)?;
        let changing = Changing {
            config: watch::Sender::new(self.config.clone()),
            rules: watch::Sender::new(Arc::new(rules)),
            repositories: watch::Sender::new(Arc::new(known)),
            verifier: watch::Sender::new(verifier(&self.config)?),
            refused: watch::Sender::new(None),
        };
        let runtimes = runtimes::all(&self.order, &self.places, &self.config, &self.clock);
        let ears = Arc::new(Ears::new(self.clock.now()));
        let executor = Arc::new(self.executor(&changing, runtimes.clone(), ears.clone()));
        let journal: Arc<dyn Journal> = self.journal.clone();
        let bell = Arc::new(Notify::new());
        let engine = Engine::new(journal.clone(), changing.rules.subscribe(), self.clock.clone()).ringing(bell.clone());
        let terminals = Watch::new(journal.clone(), executor.clone(), changing.rules.subscribe(), self.clock.clone());
        let lanes = Lanes::new(journal.clone(), executor, self.clock.clone());
        let doorbell = self.doorbell();
        let spools = Spools::new(journal.clone(), self.places.clone(), doorbell);
        let surroundings = Arc::new(Surroundings {
            journal,
            verifier: changing.verifier.subscribe(),
            rules: changing.rules.subscribe(),
            config: changing.config.subscribe(),
            refused: changing.refused.subscribe(),
            repositories: changing.repositories.subscribe(),
            github: self.github.clone(),
            ears,
            runtimes,
            places: self.places.clone(),
            token,
            metrics: metrics_exporter_prometheus::PrometheusBuilder::new()
                .install_recorder()
                .context("cannot install the metrics recorder")?,
            clock: self.clock.clone(),
            stop: self.tasks.stop_token(),
        });
        match strays::find(&*self.journal, &self.places).await {
            Ok(strays) if strays.is_empty() => {}
            Ok(strays) => self.tasks.spawn("strays", |_| strays::end(strays, self.places.clone())),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "Could not look for what launches left behind");
            }
        }
        self.tasks.spawn("http", |_| http::serve(listener, surroundings));
        self.tasks.spawn("engine", |stop| engine.run(stop));
        self.tasks.spawn("lanes", |stop| lanes.run(stop));
        self.tasks.spawn("spools", |stop| spools.run(stop));
        self.tasks.spawn("terminals", |stop| terminals.run(stop));
        self.spawn_compaction(changing.config.subscribe());
        let notifiers = self.notifiers();
        let refusals = self.github.refusals();
        self.tasks.spawn("permissions", |stop| permissions::tell(refusals, notifiers, stop));
        self.spawn_sweep(&changing);
        self.spawn_awake(&changing);
        self.spawn_upkeep(changing, bell);
        Ok(())
    }

    fn executor(&self, changing: &Changing, runtimes: runtimes::Runtimes, ears: Arc<Ears>) -> Executor {
        let environment = self.order.environment.variables().clone();
        Executor {
            journal: self.journal.clone(),
            rules: changing.rules.subscribe(),
            config: changing.config.subscribe(),
            repositories: changing.repositories.subscribe(),
            github: self.github.clone(),
            ears,
            runtimes,
            workspaces: Workspaces::new(Git::new("git", &environment), self.places.root()),
            caches: Caches::default(),
            places: self.places.clone(),
            launching: Launching {
                own_program: self.order.own_program.to_string_lossy().into_owned(),
                url: format!("http://{}", self.address),
                environment,
                secret_variables: self.config.secret_variables(),
            },
            notifiers: self.notifiers(),
            clock: self.clock.clone(),
        }
    }

    fn notifiers(&self) -> Notifiers {
        Notifiers::new(self.config.notify.clone(), self.order.environment.variables().clone())
    }

    fn doorbell(&self) -> Option<Doorbell> {
        match Doorbell::bind(&self.places.poke()) {
            Ok(doorbell) => Some(doorbell),
            Err(error) => {
                warn!(%error, "No doorbell for hooks; their spools are read every two seconds");
                None
            }
        }
    }

    fn spawn_compaction(&self, config: watch::Receiver<Arc<Config>>) {
        let (journal, places, clock) = (self.journal.clone(), self.places.clone(), self.clock.clone());
        self.tasks.spawn("compaction", |stop| async move {
            loop {
                tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(COMPACTION) => {} }
                if let Err(error) = journal.compact(clock.now()).await {
                    warn!(error = &error as &dyn std::error::Error, "Could not compact the journal");
                }
                let keep = config.borrow().recordings.keep.0;
                if let Err(error) = recording::forget(&places, keep, clock.now()) {
                    warn!(%error, "Could not remove old recordings");
                }
            }
        });
    }

    fn spawn_sweep(&self, changing: &Changing) {
        let sweep = sweep::Sweep {
            github: self.github.clone(),
            journal: self.journal.clone(),
            config: changing.config.subscribe(),
            repositories: changing.repositories.subscribe(),
            clock: self.clock.clone(),
            asked: BTreeSet::new(),
            told: BTreeSet::new(),
        };
        self.tasks.spawn("delivery log", |stop| sweep.run(stop));
    }

    fn spawn_awake(&self, changing: &Changing) {
        let path = self.order.environment.var("PATH").unwrap_or_default().to_owned();
        let awake = awake::Awake { journal: self.journal.clone(), config: changing.config.subscribe(), path };
        self.tasks.spawn("awake", |stop| awake.run(stop));
    }

    /// Keeps settings, rules and what is known of the repositories up to date.
    fn spawn_upkeep(&self, changing: Changing, bell: Arc<Notify>) {
        let upkeep = reload::Upkeep::new(
            (self.order.config.clone(), self.order.environment.clone()),
            self.places.clone(),
            (self.github.clone(), self.journal.clone(), self.clock.clone()),
            (changing, bell),
        );
        self.tasks.spawn("upkeep", |stop| upkeep.run(stop));
    }
}

/// As whom the settings want GitHub to be asked, and which GitHub.
///
/// # Errors
///
/// When the key of the App cannot be read.
pub fn credentials(config: &Config, environment: &Environment) -> anyhow::Result<github::Settings> {
    let credentials = match (&config.github.token, &config.github.app) {
        (Some(token), _) => github::Credentials::Token(token.clone()),
        (None, Some(app)) => github::Credentials::App(
            github::App::read(app.id, &app.key_file)
                .with_context(|| format!("cannot read the App's key {}", app.key_file.display()))?,
        ),
        (None, None) => github::Credentials::GhCli {
            program: "gh".into(),
            env: environment.variables().iter().map(|(name, value)| (name.into(), value.into())).collect(),
        },
    };
    Ok(github::Settings { api_url: config.github.api_url.clone(), credentials, write_gap: None })
}

pub(super) fn verifier(config: &Config) -> anyhow::Result<Option<Arc<Verifier>>> {
    if !config.webhook.enabled {
        return Ok(None);
    }
    let secrets = config.webhook.secrets.iter().map(|secret| secret.expose().as_bytes().to_vec()).collect();
    Ok(Some(Arc::new(Verifier::new(secrets)?)))
}
