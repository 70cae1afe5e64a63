//! `antiphon reactions check`: finds the rules, loads them as the daemon would, and shows mistakes or the result.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::show;
use crate::{
    app,
    cli::{
        caller::{Caller, wait_for},
        clone,
        error::Error,
        output,
    },
    config::{Config, Search},
    reaction::{self, Layer, Source},
};

const EXAMPLES: &str = "\
Examples:
  antiphon reactions check                                the rules in force: shipped, yours, the repositories'
  antiphon reactions check my-rule.yaml                   these files over the shipped rules
  antiphon reactions check --as repository .antiphon/reactions/*.yaml
  antiphon reactions check --origins                      which file and line set each field
  antiphon reactions check --json | jq '.sets[].rules[].name'

Exit code 0: the rules can be used; 2: there are mistakes, each shown at its place.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Rule files to check over the shipped rules; default: all rules in force
    files: Vec<PathBuf>,
    /// Whose rules the files are: a repository's can only tighten
    #[arg(long = "as", value_enum, default_value_t = Whose::Operator, requires = "files", value_name = "WHOSE")]
    whose: Whose,
    /// Also shows which file and line set each field
    #[arg(long)]
    origins: bool,
    /// Prints the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Whose {
    /// Yours, beside your settings
    Operator,
    /// A repository's, on its base branch
    Repository,
}

/// Rules that are in force together.
pub(super) struct Set {
    /// Where: a repository, or everywhere.
    pub(super) place: String,
    /// The files.
    pub(super) sources: Vec<Source>,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let agents =
        caller.config_if_any(Search::UserThenHere)?.map(|(_, config)| config).unwrap_or_default().agent_names();
    let sets = if arguments.files.is_empty() { in_force(caller)? } else { vec![named(arguments, caller)?] };
    let mut mistakes = Vec::new();
    let mut checked = Vec::new();
    for set in &sets {
        let report = reaction::check(&set.sources, &agents);
        // What is wrong in a file of many sets is said once.
        let new: Vec<_> = report.mistakes.into_iter().filter(|it| !mistakes.contains(it)).collect();
        mistakes.extend(new);
        checked.extend(report.rules.map(|rules| (set, rules)));
    }
    if !mistakes.is_empty() {
        return Err(Error::mistakes("the reactions", mistakes));
    }
    if arguments.json {
        output::json(&show::json(&checked))
    } else {
        output::line(&show::text(&checked, arguments.origins))
    }
}

fn named(arguments: &Arguments, caller: &Caller) -> Result<Set, Error> {
    let layer = match arguments.whose {
        Whose::Operator => Layer::Operator,
        Whose::Repository => Layer::Repository,
    };
    let mut sources = reaction::shipped();
    for file in &arguments.files {
        sources.push(read(&caller.environment.dir().join(file), file, layer)?);
    }
    Ok(Set { place: "these files over the shipped rules".to_owned(), sources })
}

fn read(path: &Path, shown: &Path, layer: Layer) -> Result<Source, Error> {
    let name = shown.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::invalid(format!("cannot read {name}")).because(&error))?;
    Ok(Source { layer, name, text })
}

fn in_force(caller: &Caller) -> Result<Vec<Set>, Error> {
    let Some((_, config)) = caller.config_if_any(Search::UserThenHere)? else {
        output::remark("no settings found: these are the shipped rules alone");
        return Ok(vec![Set { place: "shipped".to_owned(), sources: reaction::shipped() }]);
    };
    wait_for(sets(&config, caller))
}

/// The rules of every repository; those without rules of their own have the same.
async fn sets(config: &Config, caller: &Caller) -> Result<Vec<Set>, Error> {
    let mut everywhere = reaction::shipped();
    everywhere.extend(operators(config)?);
    let mut sets =
        vec![Set { place: "every repository without rules of its own".to_owned(), sources: everywhere.clone() }];
    for repository in &config.repositories {
        let Some(dir) = &repository.reactions.dir else { continue };
        let base = match &repository.base {
            Some(base) => Some(base.to_string()),
            None => clone::default_branch(&repository.path, caller).await,
        };
        let Some(base) = base else {
            output::remark(&format!(
                "{}: its base branch is unknown here, so its own rules are not checked",
                repository.name
            ));
            continue;
        };
        let own = app::repositorys(&repository.path, &base, dir).await.map_err(Error::failed)?;
        if !own.is_empty() {
            let sources = everywhere.iter().cloned().chain(own).collect();
            sets.push(Set { place: repository.name.to_string(), sources });
        }
    }
    Ok(sets)
}

/// The rules beside the settings.
pub(in crate::cli) fn operators(config: &Config) -> Result<Vec<Source>, Error> {
    config.reactions.dir.as_deref().map_or_else(|| Ok(Vec::new()), |dir| app::operators(dir).map_err(Error::invalid))
}
