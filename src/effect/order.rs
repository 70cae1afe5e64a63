//! The orders, each with what it needs to be carried out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, Answer};
use crate::{
    event::{Agent, Event, Work},
    model::{
        Branch, Check, Conversation, Generation, MachineKey, PrNumber, PromptId, PromptRef, RepoId, Rescue, SessionId,
        Sha, TaskId, TextHash,
    },
};

/// An order to the world, or to another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Tells another machine. Carried out by the commit itself: the event lands in the target's inbox in the same
    /// transaction.
    Tell {
        /// Whom.
        to: MachineKey,
        /// What.
        event: Event,
    },
    /// Asks GitHub what is true about a pull request.
    Look {
        /// The repository.
        repo: RepoId,
        /// The pull request.
        number: PrNumber,
        /// The look's serial number.
        look: u64,
        /// The hash of the last snapshot.
        known: Option<TextHash>,
        /// When the rules of the base changed: what is known of them from before is asked for anew.
        rules_since: Option<Timestamp>,
    },
    /// Reads the logs of failed checks.
    Triage {
        /// The repository.
        repo: RepoId,
        /// The pull request.
        number: PrNumber,
        /// The head that the checks belong to.
        head: Sha,
        /// The failed checks.
        checks: Vec<Check>,
    },
    /// Asks GitHub which issues and pull requests are open.
    LookRepository {
        /// The repository.
        repo: RepoId,
        /// What guards the list of pull requests that is known.
        #[serde(default)]
        known: Option<String>,
    },
    /// Makes a task's workspace.
    Prepare {
        /// The task.
        task: TaskId,
        /// Its repository.
        repo: RepoId,
        /// Its branch.
        branch: Branch,
    },
    /// Makes a task's workspace ready to be worked in.
    SetUp {
        /// The task.
        task: TaskId,
        /// Its repository.
        repo: RepoId,
    },
    /// Opens a task's pull request, if its branch has a new commit on GitHub.
    OpenPull {
        /// The task.
        task: TaskId,
        /// Its repository.
        repo: RepoId,
        /// Its branch.
        branch: Branch,
        /// What the pull request is about.
        work: Work,
    },
    /// Removes a task's workspace, unless it holds work that exists nowhere else.
    RemoveWorkspace {
        /// The task.
        task: TaskId,
        /// Its repository.
        repo: RepoId,
        /// Its branch.
        branch: Branch,
        /// Its pull request: GitHub keeps the commits of one, also when it was squashed and its branch deleted.
        pull: Option<PrNumber>,
        /// Whether such work is kept under a ref, and the workspace removed all the same.
        #[serde(default)]
        rescue: bool,
    },
    /// Removes the build output of a task's workspace.
    PruneOutput {
        /// The task.
        task: TaskId,
    },
    /// Brings a task's workspace back as it was when it was rescued.
    RestoreWorkspace {
        /// Its repository.
        repo: RepoId,
        /// Its branch.
        branch: Branch,
        /// What keeps it.
        rescue: Rescue,
    },
    /// Starts an agent.
    Launch {
        /// The session.
        session: SessionId,
        /// Which launch.
        generation: Generation,
        /// Its repository.
        repo: RepoId,
        /// What to start.
        agent: Agent,
        /// The workspace that it works in.
        workspace: String,
        /// Which conversation it goes on with.
        #[serde(default)]
        conversation: Conversation,
    },
    /// Composes a prompt on the newest facts and hands it to the runtime, at most once.
    Prompt {
        /// The session.
        session: SessionId,
        /// Which launch may get it.
        generation: Generation,
        /// The prompt's id.
        prompt: PromptId,
        /// What it answers.
        references: Vec<PromptRef>,
    },
    /// Tells an agent whose hook waits at the end of a turn that there is nothing more to do.
    Dismiss {
        /// The session.
        session: SessionId,
        /// Which launch waits.
        generation: Generation,
    },
    /// Looks for the receipt of a submitted prompt.
    SeekReceipt {
        /// The session.
        session: SessionId,
        /// Which launch got it.
        generation: Generation,
        /// The prompt.
        prompt: PromptId,
        /// Where the agent writes its transcript, if it said so.
        transcript: Option<String>,
    },
    /// Reads in the agent's records what its conversation used.
    Meter {
        /// The session.
        session: SessionId,
        /// Which launch.
        generation: Generation,
        /// Where the agent writes its transcript, if it said so.
        transcript: Option<String>,
    },
    /// Ends an agent's process group.
    Stop {
        /// The session.
        session: SessionId,
        /// Which launch.
        generation: Generation,
    },
    /// Carries out one action of a rule.
    Act(Act),
    /// Answers a comment that spoke to Antiphon.
    Answer {
        /// The repository.
        repo: RepoId,
        /// The pull request.
        number: PrNumber,
        /// How.
        answer: Answer,
    },
    /// Says on a commit, in one line, what Antiphon is doing about its pull request.
    Report {
        /// The repository.
        repo: RepoId,
        /// The pull request.
        number: PrNumber,
        /// The commit.
        head: Sha,
        /// The line.
        line: String,
    },
}
