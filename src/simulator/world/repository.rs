//! A repository: its settings, branches, labels, and what hangs on its commits.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{Issue, Kind, Mergeability, Pull, Refusal, Report, Run, Status, World};
use crate::simulator::happened::Happened;

/// A repository.
#[derive(Debug)]
pub(crate) struct Repository {
    /// Its number.
    pub(crate) id: u64,
    /// Who owns it.
    pub(crate) owner: String,
    /// Its name without the owner.
    pub(crate) name: String,
    /// The full name of the repository that this one is a fork of. Nobody installed a webhook at a fork.
    pub(crate) parent: Option<String>,
    /// The branch that pull requests go into by default.
    pub(crate) default_branch: String,
    /// Branches and the commits they point to.
    pub(crate) branches: BTreeMap<String, String>,
    /// What is known of commits, by SHA.
    pub(crate) commits: BTreeMap<String, Commit>,
    /// Commits that GitHub itself made and signed.
    pub(crate) signed: BTreeSet<String>,
    /// Labels by name.
    pub(crate) labels: BTreeMap<String, Label>,
    /// Issues and pull requests by number.
    pub(crate) issues: BTreeMap<u64, Issue>,
    /// Workflow runs, oldest first.
    pub(crate) runs: Vec<Run>,
    /// Commit statuses, oldest first.
    pub(crate) statuses: Vec<Status>,
    /// Check runs that apps reported, oldest first.
    pub(crate) reports: Vec<Report>,
    /// Permissions that differ from the default.
    pub(crate) permissions: BTreeMap<String, String>,
    /// Active rules by branch, as `GET /rules/branches/…` answers them.
    pub(crate) rules: BTreeMap<String, Vec<Value>>,
    /// Classic protection by branch.
    pub(crate) protection: BTreeMap<String, RequiredChecks>,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When somebody last pushed.
    pub(crate) pushed_at: Timestamp,
}

/// Checks that classic branch protection demands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequiredChecks {
    /// Whether the branch must be up to date with its base.
    pub strict: bool,
    /// Names of checks.
    pub contexts: Vec<String>,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// Its number.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
}

/// A commit as git knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Commit {
    /// Its name.
    pub(crate) sha: String,
    /// Its tree.
    pub(crate) tree: String,
    /// Its parents.
    pub(crate) parents: Vec<String>,
    /// Who wrote it.
    pub(crate) author_name: String,
    /// The address of who wrote it.
    pub(crate) author_email: String,
    /// When, as git prints it (ISO 8601, strict).
    pub(crate) date: String,
    /// The message.
    pub(crate) message: String,
    /// Files that came.
    pub(crate) added: Vec<String>,
    /// Files that went.
    pub(crate) removed: Vec<String>,
    /// Files that changed.
    pub(crate) modified: Vec<String>,
}

impl Repository {
    /// Owner and name.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// An issue or pull request.
    pub(crate) fn issue(&self, number: u64) -> Result<&Issue, Refusal> {
        self.issues.get(&number).ok_or(Refusal::NotFound)
    }

    /// The same, to change it.
    pub(crate) fn issue_mut(&mut self, number: u64) -> Result<&mut Issue, Refusal> {
        self.issues.get_mut(&number).ok_or(Refusal::NotFound)
    }

    /// A pull request with its issue.
    pub(crate) fn pull(&self, number: u64) -> Result<(&Issue, &Pull), Refusal> {
        let issue = self.issue(number)?;
        Ok((issue, issue.pull.as_ref().ok_or(Refusal::NotFound)?))
    }

    /// The same, to change it.
    pub(crate) fn pull_mut(&mut self, number: u64) -> Result<&mut Pull, Refusal> {
        self.issue_mut(number)?.pull.as_mut().ok_or(Refusal::NotFound)
    }

    /// Every pull request with its issue, by number.
    pub(crate) fn pulls(&self) -> impl Iterator<Item = (&Issue, &Pull)> {
        self.issues.values().filter_map(|issue| issue.pull.as_ref().map(|pull| (issue, pull)))
    }

    /// The number of the next issue or pull request.
    pub(crate) fn next_number(&self) -> u64 {
        self.issues.last_key_value().map_or(1, |(number, _)| number + 1)
    }

