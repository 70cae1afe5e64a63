//! The webhook as GitHub has it, and what became of its latest deliveries.

use jiff::{SignedDuration, Timestamp};

use super::{Target, in_words};
use crate::{
    cli::check::{Check, Grade},
    clock::Clock,
    github::{Client, DOOR, DeliveryAttempt, Error, Fault, Hook, Webhook},
};

const NAME: &str = "webhook";
/// How far back the log is read.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// The webhooks that lead to us, each as it is.
pub(super) async fn look(client: &Client, target: &Target, checks: &mut Vec<Check>) -> Vec<(Hook, Webhook)> {
    let is_app = target.config.github.app.is_some();
    let found = if is_app {
        client.app_webhook().await.map(|hook| hook.into_iter().collect())
    } else {
        client.webhooks(&target.repo).await
    };
    let hooks = match found {
        Ok(hooks) => hooks,
        Err(error) => {
            checks.push(unseen(&error));
            return Vec::new();
        }
    };
    let channel = std::fs::read_to_string(target.places.smee_channel()).unwrap_or_default();
    let is_ours =
        |hook: &Webhook| is_app || hook.url.ends_with(DOOR) || (!channel.is_empty() && hook.leads_to(channel.trim()));
    let ours: Vec<Webhook> = hooks.into_iter().filter(is_ours).collect();
    if ours.is_empty() {
        let what = format!("none of {} leads here: GitHub is only asked now and then", target.repo);
        let fix = "`antiphon github setup --webhook --url https://HOST`, or `--smee` on a laptop";
        checks.push(Check::problem(NAME, what, fix));
    }
    for hook in &ours {
        checks.extend(faults(hook));
    }
    let named = |hook: Webhook| match hook.id {
        Some(id) => (Hook::Repository(target.repo.clone(), id), hook),
        None => (Hook::App, hook),
    };
    ours.into_iter().map(named).collect()
}

fn unseen(error: &Error) -> Check {
    let fix =
        "it takes admin:repo_hook (classic) or Webhooks: read (fine-grained): `gh auth refresh -s admin:repo_hook`";
    Check::warning(NAME, format!("the credential may not see webhooks: {}", in_words(error)), fix)
}

/// What is wrong with a webhook; that it is fine, if nothing is.
fn faults(hook: &Webhook) -> Vec<Check> {
    let fix = match hook.id {
        Some(_) => format!("`antiphon github setup --webhook --url {}` sets it right", hook.url),
        None => "set it right on the App's page".to_owned(),
    };
    let missing = hook.missing_events();
    let words = |fault: &Fault| match fault {
        Fault::Inactive => "is switched off".to_owned(),
        Fault::NotJson => "sends a form instead of JSON".to_owned(),
        Fault::Unsigned => "has no secret, so that nothing it brings is believed".to_owned(),
        Fault::CertificateUnchecked => "does not check the certificate of the address".to_owned(),
    };
    let missing = (!missing.is_empty()).then(|| format!("does not bring {}", missing.join(", ")));
    let found: Vec<Check> = hook
        .faults
        .iter()
        .map(words)
        .chain(missing)
        .map(|fault| Check::problem(NAME, format!("the one that leads to {} {fault}", hook.url), fix.clone()))
        .collect();
    if found.is_empty() {
        return vec![Check::fine(NAME, format!("leads to {}: JSON, signed, with all events", hook.url))];
    }
    found
}

/// What became of the deliveries of the last day.
pub(super) async fn lately(client: &Client, hook: &(Hook, Webhook), clock: &Clock, checks: &mut Vec<Check>) {
    let since: Timestamp = clock.now() - LATELY;
    match client.delivery_attempts(&hook.0, since).await {
        Ok(attempts) => checks.push(outcome(&attempts)),
        Err(error) => {
            let what = format!("GitHub's log of them cannot be read: {}", in_words(&error));
            checks.push(Check::new("deliveries", Grade::Note, what));
        }
    }
}

fn outcome(attempts: &[DeliveryAttempt]) -> Check {
    const NAME: &str = "deliveries";
    let Some(newest) = attempts.iter().max_by_key(|attempt| (attempt.delivered_at, attempt.id)) else {
        return Check::new(NAME, Grade::Note, "there were none in the last day");
    };
    let failed = attempts.iter().filter(|attempt| attempt.status != "OK").count();
    let all = attempts.len();
    if newest.status != "OK" {
        let (why, fix) = diagnosis(&newest.status);
        return Check::problem(NAME, format!("{failed} of {all} in the last day failed, the newest, too: {why}"), fix);
    }
    if failed > 0 {
        let what = format!("{failed} of {all} attempts in the last day failed, not the newest");
        return Check::new(NAME, Grade::Note, what);
    }
    Check::fine(NAME, format!("all {all} of the last day arrived"))
}

/// What GitHub's words about an attempt mean, and what helps.
pub(super) fn diagnosis(status: &str) -> (String, &'static str) {
    let code = status.rsplit(' ').next().and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(401) => (
            "the signature was refused (401)".to_owned(),
            "the webhook's secret is another one than that of the settings: `antiphon github setup --webhook` sets it again",
        ),
        Some(404) => (
            "nothing is there (404)".to_owned(),
            "let the address end in /webhooks/github, and the proxy pass it on as it is",
        ),
        Some(415) => ("it was not JSON (415)".to_owned(), "set its content type to application/json"),
        Some(502..=504) => {
            (format!("the proxy found no daemon ({status})"), "start it with `antiphon up`, and see to the proxy")
        }
        _ => (
            format!("nobody answered as expected ({status})"),
            "see whether the address can be reached from the internet: name, firewall, proxy, certificate",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(id: u64, status: &str) -> DeliveryAttempt {
        let delivered_at = Timestamp::UNIX_EPOCH;
        DeliveryAttempt { id, guid: id.to_string(), delivered_at, status: status.to_owned(), event: "push".to_owned() }
    }

    fn said(attempts: &[DeliveryAttempt]) -> (Grade, String) {
        let check = outcome(attempts);
        (check.grade, check.what)
    }

    #[test]
    fn the_newest_delivery_decides_how_it_is() {
        let (good, bad) = ("OK", "Invalid HTTP Response: 401");

        assert_eq!(said(&[attempt(1, good)]), (Grade::Fine, "all 1 of the last day arrived".to_owned()));
        assert_eq!(said(&[attempt(2, good), attempt(1, bad)]).0, Grade::Note);
        let wrong = "1 of 2 in the last day failed, the newest, too: the signature was refused (401)";
        assert_eq!(said(&[attempt(1, good), attempt(2, bad)]), (Grade::Problem, wrong.to_owned()));
        assert_eq!(said(&[]).0, Grade::Note);
    }

    #[test]
    fn everything_that_is_wrong_with_a_webhook_is_said_with_what_mends_it() {
        let hook = Webhook {
            id: Some(1),
            url: "https://box.example/webhooks/github".to_owned(),
            events: ["push".to_owned()].into(),
            faults: vec![Fault::Inactive, Fault::NotJson, Fault::Unsigned, Fault::CertificateUnchecked],
        };

        let faults = faults(&hook);

        assert_eq!(faults.len(), 5);
        assert!(faults.iter().all(|check| check.grade == Grade::Problem && check.fix.is_some()), "{faults:?}");
    }
}
