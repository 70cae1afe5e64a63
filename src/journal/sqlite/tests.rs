//! What only this store promises: its file, its lock, its limits; and the conformance suite over it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    effect::Effect,
    event::Task,
    journal::{
        Check, Compacted, Delivery, Entry, Error, Finding, Journal as _, Novelty, Post, Retention, SqliteJournal, Step,
        conformance::{Hand, World, looks, stop, task, tell_fleet},
        sqlite::query::{execute, number},
    },
    model::{MachineKey, Seq, TextHash, Version},
};

const DAY: i64 = 24 * 60 * 60;

fn new_world() -> World {
    let (hand, dir) = (Hand::new(), tempfile::tempdir().unwrap());
    let journal = SqliteJournal::open(dir.path(), hand.clock(), Retention::default()).unwrap();
    World { journal: Arc::new(journal), hand, _keep: Box::new(dir) }
}

mod conformance {
    crate::journal::conformance::suite!(super::new_world);
}

/// Bytes that no codec makes shorter.
fn noise(seed: u32, bytes: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A store in a directory, seen both as what it is and as any journal.
struct Place {
    dir: TempDir,
    store: Arc<SqliteJournal>,
    world: World,
}

impl Place {
    fn new(retention: Retention) -> Self {
        Self::at(tempfile::tempdir().unwrap(), Hand::new(), retention)
    }

    fn at(dir: TempDir, hand: Hand, retention: Retention) -> Self {
        let store = Arc::new(SqliteJournal::open(dir.path(), hand.clock(), retention).unwrap());
        let world = World { journal: store.clone(), hand, _keep: Box::new(()) };
        Self { dir, store, world }
    }

    fn reopened(self) -> Self {
        let (dir, hand, retention) = (self.dir, self.world.hand.clone(), self.store.retention);
        self.store.close();
        drop((self.store, self.world.journal));
        Self::at(dir, hand, retention)
    }

    /// Changes something behind the journal's back.
    async fn tamper(&self, sql: &'static str) {
        self.store.write(move |desk| Ok(desk.connection.execute_batch(sql)?)).await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.store.read(move |connection| number(connection, sql, [])).await.unwrap()
    }

    async fn compact(&self) -> Compacted {
        self.store.compact(self.world.now()).await.unwrap()
    }

    fn delivery(&self, id: &str) -> Delivery {
        let id = id.parse().unwrap();
        Delivery { id, event: "push".into(), repo: None, received_at: self.world.now(), body: vec![b'x'; 5000] }
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let place = Place::new(Retention::default());
    place.world.journal.ingest(place.delivery("d1")).await.unwrap();
    let hash = place.world.journal.keep_texts(vec!["words".to_owned()]).await.unwrap().remove(0);
    place.world.ordered(&task("a"), vec![stop("s", 1), tell_fleet("a")]).await;
    let claimed = place.world.claim_one().await;

    let place = place.reopened();

    assert_eq!(*place.world.journal.head().borrow(), Seq(1));
    assert_eq!(place.world.journal.unrouted(10).await.unwrap(), [place.delivery("d1")]);
    assert_eq!(place.world.journal.text(hash).await.unwrap().as_deref(), Some("words"));
    assert_eq!(place.world.version(&task("a")).await, Version(1));
    assert_eq!(place.world.causes().await, ["tell/task/a/1/1"]);
    assert_eq!(place.world.claim(10).await, [], "a claim outlives a restart until it is taken back");
    assert_eq!(place.world.journal.reclaim().await.unwrap(), 1);
    assert_eq!(place.world.claim_one().await.id, claimed.id);
    assert_eq!(place.store.verify().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_of_format_0_is_opened_and_brought_forward() {
    let dir = tempfile::tempdir().unwrap();
    // What a kill between making the file and the first migration leaves behind.
    std::fs::write(dir.path().join("antiphon.db"), b"").unwrap();

    let place = Place::at(dir, Hand::new(), Retention::default());

    place.world.committed(place.world.step(&task("a")).await).await;
    assert_eq!(place.count("PRAGMA user_version").await, 1);
}

#[tokio::test]
async fn a_newer_format_is_refused_for_writing_and_reading() {
    let place = Place::new(Retention::default());
    place.tamper("PRAGMA user_version = 99").await;
    let (dir, hand) = (place.dir, place.world.hand.clone());
    drop((place.store, place.world));

    let written = SqliteJournal::open(dir.path(), hand.clock(), Retention::default());
    let read = SqliteJournal::open_read_only(dir.path());

    assert!(matches!(written, Err(Error::TooNew { found: 99, known: 1 })), "{written:?}");
    assert!(matches!(read, Err(Error::TooNew { found: 99, known: 1 })), "{read:?}");
}

#[test]
fn a_second_writer_is_refused_and_told_who_is_there() {
    let place = Place::new(Retention::default());

    let second = SqliteJournal::open(place.dir.path(), place.world.hand.clock(), Retention::default());

    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
}

#[cfg(unix)]
#[test]
fn the_state_directory_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("state/antiphon");

    drop(SqliteJournal::open(&inner, Hand::new().clock(), Retention::default()).unwrap());

    assert_eq!(std::fs::metadata(inner).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_reader_sees_what_the_daemon_writes_and_cannot_write() {
    let place = Place::new(Retention::default());
    place.world.committed(place.world.step(&task("a")).await).await;
    let reader = SqliteJournal::open_read_only(place.dir.path()).unwrap();
    place.world.committed(place.world.step(&task("a")).await).await;

    assert_eq!(reader.load(task("a")).await.unwrap().unwrap().version, Version(2));
    assert_eq!(reader.verify().await.unwrap(), []);
    let refused = reader.keep_texts(vec!["x".to_owned()]).await;
    assert!(matches!(refused, Err(Error::NotWritable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_reader_opens_what_a_closed_daemon_left() {
    let place = Place::new(Retention::default());
    place.world.committed(place.world.step(&task("a")).await).await;
    place.store.close();

    let reader = SqliteJournal::open_read_only(place.dir.path()).unwrap();

    assert_eq!(reader.tail(Seq(0), 10).await.unwrap().len(), 1);
}

#[test]
fn there_is_nothing_to_read_where_no_journal_is() {
    let dir = tempfile::tempdir().unwrap();

    assert!(SqliteJournal::open_read_only(dir.path()).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn closing_carries_out_what_waits_and_later_calls_fail() {
    let place = Place::new(Retention::default());
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let mut call = place.world.journal.ingest(place.delivery(&format!("d{number}")));
            // One look at each puts it into the queue.
            assert!(futures_util::FutureExt::now_or_never(&mut call).is_none());
            call
        })
        .collect();

    place.store.close();

    for call in waiting {
        assert_eq!(call.await.unwrap(), Novelty::New);
    }
    let late = place.world.journal.ingest(place.delivery("late")).await;
    assert_eq!(late.unwrap_err().to_string(), "the journal failed");
    assert!(place.world.journal.stats().await.is_err());
    assert_eq!(place.reopened().world.journal.stats().await.unwrap().deliveries, 50);
}

#[tokio::test]
async fn a_panicking_job_is_an_error_and_the_writer_lives() {
    let place = Place::new(Retention::default());

    let failed = place.store.write::<()>(|desk| {
        execute(desk.connection, "INSERT INTO meta (name) VALUES ('half')", [])?;
        panic!("a bug")
    });

    assert!(failed.await.is_err());
    assert_eq!(place.count("SELECT count(*) FROM meta WHERE name = 'half'").await, 0);
    place.world.committed(place.world.step(&task("a")).await).await;
}

#[tokio::test]
async fn a_full_store_is_not_writable_and_works_again_when_there_is_room() {
    let place = Place::new(Retention::default());
    place.world.committed(place.world.step(&task("a")).await).await;
    let pages = place.count("PRAGMA page_count").await;
    place.store.write(move |desk| Ok(desk.connection.pragma_update(None, "max_page_count", pages)?)).await.unwrap();
    let before = place.world.step(&task("b")).await;
    let noise = "n".repeat(200_000);

    let refused = place.world.journal.commit(Step { state: format!("\"{noise}\""), ..before.clone() }).await;

    assert!(matches!(refused, Err(Error::NotWritable(_))), "{refused:?}");
    assert_eq!(place.world.journal.load(task("b")).await.unwrap(), None);
    place.store.write(|desk| Ok(desk.connection.pragma_update(None, "max_page_count", 1_000_000)?)).await.unwrap();
    place.world.committed(Step { state: format!("\"{noise}\""), ..before }).await;
    assert_eq!(place.store.verify().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_done_and_old_is_forgotten_and_what_is_not_done_stays() {
    let place = Place::new(Retention::default());
    let world = &place.world;
    for id in ["routed", "unrouted", "dead"] {
        world.journal.ingest(place.delivery(id)).await.unwrap();
    }
    world.journal.route("routed".parse().unwrap(), Vec::new()).await.unwrap();
    world.journal.bury("dead".parse().unwrap(), "why".into()).await.unwrap();
    world.ordered(&task("a"), vec![looks(1, 1), looks(2, 1), tell_fleet("a")]).await;
    let claimed = world.claim(1).await.remove(0);
    world.journal.resolve(claimed.id, claimed.fence, None).await.unwrap();
    world.ordered(&task("a"), vec![]).await;

    world.hand.forward(8 * DAY - 1);
    assert_eq!(place.compact().await, Compacted::default());
    world.hand.forward(2);
    assert_eq!(place.compact().await, Compacted { deliveries: 1, effects: 1, ..Compacted::default() });
    world.hand.forward(85 * DAY);
    // Of two entries and two consumed events the newest of each stays: positions are counted from it.
    assert_eq!(place.compact().await, Compacted { deliveries: 1, entries: 1, consumed: 1, ..Compacted::default() });

    let stats = world.journal.stats().await.unwrap();
    assert_eq!((stats.unrouted, stats.waiting, stats.outbox, stats.entries), (1, 1, 1, 1));
    assert_eq!(world.version(&task("a")).await, Version(2));
    assert_eq!(place.store.verify().await.unwrap(), []);
}

#[tokio::test]
async fn positions_are_never_given_twice_even_if_everything_was_forgotten() {
    let place = Place::new(Retention::default());
    let row = place.world.posted(&task("a"), "request/1").await;
    let step = place.world.step_from(&task("a"), Version(0), crate::journal::Cause::Inbox(row));
    place.world.committed(step).await;
    place.world.hand.forward(1000 * DAY);
    place.compact().await;

    let place = place.reopened();

    assert!(place.world.posted(&task("a"), "request/2").await > row);
    assert_eq!(place.world.committed(place.world.step(&task("b")).await).await, Seq(2));
}

#[tokio::test]
async fn a_log_beyond_its_size_loses_its_oldest_entries() {
    let place = Place::new(Retention { log_bytes_max: 20_000, ..Retention::default() });
    for number in 0..300 {
        place.world.ordered(&task(&format!("t-{}", number % 7)), vec![tell_fleet("x")]).await;
    }

    let entries = place.compact().await.entries;

    let kept = place.world.journal.tail(Seq(0), 1000).await.unwrap();
    assert_eq!((kept.len() as u64 + entries, kept.last().unwrap().seq), (300, Seq(300)));
    let size = |entry: &Entry| {
        200 + serde_json::to_string(&entry.event).unwrap().len() + serde_json::to_string(&entry.effects).unwrap().len()
    };
    let bytes: usize = kept.iter().map(size).sum();
    assert!((20_000..20_400).contains(&bytes), "{bytes}");
    assert_eq!(place.compact().await.entries, 0);
    assert_eq!(place.store.verify().await.unwrap(), []);
}

#[tokio::test]
async fn a_text_stays_while_a_state_an_event_or_an_effect_names_it() {
    let place = Place::new(Retention::default());
    let texts = ["state", "event", "effect", "nobody", "young"].map(str::to_owned);
    place.world.journal.keep_texts(texts.to_vec()).await.unwrap();
    let [state, event, effect, nobody, young] = texts.map(|text| TextHash::of(&text));
    let look = |hash: &TextHash| Effect::Look {
        repo: crate::model::RepoId(1),
        number: crate::model::PrNumber(1),
        look: 1,
        known: Some(hash.clone()),
        rules_since: None,
    };
    let step = place.world.step(&task("a")).await;
    place
        .world
        .committed(Step { state: format!("{{\"text\":\"{state}\"}}"), effects: vec![look(&effect)], ..step })
        .await;
    let work = crate::event::Work::Text { slug: "x".into(), text: event.clone() };
    let claimed = Task::Claimed { task: "b".parse().unwrap(), repo: crate::model::RepoId(1), work, agent: None };
    place.world.journal.post(vec![Post { cause: "x".into(), to: task("b"), event: claimed.into() }]).await.unwrap();

    place.world.hand.forward(93 * DAY);
    place.world.journal.keep_texts(vec!["young".to_owned()]).await.unwrap();
    assert_eq!(place.compact().await.texts, 1);

    let mut there = Vec::new();
    for hash in [state, event, effect, nobody, young] {
        there.push(place.world.journal.text(hash).await.unwrap().is_some());
    }
    assert_eq!(there, [true, true, true, false, true]);
}

#[tokio::test]
async fn forgetting_gives_the_space_back() {
    let place = Place::new(Retention::default());
    for number in 0..100u32 {
        let body = noise(number, 20_000);
        let delivery = Delivery { body, ..place.delivery(&format!("d{number}")) };
        place.world.journal.ingest(delivery.clone()).await.unwrap();
        place.world.journal.route(delivery.id, Vec::new()).await.unwrap();
    }
    let before = place.count("PRAGMA page_count").await;
    place.world.hand.forward(9 * DAY);

    place.compact().await;

    assert_eq!(place.count("SELECT count(*) FROM delivery").await, 0);
    assert!(place.count("PRAGMA page_count").await < before / 5);
}

/// Breaks one thing and says what is found.
async fn broken(sql: &'static str) -> Vec<(Check, String)> {
    let place = Place::new(Retention::default());
    place.world.journal.ingest(place.delivery("d1")).await.unwrap();
    place.world.journal.keep_texts(vec!["words".to_owned()]).await.unwrap();
    place.world.ordered(&task("a"), vec![stop("s", 1), tell_fleet("a")]).await;
    place.world.ordered(&task("a"), vec![]).await;
    place.world.ordered(&task("a"), vec![]).await;
    assert_eq!(place.store.verify().await.unwrap(), []);

    place.tamper(sql).await;

    let findings = place.store.verify().await.unwrap();
    findings.into_iter().map(|Finding { check, subject, .. }| (check, subject)).collect()
}

#[tokio::test]
async fn verifying_finds_what_is_broken() {
    let words = TextHash::of("words").to_string();
    let cases = [
        ("DELETE FROM log WHERE seq = 2", vec![(Check::Log, "log".to_owned()), (Check::Versions, "task/a".to_owned())]),
        ("UPDATE machine SET version = 9", vec![(Check::Versions, "task/a".to_owned())]),
        ("UPDATE machine SET state = '{'", vec![(Check::State, "task/a".to_owned())]),
        ("UPDATE machine SET kind = 'pull'", vec![(Check::State, "task/a".to_owned())]),
        ("UPDATE log SET event = '{}' WHERE seq = 3", vec![(Check::Entry, "entry 3".to_owned())]),
        ("DELETE FROM inbox WHERE cause = 'tell/task/a/1/1'", vec![(Check::Effect, "tell/task/a/1/1".to_owned())]),
        ("UPDATE outbox SET version = 2", vec![(Check::Effect, "task/a/2/0".to_owned())]),
        ("UPDATE outbox SET version = 7", vec![(Check::Effect, "task/a/7/0".to_owned())]),
        (
            "UPDATE inbox SET machine = 'task/b' WHERE consumed_at IS NULL",
            vec![(Check::Inbox, "inbox row 2".to_owned())],
        ),
        ("UPDATE delivery SET bytes = 7", vec![(Check::Delivery, "d1".to_owned())]),
        ("UPDATE text SET body = CAST('other' AS BLOB)", vec![(Check::Text, words)]),
    ];
    for (sql, expected) in cases {
        assert_eq!(broken(sql).await, expected, "{sql}");
    }
}

/// A place to write that can be read afterwards.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_export_is_one_json_object_a_line_each_with_its_kind() {
    let place = Place::new(Retention::default());
    place.world.journal.ingest(Delivery { body: vec![0xff], ..place.delivery("d1") }).await.unwrap();
    place.world.journal.ingest(place.delivery("d2")).await.unwrap();
    place.world.journal.keep_texts(vec!["words".to_owned()]).await.unwrap();
    place.world.ordered(&task("a"), vec![stop("s", 1), tell_fleet("a")]).await;
    let page = Page::default();

    let reader = SqliteJournal::open_read_only(place.dir.path()).unwrap();
    let lines = reader.export(page.clone()).await.unwrap();

    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let values: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = values.iter().map(|value| value["kind"].as_str().unwrap()).collect();
    let expected = ["meta", "machine", "entry", "inbox", "inbox", "effect", "delivery", "delivery", "text"];
    assert_eq!((lines, kinds), (9, expected.to_vec()));
    let machine = serde_json::json!({
        "kind": "machine", "key": "task/a", "version": 1, "deadline": null, "deadline_why": null, "state": {"steps": 1},
    });
    assert_eq!(values[1], machine);
    assert_eq!(values[2]["at"], "2026-11-20T07:00:00Z");
    assert_eq!(values[2]["entropy"], "07".repeat(16));
    assert_eq!(values[6]["body_base64"], "/w==");
    assert_eq!(values[7]["body"], "x".repeat(5000));
    assert_eq!(values[8]["text"], "words");
}

#[tokio::test]
async fn a_million_bytes_of_body_survive_and_take_little_room() {
    let place = Place::new(Retention::default());
    let body = "{\"pull_request\":{\"head\":\"abc\"}}".repeat(40_000).into_bytes();
    let delivery = Delivery { body, ..place.delivery("d1") };

    place.world.journal.ingest(delivery.clone()).await.unwrap();

    assert_eq!(place.count("SELECT length(body) < 20000 FROM delivery").await, 1);
    assert_eq!(place.world.journal.unrouted(1).await.unwrap(), [delivery]);
}

/// A disk of 2 MB, if this process may make one.
fn small_disk() -> Option<Disk> {
    let dir = tempfile::tempdir().unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", dir.path().to_str()?].map(str::to_owned);
    let mounted = block_on(crate::process::Command::new("/bin/mount").args(mount).run()).ok()?;
    mounted.success().then_some(Disk(dir))
}

struct Disk(TempDir);

impl Drop for Disk {
    fn drop(&mut self) {
        drop(block_on(crate::process::Command::new("/bin/umount").arg("-l").arg(self.0.path()).run()));
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let Some(disk) = small_disk() else {
        eprintln!("skipped: a small disk can only be made by root");
        return;
    };
    block_on(async {
        let place = fill(disk.0.path()).await;
        std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
        place.committed(place.step(&task("again")).await).await;
    });
}

/// Commits until the disk is full, then checks what is there.
async fn fill(dir: &Path) -> World {
    std::fs::write(dir.join("ballast"), vec![0; 200_000]).unwrap();
    let hand = Hand::new();
    let journal = Arc::new(SqliteJournal::open(dir, hand.clock(), Retention::default()).unwrap());
    let world = World { journal: journal.clone(), hand, _keep: Box::new(()) };
    let mut acknowledged = Vec::new();
    let refused = loop {
        let id = format!("d{}", acknowledged.len()).parse().unwrap();
        let body = noise(1, 20_000);
        let delivery = Delivery { id, event: "push".into(), repo: None, received_at: world.now(), body };
        match journal.ingest(delivery.clone()).await {
            Ok(_) => acknowledged.push(delivery),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::NotWritable(_)), "{refused:?}");
    assert_eq!(journal.unrouted(1000).await.unwrap(), acknowledged);
    assert_eq!(journal.verify().await.unwrap(), []);
    world
}

#[tokio::test]
async fn a_slow_question_does_not_hold_up_quick_ones() {
    let place = Place::new(Retention::default());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let mut slow = place.store.walk(move |_| wait.recv().map_err(|error| Error::Other(error.into())));
    assert!(futures_util::FutureExt::now_or_never(&mut slow).is_none());

    assert_eq!(place.world.journal.load(MachineKey::Fleet).await.unwrap(), None);
    place.world.committed(place.world.step(&task("a")).await).await;

    go.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), slow).await.unwrap().unwrap();
}