    /// Names of checks that the rules of a branch demand, from rulesets and classic protection.
    pub(crate) fn required_checks(&self, branch: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.protection.get(branch).map(|protection| protection.contexts.clone()).unwrap_or_default();
        for rule in self.rules_of(branch, "required_status_checks") {
            let checks = rule["parameters"]["required_status_checks"].as_array();
            names.extend(
                checks.into_iter().flatten().filter_map(|check| check["context"].as_str()).map(ToOwned::to_owned),
            );
        }
        names.sort();
        names.dedup();
        names
    }

    /// Whether a branch going into this one must be up to date.
    pub(crate) fn strict(&self, branch: &str) -> bool {
        self.protection.get(branch).is_some_and(|protection| protection.strict)
            || self
                .rules_of(branch, "required_status_checks")
                .any(|rule| rule["parameters"]["strict_required_status_checks_policy"].as_bool() == Some(true))
    }

    /// How many approvals the rules of a branch demand.
    pub(crate) fn required_approvals(&self, branch: &str) -> u64 {
        self.rules_of(branch, "pull_request")
            .filter_map(|rule| rule["parameters"]["required_approving_review_count"].as_u64())
            .max()
            .unwrap_or(0)
    }

    /// Whether a branch has rules or protection.
    pub(crate) fn protected(&self, branch: &str) -> bool {
        self.protection.contains_key(branch) || self.rules.get(branch).is_some_and(|rules| !rules.is_empty())
    }

    fn rules_of<'a>(&'a self, branch: &str, kind: &'static str) -> impl Iterator<Item = &'a Value> {
        self.rules.get(branch).into_iter().flatten().filter(move |rule| rule["type"] == kind)
    }
}

impl World {
    /// Registers an empty repository.
    pub(crate) fn create_repository(&mut self, full_name: &str) -> Result<(), Refusal> {
        let Some((owner, name)) =
            full_name.split_once('/').filter(|(owner, name)| !owner.is_empty() && !name.is_empty())
        else {
            return Err(Refusal::unprocessable("Repository", "name must be OWNER/NAME"));
        };
        if self.repositories.contains_key(full_name) {
            return Err(Refusal::unprocessable("Repository", "name already exists on this account"));
        }
        self.account(owner, Kind::Organization);
        self.made += 1;
        let repository = Repository {
            id: 900_000_000 + 11 * self.made,
            owner: owner.to_owned(),
            name: name.to_owned(),
            parent: None,
            default_branch: "main".to_owned(),
            branches: BTreeMap::new(),
            commits: BTreeMap::new(),
            signed: BTreeSet::new(),
            labels: BTreeMap::new(),
            issues: BTreeMap::new(),
            runs: Vec::new(),
            statuses: Vec::new(),
            reports: Vec::new(),
            permissions: BTreeMap::new(),
            rules: BTreeMap::new(),
            protection: BTreeMap::new(),
            created_at: self.now,
            pushed_at: self.now,
        };
        self.repositories.insert(full_name.to_owned(), repository);
        self.happened(Happened::RepositoryCreated { repo: full_name.to_owned() });
        Ok(())
    }

    /// The label of this name; one that nobody used before comes into being, as with GitHub's own endpoint.
    pub(crate) fn label(&mut self, repo: &str, name: &str) -> Result<Label, Refusal> {
        let id = self.next_id();
        let labels = &mut self.repository_mut(repo)?.labels;
        Ok(labels.entry(name.to_owned()).or_insert_with(|| Label { id, name: name.to_owned() }).clone())
    }

    /// Forgets what was computed about every open pull request into a branch, and names them.
    pub(crate) fn forget_mergeability(&mut self, repo: &str, base: &str) -> Vec<u64> {
        let Ok(repository) = self.repository_mut(repo) else { return Vec::new() };
        let mut numbers = Vec::new();
        for issue in repository.issues.values_mut().filter(|issue| issue.open) {
            if let Some(pull) = issue.pull.as_mut().filter(|pull| pull.base == base) {
                pull.mergeability = Mergeability::Unknown;
                numbers.push(issue.number);
            }
        }
        numbers
    }
}
