//! What GitHub sends twice, in the wrong order or not at all leads to the same end.

use antiphon::simulator::{Chance, Delivery, DeliveryState, NewIssue, Post, PostTroubles, ServiceTroubles};

use crate::{
    story::{play, prompts, settled},
    world::{REPO, World, eventually},
};

/// How a courier treats what GitHub sends.
type Courier = fn(&[Delivery]) -> Vec<u64>;

/// Plays the story while a courier carries every delivery as it likes; how many prompts were sent and acknowledged, and
/// what GitHub was told.
async fn played_with(courier: Option<Courier>) -> ((usize, usize), Vec<String>) {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    if let Some(order) = courier {
        world.github.deliveries().hold();
        let github = world.github.clone();
        let mut carrier = tokio::task::JoinSet::new();
        carrier.spawn(async move {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(40));
            loop {
                ticks.tick().await;
                let held: Vec<Delivery> =
                    github.deliveries().held().into_iter().filter(|it| it.state == DeliveryState::Held).collect();
                for id in order(&held) {
                    github.deliveries().send(id).await;
                }
                for delivery in held {
                    github.deliveries().lose(delivery.id);
                }
            }
        });
        play(&mut world).await;
        carrier.shutdown().await;
    } else {
        play(&mut world).await;
    }
    let told = prompts(&settled(&world).await);
    daemon.stop().await;
    let writes = world.github.write_log().iter().map(|write| format!("{} {}", write.method, write.path)).collect();
    world.end().await;
    (told, writes)
}

fn ids(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

// Show 4; G001, G018, G021, G023, S70, S71, S72.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_disorder_and_losses_lead_to_the_same_end() {
    let undisturbed = played_with(None).await;
    assert_eq!(undisturbed.0, (3, 3));
    let couriers: [(&str, Courier); 4] = [
        ("everything twice", |held| ids(held).into_iter().flat_map(|id| [id, id]).collect()),
        ("backwards", |held| ids(held).into_iter().rev().collect()),
        ("every second one only", |held| ids(held).into_iter().step_by(2).collect()),
        ("nothing at all", |_| Vec::new()),
    ];
    for (name, courier) in couriers {
        assert_eq!(played_with(Some(courier)).await, undisturbed, "{name}");
    }
}

// G016, G019
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_while_nobody_listened_is_asked_for_once_more() {
    let world = World::new().await;
    let issue = NewIssue { author: "maya".to_owned(), title: "Hello".to_owned(), ..NewIssue::default() };
    world.github.create_issue(REPO, &issue).unwrap();
    world.github.quiet().await;
    let attempts = |delivery: &Delivery| (delivery.attempts.len(), delivery.arrived());
    assert!(world.github.deliveries().all().iter().all(|delivery| attempts(delivery) == (1, false)));

    let daemon = world.start_daemon();

    eventually("every delivery arrived", async || {
        let all = world.github.deliveries().all();
        all.iter().all(|delivery| attempts(delivery) == (2, true)).then_some(())
    })
    .await;
    daemon.stop().await;
    world.end().await;
}

/// Plays the story with both adversaries at work until the pull request is merged.
async fn played_against(seed: u64) -> (usize, usize, Vec<String>) {
    let mut world = World::new().await;
    let mut chance = Chance::new(seed);
    // Limits last as long as GitHub says, and no story waits for minutes.
    let troubles = ServiceTroubles { secondary: 0, exhausted: 0, ..ServiceTroubles::ALL };
    world.github.deliveries().hold();
    let (github, mut post) = (world.github.clone(), Post::new(chance.fork(), PostTroubles::ALL));
    let mut carrier = tokio::task::JoinSet::new();
    carrier.spawn(async move {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(40));
        loop {
            ticks.tick().await;
            let round = post.round(&github.deliveries().held());
            for carried in &round.carried {
                github.deliveries().carry(carried).await;
            }
            for lost in round.lost {
                github.deliveries().lose(lost);
            }
        }
    });
    let daemon = world.start_daemon();
    world.github.trouble(chance, troubles);
    play(&mut world).await;
    let (sent, acknowledged) = prompts(&settled(&world).await);
    assert!(world.github.recover() > 0, "nothing befell any request");
    carrier.shutdown().await;
    daemon.stop().await;
    let mut writes: Vec<String> =
        world.github.write_log().iter().map(|write| format!("{} {}", write.method, write.path)).collect();
    // A label that is put on twice is there once.
    writes.dedup_by(|one, other| one == other && one.ends_with("/labels"));
    world.end().await;
    (sent, acknowledged, writes)
}

// G001, G003, G018, G021, G023, G084, G112, G123
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_adversaries_together_lead_to_the_same_end() {
    let ((sent, acknowledged), writes) = played_with(None).await;
    for seed in [1, 2, 3] {
        assert_eq!(played_against(seed).await, (sent, acknowledged, writes.clone()), "seed {seed}");
    }
}
