//! Who wrote a text, and how far they are trusted on the repository.
//!
//! Trust comes from the permission endpoint and nothing else. When it refuses to say, the person is a stranger: the gate
//! stays closed. When it is out of order, nothing is known of anybody, and the look fails. Answers are kept for five
//! minutes, failures not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tracing::warn;

use super::{Error, transport::Transport};
use crate::{
    clock::Clock,
    model::{Author, Login, RepoName, Tier},
};

const KEEP: SignedDuration = SignedDuration::from_mins(5);
/// More people than this are not remembered at once.
const KEPT_MAX: usize = 10_000;

/// Remembers for a while how far people are trusted.
#[derive(Debug)]
pub(super) struct People {
    clock: Clock,
    known: Mutex<BTreeMap<(RepoName, Login), (Tier, Timestamp)>>,
}

/// An account as GraphQL shows it, or as REST does.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
    /// `Bot` for Apps. GraphQL calls the field `__typename`.
    #[serde(rename = "type", alias = "__typename")]
    pub(super) kind: Option<String>,
}

/// The people behind one value.
#[derive(Debug)]
pub(super) struct Cast {
    own: Login,
    tiers: BTreeMap<Login, Tier>,
}

impl People {
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, known: Mutex::new(BTreeMap::new()) }
    }

    /// Asks how far each of `accounts` is trusted on `repo`.
    ///
    /// # Errors
    ///
    /// Only [`Error::RateLimited`] and [`Error::Unavailable`]: then the whole look is to be repeated later, rather than
    /// believed with everybody a stranger, whose requests would be gone.
    pub(super) async fn cast(
        &self,
        transport: &Transport,
        repo: &RepoName,
        own: Login,
        accounts: impl IntoIterator<Item = &Account> + Send,
    ) -> Result<Cast, Error> {
        let logins: BTreeSet<Login> = accounts.into_iter().filter_map(Account::login).collect();
        let mut tiers = BTreeMap::new();
        for login in logins {
            let tier = self.tier(transport, repo, &login).await?;
            tiers.insert(login, tier);
        }
        Ok(Cast { own, tiers })
    }

    async fn tier(&self, transport: &Transport, repo: &RepoName, login: &Login) -> Result<Tier, Error> {
        let key = (repo.clone(), login.clone());
        let now = self.clock.now();
        let known = self.known().get(&key).copied();
        if let Some((tier, _)) = known.filter(|(_, asked_at)| (*asked_at..*asked_at + KEEP).contains(&now)) {
            return Ok(tier);
        }
        let tier = match ask(transport, repo, login).await {
            Ok(tier) => tier,
            Err(Error::NotFound) => Tier::Stranger,
            Err(error @ (Error::RateLimited { .. } | Error::Unavailable(_))) => return Err(error),
            Err(error) => {
                warn!(%error, person = %login, "Cannot ask for a permission: treating {login} as a stranger");
                return Ok(Tier::Stranger);
            }
        };
        let mut known = self.known();
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(key, (tier, now));
        Ok(tier)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<(RepoName, Login), (Tier, Timestamp)>> {
        self.known.lock().expect("no holder of this lock panics")
    }
}

impl Account {
    /// The account name as REST and webhooks write it: GraphQL leaves out the suffix of bots.
    pub(super) fn login(&self) -> Option<Login> {
        if self.bot() && !self.login.ends_with("[bot]") {
            return format!("{}[bot]", self.login).parse().ok();
        }
        self.login.parse().ok()
    }

    fn bot(&self) -> bool {
        self.kind.as_deref() == Some("Bot")
    }
}

impl Cast {
    /// The author of a text. A deleted account is shown as `ghost`, as GitHub does, and trusted with nothing.
    pub(super) fn author(&self, account: Option<&Account>) -> Author {
        let Some((account, login)) = account.and_then(|account| Some((account, account.login()?))) else {
            let login = "ghost".parse().expect("it is a valid login");
            return Author { login, tier: Tier::Stranger, own: false, bot: false, reviewer: false };
        };
        let tier = self.tiers.get(&login).copied().unwrap_or(Tier::Stranger);
        Author { own: login == self.own, bot: account.bot(), reviewer: false, tier, login }
    }
}

async fn ask(transport: &Transport, repo: &RepoName, login: &Login) -> Result<Tier, Error> {
    let answer = transport.get(repo, &["collaborators", login.as_str(), "permission"], &[]).await?;
    Ok(answer.json::<Permission>()?.tier())
}

#[derive(Debug, Deserialize)]
struct Permission {
    /// `admin`, `write`, `read` or `none`; maintaining counts as `write` here.
    permission: Option<String>,
    /// `maintain` or `triage` too, or the name of a role that an organisation made itself.
    role_name: Option<String>,
}

impl Permission {
    fn tier(&self) -> Tier {
        match (self.permission.as_deref(), self.role_name.as_deref()) {
            (Some("admin" | "maintain"), _) | (Some("write"), Some("maintain" | "admin")) => Tier::Maintainer,
            (Some("write"), _) => Tier::Collaborator,
            _ => Tier::Stranger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_write_access_makes_a_collaborator() {
        let tier = |permission: &str, role: Option<&str>| {
            Permission { permission: Some(permission.to_owned()), role_name: role.map(str::to_owned) }.tier()
        };
        assert_eq!(tier("admin", Some("admin")), Tier::Maintainer);
        assert_eq!(tier("write", Some("maintain")), Tier::Maintainer);
        assert_eq!(tier("write", Some("write")), Tier::Collaborator);
        assert_eq!(tier("write", Some("release captain")), Tier::Collaborator);
        assert_eq!(tier("read", Some("triage")), Tier::Stranger);
        // A role that was only named like a powerful one.
        assert_eq!(tier("read", Some("maintain")), Tier::Stranger);
        assert_eq!(tier("none", None), Tier::Stranger);
        assert_eq!(tier("sparkling", None), Tier::Stranger);
    }

    #[test]
    fn a_bot_is_named_as_webhooks_name_it() {
        let bot: Account = serde_json::from_str(r#"{"__typename": "Bot", "login": "dependabot"}"#).unwrap();
        let same: Account = serde_json::from_str(r#"{"type": "Bot", "login": "dependabot[bot]"}"#).unwrap();
        assert_eq!(bot.login(), same.login());
        assert_eq!(bot.login().unwrap().as_str(), "dependabot[bot]");
    }

    #[test]
    fn a_deleted_account_is_a_stranger_called_ghost() {
        let cast = Cast { own: "mona".parse().unwrap(), tiers: BTreeMap::new() };
        let ghost =
            Author { login: "ghost".parse().unwrap(), tier: Tier::Stranger, own: false, bot: false, reviewer: false };
        assert_eq!(cast.author(None), ghost);
    }
}
