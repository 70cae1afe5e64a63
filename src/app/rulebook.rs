//! Builds the rules in force for every repository: shipped, the operator's, the repository's own on its base branch.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::Digest as _;

use crate::{
    agent::Settings,
    config::{self, Config},
    event::Agent,
    executor::{Repositories, Repository},
    machine::{Pace, Rulebook, Rules},
    model::{AgentName, RepoId},
    process::Command,
    reaction::{self, Layer, Report, Source},
    text,
};

/// The rules of all known repositories.
///
/// # Errors
///
/// Every mistake in every rule file, as people read it.
pub(super) async fn build(config: &Config, repositories: &Repositories) -> Result<Rulebook, String> {
    let mut by_repo = BTreeMap::new();
    for repository in repositories.iter() {
        let Some(settings) = config.repositories.iter().find(|it| it.name == repository.configured) else { continue };
        let sources = sources(config, settings, repository).await?;
        let Report { rules: reactions, mistakes, .. } = reaction::check(&sources, &config.agent_names());
        let Some(reactions) = reactions else {
            return Err(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"));
        };
        by_repo.insert(repository.id, Arc::new(rules(config, settings, repository, reactions)));
    }
    Ok(Rulebook::new(prefixed(by_repo)))
}

fn rules(config: &Config, settings: &config::Repository, repository: &Repository, reactions: reaction::Rules) -> Rules {
    let scale = config.time_scale.max(1);
    let reactions = reactions.sped_up(scale);
    // The settings' own durations are divided when they are read.
    let pace = Pace {
        look_interval: signed(config.look_interval),
        settle_green: signed(config.settle_green),
        reconcile: signed(config.reconcile),
        ..Pace::USUAL.faster(scale)
    };
    let agents: BTreeMap<_, _> =
        config.agent_names().into_iter().map(|name| (name.clone(), agent(config, settings, &name))).collect();
    let fallbacks: BTreeMap<_, _> =
        config.agents.iter().filter_map(|(name, agent)| Some((name.clone(), agent.fallback.clone()?))).collect();
    let hash = hash(&[reactions.hash(), &format!("{pace:?} {settings:?} {:?} {fallbacks:?}", config.limits)]);
    Rules {
        reactions,
        hash,
        repo: repository.id,
        repo_name: repository.name.clone(),
        repo_url: repository.clone_url.trim_end_matches(".git").to_owned(),
        merge: settings.merge,
        without_checks: settings.without_checks.map(signed),
        report: settings.report,
        acts: config.limits.acts,
        task_prefix: text::slug(repository.name.name(), 30),
        agent: agent(config, settings, &settings.agent),
        agents,
        fallbacks,
        loops: config.limits.loops,
        slots: config.limits.sessions,
        pace,
    }
}

fn agent(config: &Config, settings: &config::Repository, name: &AgentName) -> Agent {
    let runtime = settings.runtime.map_or_else(default_runtime, |runtime| match runtime {
        config::Runtime::Tmux => "tmux",
        config::Runtime::Pty => "pty",
    });
    let Settings { receipt, adapter, .. } = Settings::of(config, name);
    Agent { name: name.clone(), runtime: runtime.to_owned(), receipt, headless: adapter.launch.protocol.is_some() }
}

/// What every machine has.
const fn default_runtime() -> &'static str {
    "pty"
}

/// Two repositories of one name get the owner in front, and if that is not enough the number.
fn prefixed(mut by_repo: BTreeMap<RepoId, Arc<Rules>>) -> BTreeMap<RepoId, Arc<Rules>> {
    let mut seen = BTreeMap::<String, u32>::new();
    for rules in by_repo.values() {
        *seen.entry(rules.task_prefix.clone()).or_default() += 1;
    }
    for (id, rules) in &mut by_repo {
        if seen.get(&rules.task_prefix).is_some_and(|count| *count > 1) {
            let rules = Arc::make_mut(rules);
            let owner = text::slug(rules.repo_name.owner(), 20);
            rules.task_prefix = format!("{owner}-{}-r{id}", text::slug(&rules.task_prefix, 20));
        }
    }
    by_repo
}

async fn sources(
    config: &Config,
    settings: &config::Repository,
    repository: &Repository,
) -> Result<Vec<Source>, String> {
    let mut sources = reaction::shipped();
    if let Some(dir) = &config.reactions.dir {
        sources.extend(operators(dir)?);
    }
    if let Some(dir) = &settings.reactions.dir {
        sources.extend(repositorys(&repository.path, repository.base.as_str(), dir).await?);
    }
    Ok(sources)
}

/// The operator's rule files in a directory, sorted by name.
///
/// # Errors
///
/// When the directory or a file in it cannot be read, in words.
pub fn operators(dir: &Path) -> Result<Vec<Source>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", dir.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(unreadable)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_yaml(path))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            Ok(Source { layer: Layer::Operator, name: path.display().to_string(), text })
        })
        .collect()
}

/// The rules in a directory of the base branch as it is on GitHub: a pull request cannot change the rules that judge it.
///
/// # Errors
///
/// When git cannot be asked, in words.
pub async fn repositorys(path: &Path, base: &str, dir: &Path) -> Result<Vec<Source>, String> {
    let tree = format!("refs/remotes/origin/{base}");
    let dir = format!("{}/", dir.display().to_string().trim_end_matches('/'));
    let listed = git(path, &["ls-tree", "-z", "--name-only", &tree, "--", &dir]).await?;
    let mut sources = Vec::new();
    for file in listed.split('\0').filter(|file| is_yaml(Path::new(file))) {
        let text = git(path, &["cat-file", "blob", &format!("{tree}:{file}")]).await?;
        sources.push(Source { layer: Layer::Repository, name: format!("{base}:{file}"), text });
    }
    Ok(sources)
}

async fn git(path: &Path, args: &[&str]) -> Result<String, String> {
    let command = Command::new("git").args(["-C"]).arg(path).args(args).env("PATH", default_path());
    let output = command.run().await.map_err(|error| error.to_string())?;
    // A clone that was never fetched has no such branch yet, and so no rules of its own.
    Ok(if output.success() { output.stdout_text() } else { String::new() })
}

const fn default_path() -> &'static str {
    "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}

fn signed(duration: crate::yaml::Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration.0).unwrap_or(jiff::SignedDuration::MAX)
}
