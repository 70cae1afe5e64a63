//! One typist at a time per launch, first come, first served.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Address;

/// The right to type, per launch.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<BTreeMap<Address, Arc<Semaphore>>>);

/// The right to type into one launch; dropping it hands it on.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held, never read")] OwnedSemaphorePermit);

impl Turns {
    /// Nobody types anywhere.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Waits for the right to type into `address`.
    pub(crate) async fn take(&self, address: &Address) -> Turn {
        let turn = {
            let mut turns = self.0.lock().expect("no holder of this lock panics");
            // What nobody holds or waits for is forgotten.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(address.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        Turn(turn.acquire_owned().await.expect("nobody closes it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::address;

    #[tokio::test]
    async fn turns_of_one_launch_follow_each_other_and_others_do_not_wait() {
        let turns = Turns::new();
        let (one, ten) = (address("t-1", 1), address("t-10", 1));
        let first = turns.take(&one).await;
        let other = turns.take(&ten).await;

        let second = turns.take(&one);
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        drop(other);

        drop(turns.take(&one).await);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
