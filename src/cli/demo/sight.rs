//! What people can see of the story, and what they wait for. People act on this and on nothing else.

use tokio::sync::watch;

use crate::{
    event::{self, Event},
    journal::Entry,
    machine,
    simulator::{Conclusion, Happened},
};

/// How the story stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Whether a daemon came up.
    pub(super) attended: bool,
    /// The pull request, once there is one.
    pub(super) pull: Option<u64>,
    /// Its newest commit.
    pub(super) head: String,
    /// Whether CI passed on that.
    pub(super) verdict: Option<Conclusion>,
    /// Words that the daemon keeps from the agent.
    pub(super) withheld: u32,
    /// How far it got.
    pub(super) reached: Reached,
}

/// How far the story got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// Work goes on.
    #[default]
    Work,
    /// The pull request is merged.
    Merge,
    /// The daemon has removed the workspace.
    Clearance,
}

/// The eyes of the people.
pub(super) struct Eyes {
    sight: watch::Receiver<Sight>,
    awaited: watch::Sender<String>,
}

impl Sight {
    /// Takes in what happened on GitHub.
    pub(super) fn happened(&mut self, happened: &Happened) {
        if let Happened::PullOpened { number, head, .. } = happened {
            self.pull = Some(*number);
            self.push(head);
        }
        if let Happened::PullSynchronized { after, .. } = happened {
            self.push(after);
        }
        if let Happened::CheckFinished { sha, conclusion, .. } = happened
            && *sha == self.head
        {
            self.verdict = Some(*conclusion);
        }
        if matches!(happened, Happened::PullMerged { .. }) {
            self.reached = self.reached.max(Reached::Merge);
        }
    }

    /// Takes in what the daemon wrote down.
    pub(super) fn noted(&mut self, entry: &Entry) {
        if let Event::Pull(event::Pull::Observed { snapshot, .. }) = &entry.event {
            self.withheld = machine::reviews_of::withheld(snapshot);
        }
        if matches!(entry.event, Event::Task(event::Task::WorkspaceRemoved)) {
            self.reached = self.reached.max(Reached::Clearance);
        }
    }

    /// Whether CI passed on the newest commit.
    pub(super) fn is_green(&self) -> bool {
        self.verdict == Some(Conclusion::Success)
    }

    fn push(&mut self, head: &str) {
        self.head = head.to_owned();
        self.verdict = None;
    }
}

impl Eyes {
    /// Eyes that see what is sent to `sight`, and say to `awaited` what they look out for.
    pub(super) const fn new(sight: watch::Receiver<Sight>, awaited: watch::Sender<String>) -> Self {
        Self { sight, awaited }
    }

    /// Waits until the story stands as wanted.
    pub(super) async fn until(&mut self, what: &str, wanted: impl FnMut(&Sight) -> bool) -> anyhow::Result<Sight> {
        self.awaited.send_replace(what.to_owned());
        Ok(self.sight.wait_for(wanted).await?.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_on_an_older_commit_says_nothing() {
        let mut sight = Sight::default();
        let (repo, actor) = ("a/b".to_owned(), "ada".to_owned());
        let head = |head: &str| head.to_owned();
        let finished = |sha: &str, conclusion| Happened::CheckFinished {
            repo: "a/b".to_owned(),
            number: 2,
            sha: sha.to_owned(),
            attempt: 1,
            conclusion,
        };

        sight.happened(&Happened::PullOpened { repo, number: 2, actor, head: head("new"), title: String::new() });
        sight.happened(&finished("old", Conclusion::Success));
        assert_eq!((sight.pull, sight.is_green()), (Some(2), false));

        sight.happened(&finished("new", Conclusion::Success));
        assert!(sight.is_green());
    }
}
