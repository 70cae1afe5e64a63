//! Who we are to GitHub, what we were given, how much of the hour is left, and whether the clocks agree.

use super::{Target, in_words};
use crate::{
    cli::check::{Check, Grade},
    github::{self, Access, Client, Granted, Identity, NEEDS},
};

/// GitHub refuses what an App signs with a clock that is further off.
const SKEW_SECS_MAX: i64 = 30;

/// Whether GitHub knows us, and we the repository: whether it is private; `None` if nothing more can be asked.
pub(super) async fn look(client: &Client, target: &Target, checks: &mut Vec<Check>) -> Option<bool> {
    match client.repository(&target.repo).await {
        Ok(repository) => {
            checks.push(Check::fine("repository", format!("{} can be seen", repository.name)));
            Some(repository.private)
        }
        Err(error) => {
            checks.push(unseen(target, &error));
            None
        }
    }
}

fn unseen(target: &Target, error: &github::Error) -> Check {
    let name = &target.repo;
    let fix = match error {
        github::Error::Unauthorized if target.config.github.app.is_some() => {
            "install the App on the repository, or, if it is suspended, unsuspend it on its page"
        }
        github::Error::Unauthorized => "renew the token: `gh auth login`, or set GITHUB_TOKEN to a new one",
        github::Error::NotFound => "see whether the name is right, and the credential was given this repository",
        github::Error::RateLimited { .. } | github::Error::Unavailable(_) | github::Error::AmbiguousWrite(_) => {
            "try again later"
        }
        github::Error::Forbidden { .. } => "give the credential this repository",
        github::Error::HeadMoved | github::Error::Unprocessable { .. } | github::Error::Other(_) => {
            "see whether `github.api_url` is right"
        }
    };
    Check::problem("repository", format!("{name} cannot be seen: {}", in_words(error)), fix)
}

/// Who we are there, and what is missing.
pub(super) async fn permissions(client: &Client, target: &Target, private: bool, checks: &mut Vec<Check>) {
    let identity = match client.identity(&target.repo).await {
        Ok(identity) => identity,
        Err(error) => {
            let fix = "renew the token, or install the App on the repository";
            checks.push(Check::problem(
                "identity",
                format!("GitHub does not say who we are: {}", in_words(&error)),
                fix,
            ));
            return;
        }
    };
    checks.push(introduced(&identity));
    checks.extend(clock(&identity));
    if let Some(since) = identity.suspended {
        let what = format!("the installation is suspended since {since}");
        checks.push(Check::problem("permissions", what, "unsuspend it on the App's page"));
        return;
    }
    let lacks = identity.granted.lacks(private);
    for need in &lacks {
        let what = format!("`{}: {}` is missing: it takes that to {}", need.permission, need.access.name(), need.why);
        checks.push(Check::problem("permissions", what, remedy(&identity.granted)));
    }
    if identity.granted == Granted::Untold {
        try_to_see(client, target, checks).await;
    } else if lacks.is_empty() {
        checks.push(Check::fine("permissions", format!("all {} that it takes", NEEDS.len())));
    }
}

fn introduced(identity: &Identity) -> Check {
    let kind = match &identity.granted {
        Granted::Permissions(_) => "an App",
        Granted::Scopes(_) => "a classic token",
        Granted::Untold => "a fine-grained token",
    };
    let expires = identity.expires.as_ref().map(|when| format!(", which ends at {when}")).unwrap_or_default();
    Check::fine("identity", format!("{}, by {kind}{expires}", identity.login))
}

const fn remedy(granted: &Granted) -> &'static str {
    match granted {
        Granted::Permissions(_) => {
            "add it on the App's page under Permissions, then accept it on the page of the installation"
        }
        Granted::Scopes(_) => "give the token the scope repo: `gh auth refresh -s repo`",
        Granted::Untold => "add it to the token on its page",
    }
}

/// Of a fine-grained token only trying tells what it may, and only seeing can be tried without a trace.
async fn try_to_see(client: &Client, target: &Target, checks: &mut Vec<Check>) {
    let before = checks.len();
    for need in NEEDS {
        if client.may_see(&target.repo, need.permission).await.is_ok_and(|seen| seen == Some(false)) {
            let what =
                format!("`{}: {}` is missing: it takes that to {}", need.permission, need.access.name(), need.why);
            checks.push(Check::problem("permissions", what, remedy(&Granted::Untold)));
        }
    }
    if checks.len() == before {
        let writes: Vec<&str> =
            NEEDS.iter().filter(|need| need.access == Access::Write).map(|need| need.permission).collect();
        let what = format!(
            "what can be tried can be seen. GitHub does not tell whether the token may write {}: `antiphon doctor` says \
             what was refused",
            writes.join(", ")
        );
        checks.push(Check::new("permissions", Grade::Note, what));
    }
}

fn clock(identity: &Identity) -> Option<Check> {
    let skew = identity.skew_secs?;
    if skew.abs() <= SKEW_SECS_MAX {
        return Some(Check::fine("clock", "agrees with GitHub's"));
    }
    let what = format!("this machine's clock differs from GitHub's by {} s: tokens of an App are refused", skew.abs());
    Some(Check::warning("clock", what, "switch time synchronisation on: `timedatectl set-ntp true`"))
}

/// What is left of the hour.
pub(super) fn budget(client: &Client) -> Vec<Check> {
    let of = |standing: github::Standing| {
        let rest = standing.rest?;
        let what = format!("{} of {} requests are left until {}", rest.remaining, rest.limit, rest.resets_at);
        if rest.remaining < rest.limit / 10 {
            let fix = "wait, or find what else uses this credential; an App has a budget of its own";
            return Some(Check::warning("budget", what, fix));
        }
        Some(Check::fine("budget", what))
    };
    client.standings().into_iter().filter_map(of).collect()
}
