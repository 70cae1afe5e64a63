//! What a person sees at a glance: the pull requests of a repository, and what stands under each.

use super::{
    server::Simulator,
    world::{Issue, Pull},
};

/// A pull request in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its number.
    pub number: u64,
    /// The branch to merge.
    pub branch: String,
    /// The newest commit of that branch.
    pub head: String,
    /// Whether it is open.
    pub open: bool,
    /// Whether it was merged.
    pub merged: bool,
    /// Label names, sorted.
    pub labels: Vec<String>,
    /// Author and text of each comment, oldest first.
    pub comments: Vec<(String, String)>,
    /// Numbers of the reviews that are an opinion, oldest first.
    pub opinions: Vec<u64>,
}

impl Simulator {
    /// The pull requests of a repository, oldest first; none if there is no such repository.
    #[must_use]
    pub fn pulls(&self, repo: &str) -> Vec<Glance> {
        self.shared.look(|world| {
            let repository = world.repository(repo);
            repository.map(|it| it.pulls().map(glance).collect()).unwrap_or_default()
        })
    }
}

fn glance((issue, pull): (&Issue, &Pull)) -> Glance {
    Glance {
        number: issue.number,
        branch: pull.head.clone(),
        head: pull.head_sha.clone(),
        open: issue.open,
        merged: pull.merged.is_some(),
        labels: issue.labels.iter().cloned().collect(),
        comments: issue.comments.iter().map(|it| (it.author.clone(), it.body.clone())).collect(),
        opinions: pull.opinions(&issue.author).iter().map(|review| review.id).collect(),
    }
}
