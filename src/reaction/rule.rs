//! A rule that was let in: typed, complete, every default filled in.

use std::{collections::BTreeMap, time::Duration};

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AgentName, IncidentKind, RuleName, Tier};

use super::{Broken, Condition, Context, Retry, Template, condition::holds};

/// A rule of the reaction language.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its identity.
    pub name: RuleName,
    /// What it is for.
    pub description: String,
    /// The incidents that it answers, sorted.
    pub on: Vec<IncidentKind>,
    /// It answers only if this holds.
    pub condition: Option<Condition>,
    /// Which checks count.
    pub checks: Checks,
    /// Quiet time before the prompt.
    pub settle: Duration,
    /// The least trust that a quoted text needs.
    pub trust: Tier,
    /// What is done, in order.
    pub actions: Vec<Step>,
    /// How often.
    pub retry: Retry,
    /// When people are called.
    pub escalate: Option<Escalation>,
    /// Whether it runs next to the rule that answers.
    pub beside: bool,
    /// Whether it acts.
    pub mode: Mode,
    /// Whether the operator locked it: it is asked before the rules of repositories.
    pub lock: bool,
    /// Where each field was set last, by its dotted name.
    pub origins: BTreeMap<String, Origin>,
    /// The most specific source that set a field.
    pub layer: Layer,
}

/// One action, and under which condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// It is skipped unless this holds.
    pub condition: Option<Condition>,
    /// What is done.
    pub action: Action,
}

/// What a rule can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Starts a session for the issue, with this first prompt.
    Spawn(Template),
    /// Starts the agent of the session again.
    Restart {
        /// With a new conversation; otherwise it goes on where it stopped.
        fresh: bool,
    },
    /// Lets another agent go on.
    Handoff(Successor),
    /// Says this to the agent.
    Prompt(Template),
    /// Opens the pull request of the task.
    OpenPull,
    /// Runs the failed jobs again, once for each head and workflow run.
    Rerun,
    /// Comments on the pull request or issue.
    Comment(Template),
    /// Says this in each thread that was answered, when it was.
    Reply(Template),
    /// Resolves each thread that a commit has answered, when it has.
    Resolve,
    /// Adds this label to the pull request or issue.
    Label(String),
    /// Tells people.
    Notify {
        /// How loud.
        priority: Priority,
        /// What is said. `None`: the summary of the incident.
        text: Option<Template>,
    },
    /// Merges the pull request, in the way that the settings of the repository say.
    Merge,
    /// Has GitHub merge the base into the branch of the pull request.
    UpdateBranch,
}

/// Which agent goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Successor {
    /// The one that the settings of the agent that runs name, if they name one.
    Fallback,
    /// This one.
    Named(AgentName),
}

/// When people are called, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// After so many attempts, at most as many as there are.
    pub attempts: u32,
    /// So long after the incident began, if that is earlier.
    pub time: Option<Duration>,
    /// What is done, once.
    pub actions: Vec<Step>,
}

/// Which checks count for `checks-failed`.
#[derive(Debug, Clone)]
pub enum Checks {
    /// Those that the base branch requires.
    Required,
    /// All of them.
    All,
    /// Those with one of these names; `*` stands for anything.
    Named(Vec<GlobMatcher>),
}

/// The least trust that a quoted text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Anybody's text is quoted.
    Stranger,
    /// The author may write to the repository.
    Collaborator,
    /// The author may maintain or administer the repository.
    Maintainer,
}

/// How loud a notification is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// For whoever looks.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Somebody should look soon.
    High,
    /// Somebody must look now.
    Urgent,
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It acts.
    #[default]
    Live,
    /// It decides and records, but does nothing.
    Shadow,
}

/// Where rules come from; later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Comes with Antiphon.
    Shipped,
    /// Stands beside the settings of this installation.
    Operator,
    /// Stands on the base branch of the repository.
    Repository,
}

/// Where a field was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// By whom.
    pub layer: Layer,
    /// In which file.
    pub file: String,
    /// On which line, counted from 1.
    pub line: usize,
}

impl Rule {
    /// Whether the rule's condition holds for these facts.
    ///
    /// # Errors
    ///
    /// [`Broken`] when it cannot be evaluated.
    pub fn answers(&self, context: &Context) -> Result<bool, Broken> {
        applies(self.condition.as_ref(), context)
    }

    /// Whether the rule answers, once it is sure that every condition in it can be evaluated.
    ///
    /// # Errors
    ///
    /// [`Broken`] when one cannot: a rule that breaks in the middle has done half of what it should.
    pub fn answers_in_full(&self, context: &Context) -> Result<bool, Broken> {
        let holds = self.answers(context)?;
        for step in self.actions.iter().filter(|_| holds) {
            step.applies(context)?;
        }
        Ok(holds)
    }

    pub(super) fn sped_up(mut self, factor: u32) -> Self {
        self.settle /= factor.max(1);
        self.retry.backoff = self.retry.backoff.sped_up(factor);
        if let Some(Escalation { time: Some(time), .. }) = &mut self.escalate {
            *time /= factor.max(1);
        }
        self
    }
}

impl Step {
    /// Whether the action is due for these facts.
    ///
    /// # Errors
    ///
    /// [`Broken`] when its condition cannot be evaluated.
    pub fn applies(&self, context: &Context) -> Result<bool, Broken> {
        applies(self.condition.as_ref(), context)
    }
}

impl Action {
    /// The word for it in a rule.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Spawn(_) => "spawn",
            Self::Restart { .. } => "restart",
            Self::Handoff(_) => "handoff",
            Self::Prompt(_) => "prompt",
            Self::OpenPull => "open-pull",
            Self::Rerun => "rerun",
            Self::Comment(_) => "comment",
            Self::Reply(_) => "reply",
            Self::Resolve => "resolve",
            Self::Label(_) => "label",
            Self::Notify { .. } => "notify",
            Self::Merge => "merge",
            Self::UpdateBranch => "update-branch",
        }
    }
}

impl From<AgentName> for Successor {
    fn from(name: AgentName) -> Self {
        if name.as_str() == AgentName::FALLBACK { Self::Fallback } else { Self::Named(name) }
    }
}

impl Checks {
    /// Whether a check of this name counts.
    #[must_use]
    pub fn include(&self, name: &str, required: bool) -> bool {
        match self {
            Self::Required => required,
            Self::All => true,
            Self::Named(globs) => globs.iter().any(|glob| glob.is_match(name)),
        }
    }
}

impl From<Trust> for Tier {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Stranger => Self::Stranger,
            Trust::Collaborator => Self::Collaborator,
            Trust::Maintainer => Self::Maintainer,
        }
    }
}

fn applies(condition: Option<&Condition>, context: &Context) -> Result<bool, Broken> {
    condition.map_or(Ok(true), |condition| holds(condition, context))
}
