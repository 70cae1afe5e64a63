//! The delivery log of the webhook: what is to be sent, what was sent, and what came back. Pure.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// The number of the one hook.
pub(crate) const HOOK_ID: u64 = 391_077;

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The receiver.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: String,
}

/// What the hook is set to, beside where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookSettings {
    /// Whether anything is delivered.
    pub(crate) active: bool,
    /// What is delivered; `*` is everything.
    pub(crate) events: Vec<String>,
    /// `json` or `form`. Only its name is kept: deliveries are JSON.
    pub(crate) content_type: String,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self { active: true, events: vec!["*".to_owned()], content_type: "json".to_owned() }
    }
}

/// Whether deliveries go out by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Policy {
    /// In order, one at a time.
    #[default]
    Send,
    /// Only when a test says so.
    Hold,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// Waits for its turn.
    Pending,
    /// Waits for a test's word.
    Held,
    /// Was sent at least once; its attempts say with what outcome.
    Sent,
    /// Never to be sent: lost on its way.
    Dropped,
}

/// One delivery with everything that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the delivery log.
    pub id: u64,
    /// `X-GitHub-Delivery`; a redelivery keeps it.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The action in the payload.
    pub action: Option<String>,
    /// The repository that it is about.
    pub repository_id: u64,
    /// The exact body.
    pub payload: String,
    /// When it came into being.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// What was tried, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Its number in the delivery log.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// The receiver's HTTP status; 0 if there was no answer in time.
    pub status: u16,
    /// In words, as GitHub's log has them.
    pub outcome: String,
    /// Whether somebody asked for it.
    pub redelivery: bool,
}

impl Delivery {
    /// Whether an attempt was answered with 2xx.
    #[must_use]
    pub fn arrived(&self) -> bool {
        self.attempts.iter().any(|attempt| (200..300).contains(&attempt.status))
    }
}

/// The hook and its deliveries.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// Where to; without it nothing is posted.
    pub(crate) webhook: Option<Webhook>,
    /// What is delivered there.
    pub(crate) settings: HookSettings,
    /// Whether deliveries go out by themselves.
    pub(crate) policy: Policy,
    /// Everything posted, oldest first.
    pub(crate) deliveries: Vec<Delivery>,
    now: Timestamp,
}

impl Mailbox {
    /// Sets the time of what is posted next.
    pub(crate) const fn at(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Posts one delivery.
    pub(crate) fn post(&mut self, id: u64, repository_id: u64, (event, action): (&str, Option<&str>), payload: String) {
        let wanted = |wanted: &String| wanted == "*" || wanted == event;
        let subscribed = self.settings.active && self.settings.events.iter().any(wanted);
        // A ping is no event: it tells whether the hook itself works.
        if self.webhook.is_none() || !(subscribed || event == "ping") {
            return;
        }
        let state = match self.policy {
            Policy::Send => DeliveryState::Pending,
            Policy::Hold => DeliveryState::Held,
        };
        self.deliveries.push(Delivery {
            id,
            guid: guid(id, &payload),
            event: event.to_owned(),
            action: action.map(ToOwned::to_owned),
            repository_id,
            payload,
            created_at: self.now,
            state,
            attempts: Vec::new(),
        });
    }

    /// The delivery of this number; the number of an attempt names its delivery too, as in GitHub's API.
    pub(crate) fn find(&mut self, id: u64) -> Option<&mut Delivery> {
        let is_it =
            |delivery: &&mut Delivery| delivery.id == id || delivery.attempts.iter().any(|attempt| attempt.id == id);
        self.deliveries.iter_mut().find(is_it)
    }

    /// The oldest delivery that waits for its turn.
    pub(crate) fn next_pending(&self) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.state == DeliveryState::Pending)
    }
}

/// A GUID that the same run of the same world makes again.
fn guid(id: u64, payload: &str) -> String {
    let digest = hex::encode(Sha256::new().chain_update(id.to_be_bytes()).chain_update(payload).finalize());
    format!("{}-{}-4{}-8{}-{}", &digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32])
}
