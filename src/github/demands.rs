//! What the rules of a branch demand of a pull request into it: which checks, known before any of them reports.
//!
//! Rulesets and classic protection are asked; what either demands counts. The answer is kept for ten minutes, and thrown
//! away when GitHub says that rules changed. Whoever may not read the rules knows of none, and GitHub's own word on
//! single checks (`isRequired`) still counts. It judges nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Client, Error, transport::Transport};
use crate::{
    clock::Clock,
    model::{Branch, CheckName, RepoName},
};

const KEEP: SignedDuration = SignedDuration::from_mins(10);
/// More branches than this are not remembered at once.
const KEPT_MAX: usize = 1_000;

/// What one branch demands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Demands {
    /// Names of checks, each with the number of the only app whose report counts, if one is named.
    pub(super) checks: BTreeSet<(CheckName, Option<u64>)>,
    /// Paths of workflow files that must have run.
    pub(super) workflows: BTreeSet<String>,
}

/// Remembers what branches demand, and when they were asked about.
#[derive(Debug)]
pub(super) struct Known {
    clock: Clock,
    by_branch: Mutex<ByBranch>,
}

type ByBranch = BTreeMap<(RepoName, Branch), (Arc<Demands>, Timestamp)>;

impl Known {
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, by_branch: Mutex::new(BTreeMap::new()) }
    }

    /// What `branch` demands.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say. That we may not know is an answer: nothing is known.
    pub(super) async fn of(
        &self,
        transport: &Transport,
        repo: &RepoName,
        branch: &Branch,
    ) -> Result<Arc<Demands>, Error> {
        let key = (repo.clone(), branch.clone());
        let now = self.clock.now();
        let known = self.lock().get(&key).cloned();
        if let Some((demands, _)) = known.filter(|(_, asked_at)| (*asked_at..*asked_at + KEEP).contains(&now)) {
            return Ok(demands);
        }
        let demands = Arc::new(ask(transport, repo, branch).await?);
        let mut by_branch = self.lock();
        if by_branch.len() >= KEPT_MAX {
            by_branch.clear();
        }
        by_branch.insert(key, (demands.clone(), now));
        Ok(demands)
    }

    fn lock(&self) -> MutexGuard<'_, ByBranch> {
        self.by_branch.lock().expect("no holder of this lock panics")
    }
}

impl Client {
    /// Forgets what branches of a repository demanded before `since`, because its rules changed then.
    pub fn rules_changed(&self, repo: &RepoName, since: Timestamp) {
        self.demands().lock().retain(|(of, _), (_, asked_at)| of != repo || *asked_at > since);
    }
}

async fn ask(transport: &Transport, repo: &RepoName, branch: &Branch) -> Result<Demands, Error> {
    let mut demands = Demands::default();
    let rules = transport.list::<Rule>(repo, &["rules", "branches", branch.as_str()], &[]).await;
    for rule in allowed(rules)?.unwrap_or_default() {
        demands.add(rule);
    }
    let path = ["branches", branch.as_str(), "protection", "required_status_checks"];
    let protection = read::<Protection>(transport, repo, &path).await;
    if let Some(protection) = allowed(protection)? {
        demands.protect(protection);
    }
    Ok(demands)
}

async fn read<T: DeserializeOwned>(transport: &Transport, repo: &RepoName, path: &[&str]) -> Result<T, Error> {
    transport.get(repo, path, &[]).await?.json()
}

