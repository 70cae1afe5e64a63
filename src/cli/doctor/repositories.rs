//! Whether each configured repository can be worked on: its clone, its agent, its runtime.

use std::{collections::BTreeSet, path::Path};

use crate::{
    agent,
    cli::{
        caller::Caller,
        check::{Check, Grade},
        clone,
    },
    config::{Config, Repository, Runtime},
};

/// Looks at every repository, and at every agent that one of them uses.
pub(super) async fn all(config: &Config, caller: &Caller) -> Vec<Check> {
    if config.repositories.is_empty() {
        let fix = "add one below `repositories`, or let `antiphon init --print` write its entry";
        return vec![Check::warning("repositories", "none is configured", fix)];
    }
    let mut checks = Vec::new();
    for repository in &config.repositories {
        checks.push(of_clone(repository, caller).await);
        if repository.runtime == Some(Runtime::Tmux) && caller.find_program("tmux").is_none() {
            let what = format!("{} wants tmux, which is not installed", repository.name);
            checks.push(Check::problem("runtime", what, "install tmux 3.2 or later, or say `runtime: pty`"));
        }
        if repository.workspace.sandbox.is_some() && caller.find_program("bwrap").is_none() {
            let what = format!("{} wants a sandbox, and bubblewrap is not installed", repository.name);
            let hint = "install it (Debian: `apt install bubblewrap`; Linux only), or leave `sandbox` out";
            checks.push(Check::problem("sandbox", what, hint));
        }
    }
    checks.extend(agents(config, caller).await);
    checks
}

async fn of_clone(repository: &Repository, caller: &Caller) -> Check {
    let (name, path) = (&repository.name, repository.path.display());
    match clone::top(&repository.path, caller).await {
        Ok(Some(top)) if is_same(&top, &repository.path) => Check::fine("clone", format!("{name} at {path}")),
        Ok(Some(top)) => Check::problem(
            "clone",
            format!("{path} lies inside of the clone {}", top.display()),
            format!("say `path: {}`", top.display()),
        ),
        Ok(None) => Check::problem(
            "clone",
            format!("{path} is no clone that git can read"),
            format!("clone {name} there, or name the directory of its clone"),
        ),
        Err(error) => Check::problem("clone", format!("git cannot be asked: {error}"), "install git"),
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(a) == real(b)
}

async fn agents(config: &Config, caller: &Caller) -> Vec<Check> {
    let installed = agent::detect(&config.adapters, caller.environment.variables()).await;
    let used: BTreeSet<_> = config.repositories.iter().map(|repository| &repository.agent).collect();
    let checks = used.into_iter().map(|name| {
        let own = config.agents.get(name).and_then(|agent| agent.command.first());
        if let Some(program) = own {
            return of_program(name.as_str(), program, caller);
        }
        match installed.iter().find(|found| found.name == *name) {
            Some(found) => of_found(found),
            None => Check::problem(
                "agent",
                format!("{name} is not installed"),
                format!("install {name}, or choose another agent for the repositories that use it"),
            ),
        }
    });
    let mut checks: Vec<Check> = checks.collect();
    let unused = installed.iter().filter(|found| !config.repositories.iter().any(|it| it.agent == found.name));
    checks.extend(unused.map(|found| Check::new("agent", Grade::Note, format!("{} is installed, too", found.name))));
    checks
}

/// An installed agent, and whether anybody tried its version.
fn of_found(found: &agent::Found) -> Check {
    let version = found.version.as_deref().unwrap_or("a version that it does not tell");
    let what = format!("{}: {}, {version}", found.name, found.program.display());
    let why = match &found.tried {
        Some(tried) if tried.fits => return Check::fine("agent", what),
        Some(tried) => format!("tried was {}", tried.range),
        None => "nobody tried it with Antiphon".to_owned(),
    };
    Check::new("agent", Grade::Warning, format!("{what}; {why}"))
}

/// An agent of the settings' own: a path, or a program of `PATH`.
fn of_program(name: &str, program: &str, caller: &Caller) -> Check {
    let path = Path::new(program);
    let there = if path.components().count() > 1 { path.is_file() } else { caller.find_program(program).is_some() };
    if there {
        return Check::fine("agent", format!("{name}: {program}"));
    }
    Check::problem(
        "agent",
        format!("{name}: there is no program {program}"),
        format!("install it, or mend `agents.{name}.command`"),
    )
}
