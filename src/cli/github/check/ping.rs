//! A ping there and back: GitHub sends it, and the daemon on this machine says that it came, signed with our secret.

use std::time::Duration;

use jiff::Timestamp;

use super::{deliveries::diagnosis, in_words};
use crate::{
    cli::{
        caller::Caller,
        check::{Check, Grade},
    },
    client,
    clock::Clock,
    github::{Client, DeliveryAttempt, Hook, Webhook},
};

const NAME: &str = "ping";
/// How often it is looked for, and how many times: 15 s in all. GitHub usually takes one.
const PAUSE: Duration = Duration::from_millis(250);
const LOOKS_MAX: u32 = 60;

/// Orders a ping and waits for it.
pub(super) async fn there_and_back(
    github: &Client,
    (hook, webhook): &(Hook, Webhook),
    caller: &Caller,
    clock: &Clock,
) -> Check {
    let Hook::Repository(repo, id) = hook else {
        return Check::new(NAME, Grade::Note, "GitHub has none for Apps; its latest deliveries say the same");
    };
    let Ok(daemon) = caller.client() else { return no_daemon() };
    let before = match daemon.pings().await {
        Ok(before) => before,
        Err(client::Error::NotRunning { .. }) => return no_daemon(),
        Err(error) => return Check::new(NAME, Grade::Note, format!("the daemon cannot be asked: {error}")),
    };
    let since = clock.now();
    let earlier = failed(github, hook, since).await;
    if let Err(error) = github.ping(repo, *id).await {
        let what = format!("GitHub sends none: {}", in_words(&error));
        return Check::warning(NAME, what, "it takes a token that may administer webhooks");
    }
    for _ in 0..LOOKS_MAX {
        if daemon.pings().await.is_ok_and(|now| now > before) {
            return Check::fine(NAME, "GitHub's came, signed with our secret");
        }
        if let (Some(earlier), Some(failed)) = (&earlier, failed(github, hook, since).await)
            && let Some(attempt) = failed.iter().find(|attempt| !earlier.contains(attempt))
        {
            let (why, fix) = diagnosis(&attempt.status);
            return Check::problem(NAME, format!("GitHub's did not get through: {why}"), fix);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let fix = if webhook.url.ends_with(crate::github::DOOR) {
        "see whether the address leads to this machine and this daemon"
    } else {
        "let `antiphon webhook forward --smee` run beside the daemon"
    };
    Check::problem(NAME, "GitHub sent one, and the daemon did not see it", fix)
}

fn no_daemon() -> Check {
    Check::new(NAME, Grade::Note, "no daemon runs that could answer: start it, and check again")
}

/// The pings that failed in the second of `since` or later: GitHub's times have whole seconds. `None` if it does not say.
async fn failed(github: &Client, hook: &Hook, since: Timestamp) -> Option<Vec<DeliveryAttempt>> {
    let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
    let mut attempts = github.delivery_attempts(hook, since).await.ok()?;
    attempts.retain(|attempt| attempt.event == "ping" && attempt.status != "OK");
    Some(attempts)
}