/// Neither a branch without rules nor rules that we may not read are an error.
fn allowed<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound | Error::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An active rule of a ruleset. Other kinds than these two demand nothing of checks.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "parameters", rename_all = "snake_case")]
enum Rule {
    RequiredStatusChecks {
        #[serde(default)]
        required_status_checks: Vec<Named>,
    },
    Workflows {
        #[serde(default)]
        workflows: Vec<Workflow>,
    },
    #[serde(untagged)]
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct Named {
    context: String,
    /// Rulesets call the app an integration, classic protection an app; there `-1` stands for any.
    #[serde(alias = "app_id")]
    integration_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Workflow {
    path: String,
}

#[derive(Debug, Deserialize)]
struct Protection {
    #[serde(default)]
    contexts: Vec<String>,
    #[serde(default)]
    checks: Vec<Named>,
}

impl Demands {
    fn add(&mut self, rule: Rule) {
        match rule {
            Rule::RequiredStatusChecks { required_status_checks } => self.name(required_status_checks),
            Rule::Workflows { workflows } => self.workflows.extend(workflows.into_iter().map(|it| it.path)),
            Rule::Other(_) => {}
        }
    }

    /// `contexts` is the older list of the same names, without apps.
    fn protect(&mut self, protection: Protection) {
        let Protection { contexts, checks } = protection;
        let named: BTreeSet<&str> = checks.iter().map(|check| check.context.as_str()).collect();
        let bare = contexts.iter().filter(|context| !named.contains(context.as_str()));
        let bare: Vec<Named> = bare.map(|context| Named { context: context.clone(), integration_id: None }).collect();
        self.name(bare);
        self.name(checks);
    }

    fn name(&mut self, checks: Vec<Named>) {
        let named = checks.into_iter().filter_map(|check| {
            let app = check.integration_id.and_then(|id| u64::try_from(id).ok());
            Some((check.context.parse().ok()?, app))
        });
        self.checks.extend(named);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, NOON, not_found, reply, repo};

    const RULES: &str = "GET /repos/octo/hello/rules/branches/release%2F1?per_page=100&page=1";
    const PROTECTION: &str = "GET /repos/octo/hello/branches/release%2F1/protection/required_status_checks";

    fn branch() -> Branch {
        "release/1".parse().unwrap()
    }

    /// A GitHub that answers about rules and about protection with these statuses and bodies.
    async fn fake(rules: (u16, Value), protection: (u16, Value)) -> Fake {
        Fake::start(move |seen| match seen.line.as_str() {
            RULES => reply(rules.0, &rules.1),
            PROTECTION => reply(protection.0, &protection.1),
            _ => not_found(),
        })
        .await
    }

    async fn of(fake: &Fake) -> Result<Arc<Demands>, Error> {
        fake.client.demands().of(fake.client.transport(), &repo(), &branch()).await
    }

    fn check(name: &str, app: Option<u64>) -> (CheckName, Option<u64>) {
        (name.parse().unwrap(), app)
    }

    // G050, G057, G077 as far: what is demanded is known before it reports, and of which app
    #[tokio::test]
    async fn rulesets_and_protection_demand_together() {
        let rules = json!([
            {"type": "deletion"},
            {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
            {"type": "required_status_checks", "parameters": {
                "strict_required_status_checks_policy": true,
                "required_status_checks": [{"context": "build", "integration_id": 15368}, {"context": "lint"}],
            }},
            {"type": "workflows", "parameters": {"workflows": [
                {"path": ".github/workflows/audit.yml", "repository_id": 1, "ref": "main"},
            ]}},
        ]);
        let protection = json!({
            "strict": false,
            "contexts": ["legacy", "test"],
            "checks": [{"context": "test", "app_id": 7}, {"context": "any", "app_id": -1}],
        });
        let fake = fake((200, rules), (200, protection)).await;

        let demands = of(&fake).await.unwrap();

        let checks = [
            check("any", None),
            check("build", Some(15368)),
            check("legacy", None),
            check("lint", None),
            check("test", Some(7)),
        ];
        let workflows = [".github/workflows/audit.yml".to_owned()];
        assert_eq!(*demands, Demands { checks: checks.into(), workflows: workflows.into() });
    }

    #[tokio::test]
    async fn rules_that_may_not_be_read_are_none_and_rules_that_cannot_be_asked_are_an_error() {
        let no = || json!({"message": "no"});
        let forbidden = fake((404, no()), (403, no())).await;
        assert_eq!(*of(&forbidden).await.unwrap(), Demands::default());

        let broken = fake((200, json!([])), (502, no())).await;
        assert!(of(&broken).await.is_err());
    }

    // G092
    #[tokio::test]
    async fn rules_are_asked_for_once_in_ten_minutes_and_again_when_they_changed() {
        let fake = fake((200, json!([])), (404, json!({}))).await;
        let asked = || fake.lines().iter().filter(|line| *line == RULES).count();

        for (seconds, expected) in [(0, 1), (599, 1), (1, 2)] {
            fake.pass(seconds);
            of(&fake).await.unwrap();
            assert_eq!(asked(), expected, "after another {seconds} s");
        }

        fake.client.rules_changed(&repo(), Timestamp::from_second(NOON + 599).unwrap());
        of(&fake).await.unwrap();
        assert_eq!(asked(), 2, "they changed before they were asked for");
        fake.client.rules_changed(&repo(), Timestamp::from_second(NOON + 600).unwrap());
        of(&fake).await.unwrap();
        assert_eq!(asked(), 3);
    }
}
