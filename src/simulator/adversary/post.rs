//! The delivery adversary: what a post office can do to letters.
//!
//! It doubles, delays, drops and reorders; gives one fact two ids, as two hooks on one repository do; brings an old
//! delivery again; and empties side fields that GitHub is known to send stale. It never forges a fact.

use serde_json::{Value, json};

use super::Chance;
use crate::simulator::mail::Delivery;

/// How many deliveries are remembered, to be brought again.
const REMEMBERED: usize = 64;

/// How likely each trouble is, in percent of the deliveries that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PostTroubles {
    /// It never arrives.
    pub lost: u8,
    /// Nothing of a whole round arrives, as when the receiver was down.
    pub dark: u8,
    /// It stays where it is until the next round.
    pub late: u8,
    /// It arrives twice.
    pub twice: u8,
    /// It arrives again under another id.
    pub two_ids: u8,
    /// Labels and pull requests beside the fact are missing.
    pub stale_sides: u8,
    /// The round is out of order.
    pub shuffled: u8,
    /// Something from long ago comes again at the end of the round.
    pub old_again: u8,
}

impl PostTroubles {
    /// Some of everything.
    pub const ALL: Self =
        Self { lost: 20, dark: 30, late: 25, twice: 15, two_ids: 10, stale_sides: 15, shuffled: 50, old_again: 25 };
}

/// What is carried to the receiver: a delivery, or what the adversary made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Which delivery of the log.
    pub delivery: u64,
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The repository that it is about.
    pub repository_id: u64,
    /// The body.
    pub payload: String,
}

/// One round of the post.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// What is carried, in this order.
    pub carried: Vec<Carried>,
    /// Numbers of what is lost for good.
    pub lost: Vec<u64>,
}

/// The delivery adversary.
#[derive(Debug, Clone)]
pub struct Post {
    chance: Chance,
    troubles: PostTroubles,
    past: Vec<Carried>,
}

impl Post {
    /// An adversary that draws from `chance`.
    #[must_use]
    pub const fn new(chance: Chance, troubles: PostTroubles) -> Self {
        Self { chance, troubles, past: Vec::new() }
    }

    /// From now on everything arrives once and in order. What was lost stays lost.
    pub fn recover(&mut self) {
        self.troubles = PostTroubles::default();
    }

    /// What becomes of the deliveries that are held now.
    pub fn round(&mut self, held: &[Delivery]) -> Round {
        let mut round = Round::default();
        let dark = self.chance.percent(self.troubles.dark);
        for delivery in held {
            if dark || self.chance.percent(self.troubles.lost) {
                round.lost.push(delivery.id);
            } else if !self.chance.percent(self.troubles.late) {
                self.carry(delivery, &mut round.carried);
            }
        }
        if self.chance.percent(self.troubles.shuffled) {
            self.chance.shuffle(&mut round.carried);
        }
        let old = self.chance.pick(&self.past).cloned();
        round.carried.extend(old.filter(|_| self.chance.percent(self.troubles.old_again)));
        self.past.extend(round.carried.iter().cloned());
        // The oldest are the most interesting ones.
        self.past.truncate(REMEMBERED);
        round
    }

    fn carry(&mut self, delivery: &Delivery, carried: &mut Vec<Carried>) {
        let mut letter = as_it_is(delivery);
        if self.chance.percent(self.troubles.stale_sides) {
            letter.payload = without_sides(&letter.payload);
        }
        if self.chance.percent(self.troubles.two_ids) {
            // The second hook tells the same fact under an id of its own.
            let guid = format!("{}{}", &letter.guid[..letter.guid.len() - 4], "00ff");
            carried.push(Carried { guid, ..letter.clone() });
        }
        if self.chance.percent(self.troubles.twice) {
            carried.push(letter.clone());
        }
        carried.push(letter);
    }
}

fn as_it_is(delivery: &Delivery) -> Carried {
    Carried {
        delivery: delivery.id,
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        repository_id: delivery.repository_id,
        payload: delivery.payload.clone(),
    }
}

/// The same payload with every list of labels and of pull requests empty.
fn without_sides(payload: &str) -> String {
    let Ok(mut payload) = serde_json::from_str::<Value>(payload) else { return payload.to_owned() };
    empty_sides(&mut payload);
    payload.to_string()
}

fn empty_sides(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if field.is_array() && (name == "labels" || name == "pull_requests") {
                    *field = json!([]);
                } else {
                    empty_sides(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(empty_sides),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::simulator::mail::DeliveryState;

    fn held(ids: std::ops::Range<u64>) -> Vec<Delivery> {
        let delivery = |id| Delivery {
            id,
            guid: format!("{id:08}-0000-4000-8000-000000000000"),
            event: "check_run".to_owned(),
            action: None,
            repository_id: 1,
            payload: json!({ "check_run": { "pull_requests": [1], "id": id } }).to_string(),
            created_at: Timestamp::UNIX_EPOCH,
            state: DeliveryState::Held,
            attempts: Vec::new(),
        };
        ids.map(delivery).collect()
    }

    #[test]
    fn a_seed_does_the_same_again_and_every_trouble_comes() {
        let (first, second, mut seen) = (held(0..1), held(1..40), [false; 6]);
        for seed in 0..20 {
            let play = || {
                let mut post = Post::new(Chance::new(seed), PostTroubles::ALL);
                post.round(&first);
                post.round(&second)
            };
            let round = play();
            assert_eq!(round, play());
            let ids: Vec<u64> = round.carried.iter().map(|it| it.delivery).collect();
            seen[0] |= !round.lost.is_empty();
            seen[1] |= (1..40).any(|id| !ids.contains(&id) && !round.lost.contains(&id));
            seen[2] |= round.carried.windows(2).any(|pair| pair[0] == pair[1]);
            seen[3] |= round.carried.iter().any(|it| it.guid.ends_with("00ff"));
            seen[4] |= round.carried.iter().any(|it| it.payload.contains("\"pull_requests\":[]"));
            seen[5] |= ids.contains(&0) && !ids.is_sorted();
        }

        assert_eq!(seen, [true; 6]);
    }

    #[test]
    fn without_troubles_everything_arrives_once_and_in_order() {
        let round = Post::new(Chance::new(3), PostTroubles::default()).round(&held(1..10));

        let ids: Vec<u64> = round.carried.iter().map(|it| it.delivery).collect();
        assert_eq!((ids, round.lost), ((1..10).collect(), Vec::new()));
    }
}
