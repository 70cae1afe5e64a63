//! Where the demo plays: a sandbox with the story's repository, a clone, and the daemon's settings.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

use super::{
    super::sandbox::{Plan, Sandbox, Unfit, answers, quoted},
    arguments::{Actor, Arguments, Home},
    performance::End,
    teller::Opening,
};
use crate::{
    agent,
    background::Tasks,
    clock::Clock,
    config::{Adapters, Environment},
    simulator::story,
};

/// The repository of the story.
pub(super) const REPO: &str = "acme/pages";
/// Its default branch.
pub(super) const BASE: &str = "main";
/// The reviewer, who may write to the repository.
pub(super) const MAINTAINER: &str = "maya";
/// Somebody who may not.
pub(super) const STRANGER: &str = "drifter";

/// Everything that the story needs, before anybody acts.
pub(super) struct Stage {
    sandbox: Sandbox,
    actor: Actor,
    time_scale: u32,
    patience: Duration,
}

impl Stage {
    /// Makes the directory, starts GitHub, clones, and writes the settings.
    pub(super) async fn set(
        arguments: &Arguments,
        user: &Environment,
        (tasks, clock): (&Tasks, &Clock),
    ) -> anyhow::Result<Self> {
        check_programs(arguments, user).await?;
        let mut files = story::files();
        for path in &arguments.extra_test {
            files.push(extra_test(&user.dir().join(path))?);
        }
        let plan = Plan {
            name: "demo",
            keep: arguments.keep.as_deref(),
            // A real agent needs its credentials and its own settings.
            lends_all: arguments.agent == Actor::Claude,
        };
        let stage = Self {
            sandbox: Sandbox::open(&plan, user, (tasks, clock)).await?,
            actor: arguments.agent,
            time_scale: time_scale(arguments.agent),
            patience: arguments.patience(),
        };
        let furnished = stage.furnish(arguments, &files).await;
        if let Err(error) = furnished {
            drop(stage.sandbox.remove());
            return Err(error);
        }
        Ok(stage)
    }

    async fn furnish(&self, arguments: &Arguments, files: &[(String, String)]) -> anyhow::Result<()> {
        let sandbox = &self.sandbox;
        sandbox.clone_repository(REPO, files).await?;
        sandbox.github().set_permission(REPO, MAINTAINER, "write")?;
        if arguments.withhold_prompts {
            let rule = "# The shipped rule of this name records what it would do, and does nothing.\n\
                        name: ci-failed\nmode: shadow\n";
            std::fs::write(sandbox.reaction("ci-failed"), rule)?;
        }
        std::fs::write(sandbox.config(), self.settings(arguments))?;
        sandbox.connect_webhook();
        Ok(())
    }

    /// What the default branch holds of a file now.
    pub(super) async fn merged_text(&self, path: &str) -> anyhow::Result<String> {
        let clone = self.sandbox.clone_dir(REPO);
        self.sandbox.git(["fetch", "--quiet", "origin", BASE], &clone).await?;
        self.sandbox.git(["show", &format!("FETCH_HEAD:{path}")], &clone).await
    }

    fn settings(&self, arguments: &Arguments) -> String {
        let agent = match arguments.agent {
            Actor::Scripted => "scripted",
            Actor::Claude => "claude",
        };
        let runtime = arguments.runtime.map_or_else(String::new, |home| format!("    runtime: {}\n", word(home)));
        let agents = match arguments.agent {
            Actor::Scripted => scripted(self.sandbox.program(), arguments.pace / 2),
            Actor::Claude => String::new(),
        };
        format!(
            "# Written by `antiphon demo`. The reactions are the shipped ones.\n\
             {head}\
             repositories:\n\
             \x20 - name: {REPO}\n\
             \x20   path: {clone}\n\
             \x20   agent: {agent}\n\
             {runtime}\
             \x20   merge: squash\n\
             \x20   issues: {{ labels: [{label}] }}\n\
             {agents}\
             # Every duration that Antiphon waits is divided by this.\n\
             time_scale: {scale}\n",
            head = self.sandbox.settings_head(),
            clone = quoted(&self.sandbox.clone_dir(REPO)),
            label = super::people::LABEL,
            scale = self.time_scale,
        )
    }

    /// The world in which it plays.
    pub(super) const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// What stands above the account.
    pub(super) fn opening(&self, arguments: &Arguments) -> Opening {
        let home = word(arguments.runtime.unwrap_or(Home::Pty));
        let agent = match self.actor {
            Actor::Scripted => format!("scripted, in a terminal ({home}); it knows only what it reads there"),
            Actor::Claude => format!("Claude Code, in a terminal ({home})"),
        };
        Opening {
            time_scale: self.time_scale,
            github: self.sandbox.github().api_url(),
            agent,
            pace_ms: arguments.pace,
            dir: self.sandbox.dir().display().to_string(),
        }
    }

    /// How long nothing may happen.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The daemon's log, where it can be read after the end: of a failure it is kept in any case.
    pub(super) fn log_to_show(&self, end: &End) -> anyhow::Result<Option<PathBuf>> {
        match end {
            End::Merged | End::Interrupted | End::Missing(_) if self.sandbox.stays() => Ok(Some(self.sandbox.log())),
            End::Merged | End::Interrupted => Ok(None),
            End::Missing(_) => {
                let kept = self.sandbox.dir().with_extension("log");
                std::fs::copy(self.sandbox.log(), &kept).context("the daemon's log cannot be kept")?;
                Ok(Some(kept))
            }
        }
    }
}

/// A real agent thinks in real time; the shorter the waits, the sooner it would count as stuck.
const fn time_scale(actor: Actor) -> u32 {
    match actor {
        Actor::Scripted => 60,
        Actor::Claude => 6,
    }
}

const fn word(home: Home) -> &'static str {
    match home {
        Home::Pty => "pty",
        Home::Tmux => "tmux",
    }
}

fn scripted(program: &Path, delay_ms: u64) -> String {
    let program = quoted(program);
    format!(
        "agents:\n\
         \x20 scripted:\n\
         \x20   command: [{program}, scripted-agent, --delay-ms, '{delay_ms}', --, {program}, hook]\n\
         \x20   receipt: hook\n\
         \x20   ready: 'scripted>\\s*\\z'\n"
    )
}

async fn check_programs(arguments: &Arguments, user: &Environment) -> Result<(), Unfit> {
    if !answers("git", "--version", user).await {
        return Err(Unfit::Missing { program: "git", hint: "install git; the demo's agent really commits and pushes" });
    }
    if arguments.runtime == Some(Home::Tmux) && !answers("tmux", "-V", user).await {
        return Err(Unfit::Missing { program: "tmux", hint: "install tmux, or leave --runtime out" });
    }
    if arguments.agent == Actor::Claude
        && !agent::detect(&Adapters::default(), user.variables())
            .await
            .iter()
            .any(|found| found.name.as_str() == "claude")
    {
        let hint = "install Claude Code and log in once, or leave --agent out: the scripted agent needs no model";
        return Err(Unfit::Missing { program: "claude", hint });
    }
    Ok(())
}

/// A check of the user's, as a file of the repository.
fn extra_test(path: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // `test.sh` runs what ends like this.
    Ok((format!("tests/{name}.sh"), text))
}
