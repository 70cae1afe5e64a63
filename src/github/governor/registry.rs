//! A governor for each credential, made when it is first needed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::{Governor, Manners, Standing};
use crate::clock::Clock;

/// All governors, by the account whose installation a token belongs to; empty for a credential that is good everywhere.
#[derive(Debug)]
pub(in crate::github) struct Governors {
    clock: Clock,
    manners: Manners,
    by_account: Mutex<BTreeMap<String, Arc<Governor>>>,
}

impl Governors {
    pub(in crate::github) const fn new(clock: Clock, manners: Manners) -> Self {
        Self { clock, manners, by_account: Mutex::new(BTreeMap::new()) }
    }

    /// The governor of an account's token.
    pub(in crate::github) fn of(&self, account: &str) -> Arc<Governor> {
        let mut known = self.by_account.lock().expect("no holder of this lock panics");
        if let Some(governor) = known.get(account) {
            return governor.clone();
        }
        let governor = Arc::new(Governor::new(self.clock.clone(), self.manners));
        known.insert(account.to_owned(), governor.clone());
        governor
    }

    /// How things stand with each, by account.
    pub(in crate::github) fn standings(&self) -> Vec<Standing> {
        self.all().iter().map(|(account, governor)| governor.standing(account)).collect()
    }

    /// Asks again also where the App was not installed.
    pub(in crate::github) fn readmit(&self) {
        self.all().iter().for_each(|(_, governor)| governor.readmit());
    }

    fn all(&self) -> Vec<(String, Arc<Governor>)> {
        let known = self.by_account.lock().expect("no holder of this lock panics");
        known.iter().map(|(account, governor)| (account.clone(), governor.clone())).collect()
    }
}
