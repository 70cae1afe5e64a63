//! What to do after the settings are written: how to connect GitHub, and the next commands. Pure.

use super::settings::Found;

/// What stays to be done, in the order in which it is done.
pub(super) fn text(found: &Found, path: &str, config_option: &str) -> String {
    let agents = match found.agents.as_slice() {
        [] => "No agent was found: install Claude Code or Codex, or describe another one under `agents`.".to_owned(),
        several => format!("Agents found: {}.", several.join(", ")),
    };
    let terminal = if found.tmux {
        "tmux is there; `runtime: tmux` puts sessions into it."
    } else {
        "tmux is not there; sessions live in terminals of our own, which needs nothing."
    };
    let connection = if found.webhooks { webhook(config_option) } else { POLLING.to_owned() };
    format!(
        "Wrote {path} for {name}.\n{agents}\n{terminal}\n\n{connection}\n\
         Next\n  antiphon doctor{config_option}\n  antiphon up{config_option}\n\n\
         Then give an issue the label `agent`, or say what to do: antiphon spawn \"…\"\n",
        name = found.name,
    )
}

const POLLING: &str =
    "GitHub is only polled, every 5 minutes: it works everywhere, and answers later than a webhook.\n";

fn webhook(config_option: &str) -> String {
    format!(
        "Connect GitHub, in one of three ways\n\
         \n  1. A machine that GitHub can reach: an App of your own, in the browser\n     \
         antiphon github setup --url https://YOUR-HOST{config_option}\n\
         \n  2. A laptop: a webhook through a smee channel, and its other end here\n     \
         antiphon github setup --webhook --smee{config_option}\n     \
         antiphon webhook forward --smee{config_option}\n\
         \n  3. A laptop, with GitHub's own forwarding (gh extension install cli/gh-webhook)\n     \
         antiphon github setup --secret-only{config_option}\n     \
         antiphon webhook forward --gh{config_option}\n\
         \nThen see whether it works: antiphon github check{config_option}\n\
         Without any of them: `antiphon init --no-webhook`, and GitHub is polled.\n"
    )
}
