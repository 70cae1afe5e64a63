//! Which repository on which GitHub is meant: from the settings, else from the clone around the current directory.

use std::path::PathBuf;

use crate::{
    app,
    cli::{caller::Caller, clone, error::Error, remote::Remote},
    clock::Clock,
    config::{Config, Environment},
    github,
    model::RepoName,
    places::Places,
};

/// What is to be connected or checked.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where the settings are, if there are any.
    pub(crate) settings: Option<PathBuf>,
    /// The settings, or the usual ones. The secrets that connect GitHub may be missing.
    pub(crate) config: Config,
    /// The repository.
    pub(crate) repo: RepoName,
    /// Where things are in the state directory.
    pub(crate) places: Places,
}

impl Target {
    /// Finds out what is meant: what was asked for, else the one repository of the settings, else the clone here.
    pub(crate) async fn find(asked: Option<&RepoName>, caller: &Caller) -> Result<Self, Error> {
        let (settings, mut config) = caller
            .unconnected_if_any()?
            .map_or_else(|| (None, Config::default()), |(path, config)| (Some(path), config));
        let here = remote_here(caller).await;
        let configured: Vec<&RepoName> = config.repositories.iter().map(|repository| &repository.name).collect();
        let repo = match (asked, configured.as_slice(), &here) {
            (Some(asked), _, _) => asked.clone(),
            (None, [only], _) => (*only).clone(),
            (None, [], Some(here)) => here.name.clone(),
            (None, several, Some(here)) if several.contains(&&here.name) => here.name.clone(),
            (None, _, _) => return Err(unclear(&configured)),
        };
        // Settings name their GitHub. Without any it is the one that the clone came from.
        if let (None, Some(url)) = (&settings, here.as_ref().and_then(Remote::api_url)) {
            config.github.api_url = url;
        }
        Ok(Self { settings, config, repo, places: Places::new(caller.state_dir()?) })
    }

    /// Every repository that is meant: the one that was asked for, else all of the settings, else the clone here.
    pub(crate) async fn all(asked: Option<&RepoName>, caller: &Caller) -> Result<Vec<Self>, Error> {
        let config = caller.unconnected_if_any()?.map_or_else(Config::default, |(_, config)| config);
        if asked.is_some() || config.repositories.is_empty() {
            return Ok(vec![Self::find(asked, caller).await?]);
        }
        let mut all = Vec::new();
        for repository in &config.repositories {
            all.push(Self::find(Some(&repository.name), caller).await?);
        }
        Ok(all)
    }

    /// GitHub, as whom the settings say; a person waits.
    pub(crate) fn client(&self, environment: &Environment, clock: &Clock) -> Result<github::Client, Error> {
        let settings = app::credentials(&self.config, environment)?;
        Ok(github::Client::new(settings, clock.clone()).map_err(anyhow::Error::from)?.for_person())
    }

    /// Where deliveries are taken on this machine.
    pub(crate) fn door(&self) -> String {
        format!("http://{}{}", self.config.listen, github::DOOR)
    }
}

async fn remote_here(caller: &Caller) -> Option<Remote> {
    let top = clone::top(caller.environment.dir(), caller).await.ok()??;
    clone::remotes(&top, caller).await.iter().find_map(|(_, url)| Remote::parse(url))
}

fn unclear(configured: &[&RepoName]) -> Error {
    let hint = "name it with --repo OWNER/NAME, or go into its clone";
    if configured.is_empty() {
        return Error::invalid("no repository is configured, and there is no clone with a remote on GitHub here")
            .hint(hint);
    }
    let names: Vec<String> = configured.iter().map(ToString::to_string).collect();
    Error::invalid(format!("several repositories are configured: {}", names.join(", "))).hint(hint)
}
