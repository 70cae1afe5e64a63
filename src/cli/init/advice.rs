//! What to do after the settings are written: the webhook, and the next commands. Pure.

use super::settings::Found;

/// What GitHub should deliver.
const EVENTS: &str = "pull_request,pull_request_review,pull_request_review_comment,pull_request_review_thread,\
                      issue_comment,issues,check_run,check_suite,workflow_run,status,push,merge_group,repository";

/// What stays to be done, in the order in which it is done.
pub(super) fn text(found: &Found, path: &str, secret: &str, config_option: &str) -> String {
    let agents = match found.agents.as_slice() {
        [] => "No agent was found: install Claude Code or Codex, or describe another one under `agents`.".to_owned(),
        several => format!("Agents found: {}.", several.join(", ")),
    };
    let terminal = if found.tmux {
        "tmux is there; `runtime: tmux` puts sessions into it."
    } else {
        "tmux is not there; sessions live in terminals of our own, which needs nothing."
    };
    let webhook = if found.webhooks { webhook(found, secret) } else { POLLING.to_owned() };
    let export = if found.webhooks { format!("  export ANTIPHON_WEBHOOK_SECRET={secret}\n") } else { String::new() };
    format!(
        "Wrote {path} for {name}.\n{agents}\n{terminal}\n\n{webhook}\n\
         Next\n{export}  antiphon doctor{config_option}\n  antiphon up{config_option}\n\n\
         Then give an issue the label `agent`, or say what to do: antiphon spawn \"…\"\n",
        name = found.name,
    )
}

const POLLING: &str =
    "GitHub is only polled, every 5 minutes: it works everywhere, and answers later than a webhook.\n";

fn webhook(found: &Found, secret: &str) -> String {
    let name = &found.name;
    let host = found.api_url.as_deref().and_then(|url| url.split('/').nth(2)).unwrap_or("github.com");
    format!(
        "Connect the webhook, in one of three ways\n\
         \n  1. A machine that GitHub can reach: https://{host}/{name}/settings/hooks/new\n     \
         payload URL https://YOUR-HOST/webhooks/github (a proxy with TLS passes it to 127.0.0.1:7117),\n     \
         content type application/json, secret as below, events: all, or those of way 2\n\
         \n  2. A laptop, with GitHub's own forwarding (gh extension install cli/gh-webhook):\n     \
         gh webhook forward --repo={name} --url=http://127.0.0.1:7117/webhooks/github \\\n       \
         --secret={secret} \\\n       --events={EVENTS}\n\
         \n  3. A laptop, with smee: make a channel at https://smee.io/new, enter its address as payload URL, and run\n     \
         npx smee-client --url https://smee.io/CHANNEL --target http://127.0.0.1:7117/webhooks/github\n\
         \nWithout any of them: `antiphon init --no-webhook`, and GitHub is polled.\n"
    )
}
