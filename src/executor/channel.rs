//! How a prompt reaches an agent: through its inbox, its own queue, or its terminal; the first that is open.
//!
//! Whatever a channel may have done with a prompt is known before another one is tried: a prompt that cannot be taken back
//! goes no second way.

use std::{io, time::Duration};

use tracing::{debug, warn};

use super::{Claim, Executor, look::chain, prompt::Composed};
use crate::{
    agent::{
        self,
        inbox::{Inbox, Place},
    },
    boundary,
    clock::Stopwatch,
    machine::session,
    model::{Cause, Channel, PromptId, Submission},
    process::{self, Command},
    runtime::{self, Address, Message, Runtime},
};

/// How long an agent that says that it takes prompts from its inbox may take to do so. What stands in the way is only the
/// machine, so it is not divided by the scale of time.
const TAKING: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const TICK: Duration = Duration::from_millis(5);
/// How long a command of the agent's program may run.
const COMMAND: Duration = Duration::from_secs(20);

/// A prompt whose words stand in the journal.
pub(super) struct Ready<'a> {
    pub(super) session: &'a session::State,
    pub(super) address: &'a Address,
    pub(super) message: &'a Message,
    pub(super) composed: &'a Composed,
}

impl Executor {
    /// Hands a prompt to the agent on the best way that is open; none if none is. An error is the terminal's: then it was not
    /// handed over, or the runtime has to say how far it got.
    pub(super) async fn hand_over(
        &self,
        ready: &Ready<'_>,
        runtime: &dyn Runtime,
        claim: &Claim,
    ) -> Option<(Channel, Result<Submission, runtime::Error>)> {
        let channels = self.agent_settings(&ready.session.agent.name).channels;
        for channel in Channel::ALL.into_iter().filter(|channel| channels.contains(channel)) {
            let handed = match channel {
                Channel::Inbox => self.place_in_inbox(ready).await,
                Channel::Queue => self.put_into_queue(ready, claim).await,
                Channel::Terminal => {
                    // Who still waits there would not look at the terminal.
                    self.dismiss(ready.address);
                    let gate = self.gate(&ready.session.agent.name);
                    return Some((channel, runtime.submit(ready.address, ready.message, &gate).await));
                }
            };
            if let Some(submission) = handed {
                return Some((channel, Ok(submission)));
            }
        }
        None
    }

    /// None if nobody takes it there, and nobody will.
    async fn place_in_inbox(&self, ready: &Ready<'_>) -> Option<Submission> {
        let inbox = self.inbox(ready.address);
        if !inbox.is_attended() {
            return None;
        }
        let prompt = ready.message.prompt();
        inbox.place(prompt, ready.message.text()).ok()?;
        boundary::cross("executor: placed in the inbox, not recorded");
        let watch = Stopwatch::start();
        while inbox.place_of(prompt) == Place::Placed && inbox.is_attended() && watch.elapsed() < TAKING {
            tokio::time::sleep(TICK).await;
        }
        settled(&inbox.withdraw(prompt))
    }

    /// None if the agent has no queue, or has none yet.
    async fn put_into_queue(&self, ready: &Ready<'_>, claim: &Claim) -> Option<Submission> {
        let session = ready.session;
        // The queue outlives the agent, and the task itself is said again to the next one.
        let said_again = ready.composed.references.iter().any(|reference| matches!(reference.cause, Cause::Task));
        if said_again || session.activity() != Some(session::Activity::Idle) {
            return None;
        }
        let (start, conversation) = (self.start_of(ready.address, session), session.agent_session.as_deref()?);
        let queue = agent::queue(&start, conversation, ready.message.text()).ok().flatten()?;
        let run = |argv: Vec<String>| {
            let command = Command::new(&argv[0]).args(&argv[1..]).dir(&session.workspace).envs(queue.env.clone());
            command.deadline(COMMAND).run()
        };
        if !run(queue.probe.clone()).await.is_ok_and(|output| output.success()) {
            debug!(session.name = %session.session, "This version of the agent has no queue");
            return None;
        }
        // Whoever finds this note does not know whether the command ran.
        let note = serde_json::to_string(&Composed { queued: true, ..ready.composed.clone() }).ok()?;
        if !claim.note(&*self.journal, note, None).await.is_ok_and(|ours| ours) {
            return Some(Submission::Untouched);
        }
        boundary::cross("executor: queue noted, not asked");
        let output = run(queue.send).await;
        boundary::cross("executor: queued, not recorded");
        match output {
            Ok(output) if output.success() => Some(Submission::Submitted),
            Ok(output) => {
                warn!(session.name = %session.session, said = output.stderr_text(), "The agent's queue did not take a prompt");
                Some(Submission::Indeterminate)
            }
            Err(error @ process::Error::NotStarted { .. }) => {
                debug!(session.name = %session.session, error = %chain(&error), "The agent's queue was not asked");
                None
            }
            Err(error) => {
                warn!(session.name = %session.session, error = %chain(&error), "The agent's queue could not be asked");
                Some(Submission::Indeterminate)
            }
        }
    }

    /// What the channels beside the terminal know of a prompt that somebody began to send who died; none if it went
    /// through none of them, and never will.
    pub(super) fn handed_before(
        &self,
        address: &Address,
        prompt: &PromptId,
        composed: &Composed,
    ) -> Option<(Channel, Submission)> {
        if composed.queued {
            return Some((Channel::Queue, Submission::Indeterminate));
        }
        settled(&self.inbox(address).withdraw(prompt)).map(|submission| (Channel::Inbox, submission))
    }

    /// Lets an agent go on whose hook waits for more.
    pub(super) fn dismiss(&self, address: &Address) {
        if let Err(error) = self.inbox(address).dismiss() {
            debug!(session.name = %address.session, %error, "Could not dismiss the hook of {address}");
        }
    }

    fn inbox(&self, address: &Address) -> Inbox {
        Inbox::of(&self.places.launch(&address.session, address.generation))
    }
}

fn settled(place: &io::Result<Place>) -> Option<Submission> {
    match place {
        Ok(Place::Nowhere) => None,
        Ok(Place::Taken) => Some(Submission::Submitted),
        Ok(Place::Placed) | Err(_) => Some(Submission::Indeterminate),
    }
}
