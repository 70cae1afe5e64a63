//! The hand of a test on the webhook deliveries: hold, reorder, double, lose, redeliver.

use reqwest::Client;

use super::{
    adversary::Carried,
    courier,
    mail::{Delivery, DeliveryState, Policy},
    shared::Shared,
};

/// The delivery log and what is done with it. Deliveries are named by their number.
#[derive(Clone)]
pub struct Deliveries {
    shared: Shared,
    client: Client,
}

impl Deliveries {
    pub(super) const fn new(shared: Shared, client: Client) -> Self {
        Self { shared, client }
    }

    /// Everything posted so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Delivery> {
        self.shared.look(|world| world.mail.deliveries.clone())
    }

    /// Those that wait for a word.
    #[must_use]
    pub fn held(&self) -> Vec<Delivery> {
        let held = |delivery: &&Delivery| delivery.state == DeliveryState::Held;
        self.shared.look(|world| world.mail.deliveries.iter().filter(held).cloned().collect())
    }

    /// From now on nothing is sent by itself.
    pub fn hold(&self) {
        self.shared.change(|world| world.mail.policy = Policy::Hold);
    }

    /// From now on everything is sent by itself again, what was held first.
    pub fn release(&self) {
        self.shared.change(|world| {
            world.mail.policy = Policy::Send;
            for delivery in world.mail.deliveries.iter_mut().filter(|one| one.state == DeliveryState::Held) {
                delivery.state = DeliveryState::Pending;
            }
        });
    }

    /// Sends one now. The receiver's status; 0 if there was no answer, `None` if there is no such delivery.
    pub async fn send(&self, id: u64) -> Option<u16> {
        courier::send(&self.shared, &self.client, id).await
    }

    /// Sends one now, two times at the same time.
    pub async fn send_twice(&self, id: u64) -> (Option<u16>, Option<u16>) {
        tokio::join!(self.send(id), self.send(id))
    }

    /// Sends these one after the other.
    pub async fn send_in(&self, order: &[u64]) -> Vec<Option<u16>> {
        let mut answers = Vec::new();
        for id in order {
            answers.push(self.send(*id).await);
        }
        answers
    }

    /// Sends what an adversary made of a delivery. The receiver's status, as with [`Deliveries::send`].
    pub async fn carry(&self, carried: &Carried) -> Option<u16> {
        courier::carry(&self.shared, &self.client, carried).await
    }

    /// Notes that a receiver took a delivery that was handed to it without HTTP.
    pub fn handed_over(&self, id: u64) {
        courier::handed_over(&self.shared, id);
    }

    /// Loses one for good: it never reaches the receiver, and GitHub's log shows no attempt.
    pub fn lose(&self, id: u64) {
        self.shared.change(|world| {
            if let Some(delivery) = world.mail.find(id) {
                delivery.state = DeliveryState::Dropped;
            }
        });
    }

    /// Sends one again with the same GUID and the original bytes.
    pub async fn redeliver(&self, id: u64) -> Option<u16> {
        self.send(id).await
    }

    /// Sends again whatever was tried and never arrived. How many those were.
    pub async fn redeliver_failed(&self) -> usize {
        let failed: Vec<u64> = self
            .all()
            .into_iter()
            .filter(|delivery| delivery.state == DeliveryState::Sent && !delivery.arrived())
            .map(|delivery| delivery.id)
            .collect();
        for id in &failed {
            self.send(*id).await;
        }
        failed.len()
    }
}
