//! `antiphon journal` on a journal that the library made.

use antiphon::{
    clock::Clock,
    journal::{Delivery, Journal as _, Retention, SqliteJournal},
};
use serde_json::Value;

use super::world::{World, wait_for};

/// A journal with one delivery and one text; open as a daemon has it.
fn journal(world: &World) -> SqliteJournal {
    let clock = Clock::from_fn(|| "2026-01-01T12:00:00Z".parse().expect("it is a time"));
    let journal = SqliteJournal::open(&world.state(), clock.clone(), Retention::default()).expect("it can be made");
    let delivery = Delivery {
        id: "d1".parse().expect("it is an id"),
        event: "ping".to_owned(),
        repo: None,
        received_at: clock.now(),
        body: br#"{"zen":"Keep it logically awesome."}"#.to_vec(),
    };
    wait_for(async {
        journal.ingest(delivery).await.expect("it is stored");
        journal.keep_texts(vec!["words".to_owned()]).await.expect("they are stored");
    });
    journal
}

#[test]
fn a_journal_is_verified_and_exported_while_a_daemon_writes_it() {
    let world = World::new();
    let held = journal(&world);

    let verified = world.run(&["journal", "verify", "--json"]);
    let exported = world.run(&["journal", "export"]);
    let info = world.run(&["journal", "info", "--json"]).json();
    drop(held);

    assert_eq!((verified.code, verified.json()["sound"].as_bool()), (Some(0), Some(true)), "{verified:?}");
    let lines: Vec<Value> = exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |kind: &str| lines.iter().find(|line| line["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {exported:?}"));
    assert_eq!((&of("delivery")["id"], &of("text")["text"]), (&"d1".into(), &"words".into()));
    assert_eq!((&info["schema"], &info["deliveries"]), (&1.into(), &1.into()));
}

#[test]
fn an_export_writes_a_file_but_never_over_one() {
    let world = World::new();
    drop(journal(&world));

    let first = world.run(&["journal", "export", "--output", "all.jsonl"]);
    let second = world.run(&["journal", "export", "--output", "all.jsonl"]);

    assert_eq!((first.code, second.code), (Some(0), Some(1)), "{first:?} {second:?}");
    let written = std::fs::read_to_string(world.path("here/all.jsonl")).unwrap();
    assert_eq!(first.out, format!("{} lines in ~/here/all.jsonl\n", written.lines().count()));
}

#[test]
fn damage_is_found_with_exit_code_5() {
    let world = World::new();
    drop(journal(&world));
    let store = rusqlite::Connection::open(world.state().join("antiphon.db")).unwrap();
    store.execute("UPDATE text SET hash = ?1", ["0".repeat(64)]).unwrap();
    drop(store);

    let ran = world.run(&["journal", "verify"]);

    assert_eq!(ran.code, Some(5));
    assert_eq!(ran.out, format!("Text: {}: its words have another hash\n", "0".repeat(64)));
    assert!(ran.err.starts_with("error: the journal has 1 faults\nhint: "), "{}", ran.err);
}

#[test]
fn compaction_waits_for_nobody_and_says_who_holds_the_journal() {
    let world = World::new();
    let held = journal(&world);

    let refused = world.run(&["journal", "compact"]);
    drop(held);
    let done = world.run(&["journal", "compact", "--json"]);

    assert_eq!((refused.code, done.code), (Some(1), Some(0)), "{refused:?} {done:?}");
    let expected = format!("error: the state directory is in use by process {}\n", std::process::id());
    assert!(refused.err.starts_with(&expected), "{}", refused.err);
    assert_eq!(done.json()["deliveries"], 0);
}

#[test]
fn where_no_journal_is_none_is_made() {
    let world = World::new();
    for command in ["verify", "export", "info", "compact"] {
        let ran = world.run(&["journal", command]);

        assert_eq!(ran.code, Some(1));
        assert!(ran.err.starts_with("error: there is no journal in ~/.local/state/antiphon\nhint: "), "{}", ran.err);
    }
    assert!(!world.state().exists());
}
