//! Deliveries as GitHub once sent them, replayed through the real door into the real daemon, which ends up knowing what the
//! recording shows at its end.
//!
//! ```text
//! recording ─┬─ what GitHub showed at that moment ─▶ recorded GitHub ◀── looks ──┐
//!            └─ the delivery, signed ──────────────▶ door of the daemon ─▶ journal ─▶ machines
//! ```
//!
//! One recording lies beside this file: it is made up, and small, after what recordings of the real GitHub teach. Those are
//! not part of this repository; `scripts/check-recordings DIR` replays whatever recordings a directory holds.

mod facts;
mod github;

use std::{collections::BTreeMap, path::Path};

use antiphon::{
    journal::{Journal as _, SqliteJournal, Stats},
    model::MachineKind,
};
use serde_json::{Value, json};

use self::{
    facts::{Recording, sorted},
    github::Recorded,
};
use crate::{
    port::Port,
    world::{Daemon, Starter, eventually, signature},
};

/// Where further recordings are, if anybody said so.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says which recordings are to be replayed")]
fn asked_for() -> Option<std::path::PathBuf> {
    std::env::var_os("ANTIPHON_RECORDINGS").map(Into::into)
}

// Show 3; G023, G024
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_end_in_the_recorded_state_of_each_pull_request() {
    let mut recordings = Recording::all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/recordings")));
    assert!(!recordings.is_empty(), "the recording of this repository is gone");
    match asked_for() {
        None => eprintln!("SKIPPED: recordings of the real GitHub (scripts/check-recordings DIR)"),
        Some(dir) => {
            let further = Recording::all(&dir);
            assert!(!further.is_empty(), "no recordings in {}", dir.display());
            recordings.extend(further);
        }
    }
    for recording in &recordings {
        Box::pin(replay(recording)).await;
    }
}

async fn replay(recording: &Recording) {
    let recorded = Recorded::default();
    // A daemon asks for its repositories before anything is delivered.
    recorded.with(|facts| facts.repository = recording.deliveries[0]["payload"]["repository"].clone());
    let house = House::build(&recorded).await;
    let daemon = house.starter().start(&[]);
    house.is_up().await;
    let begun = house.log().len();

    for delivery in &recording.deliveries {
        recorded.with(|facts| facts.learn(delivery["event"].as_str().unwrap(), &delivery["payload"]));
        assert_eq!(house.deliver(delivery).await, 202, "{}: {}", recording.name, delivery["event"]);
    }
    for (uri, body) in recording.answers() {
        recorded.with(|facts| facts.learn_answer(uri, body));
    }

    house.knows(recording, &recorded).await;
    let log = house.stop(daemon).await;
    let trouble: Vec<&str> =
        log[begun..].lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR")).collect();
    assert_eq!(trouble, Vec::<&str>::new(), "{}", recording.name);
    assert_eq!(recorded.unanswered(), Vec::<String>::new(), "{}", recording.name);
    let pulls = recorded.with(|facts| facts.pulls.len());
    println!("{}: {} deliveries, {pulls} pull requests", recording.name, recording.deliveries.len());
}

/// Where a daemon lives that knows of one repository.
struct House {
    dir: tempfile::TempDir,
    port: Port,
    client: reqwest::Client,
    /// What was found when it was last looked, for whoever has to understand a failure.
    last: std::sync::Mutex<String>,
    /// The recorded GitHub ends with this.
    _served: tokio::task::JoinSet<()>,
}

impl House {
    async fn build(recorded: &Recorded) -> Self {
        let (address, served) = recorded.serve().await;
        let (dir, port) = (tempfile::tempdir().unwrap(), Port::reserve());
        let name = recorded.with(|facts| facts.repository["full_name"].as_str().unwrap().to_owned());
        let text = format!(
            "listen: 127.0.0.1:{port}\n\
             github: {{ api_url: 'http://{address}', token_env: TEST_GITHUB_TOKEN }}\n\
             webhook: {{ secret_env: TEST_WEBHOOK_SECRET }}\n\
             repositories:\n\
             \x20 - {{ name: {name}, path: '{path}', agent: nobody, issues: {{ labels: [agent] }} }}\n\
             agents: {{ nobody: {{ command: [/bin/true], receipt: hook }} }}\n\
             time_scale: 2000\n",
            port = port.number,
            path = dir.path().display(),
        );
        std::fs::write(dir.path().join("antiphon.yaml"), text).unwrap();
        Self { dir, port, client: reqwest::Client::new(), last: Default::default(), _served: served }
    }

    fn starter(&self) -> Starter {
        Starter::new(self.dir.path())
    }

    /// Waits until the daemon has looked at its repository for the first time; until then it knows of none.
    async fn is_up(&self) {
        eventually("a daemon that knows its repository", async || {
            let states = self.states(MachineKind::Backlog).await?;
            states.iter().any(|state| !state["backlog"]["observed_at"].is_null()).then_some(())
        })
        .await;
    }

    /// Signs a recorded delivery, as GitHub did, and sends it; the status of the answer.
    async fn deliver(&self, delivery: &Value) -> u16 {
        let body = delivery["payload"].to_string();
        let url = format!("http://127.0.0.1:{}/webhooks/github", self.port.number);
        let request = self.client.post(url).header("content-type", "application/json");
        let request = request.header("x-github-event", delivery["event"].as_str().unwrap());
        let request = request.header("x-github-delivery", delivery["delivery"].as_str().unwrap());
        request
            .header("x-hub-signature-256", signature(body.as_bytes()))
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// Waits until the machines know what is shown of each pull request, and every delivery was understood.
    async fn knows(&self, recording: &Recording, recorded: &Recorded) {
        let shown: BTreeMap<u64, Value> =
            recorded.with(|facts| facts.pulls.keys().map(|number| (*number, facts.of(*number))).collect());
        let whole = (recording.deliveries.len() as u64, 0, 0);
        eventually(&format!("the end of {}", recording.name), async || {
            let (known, stats) = self.known().await?;
            let counted = (stats.deliveries, stats.unrouted, stats.dead);
            let wrong: Vec<_> = shown.iter().filter(|(number, facts)| known.get(number) != Some(facts)).collect();
            let report = format!("{counted:?} of {whole:?} deliveries; not known: {wrong:?}; of {known:?}");
            if wrong.is_empty() && counted == whole {
                return Some(());
            }
            *self.last.lock().unwrap() = report;
            None
        })
        .await;
    }

    async fn known(&self) -> Option<(BTreeMap<u64, Value>, Stats)> {
        let states = self.states(MachineKind::Pull).await?;
        let pulls = states.iter().map(|state| &state["pull"]);
        let known = pulls.filter_map(|pull| Some((pull["number"].as_u64()?, remembered(&pull["snapshot"])))).collect();
        Some((known, self.journal()?.stats().await.ok()?))
    }

    async fn states(&self, kind: MachineKind) -> Option<Vec<Value>> {
        let machines = self.journal()?.machines(Some(kind)).await.ok()?;
        Some(machines.into_iter().map(|(_, stored)| serde_json::from_str(&stored.state).unwrap()).collect())
    }

    fn journal(&self) -> Option<SqliteJournal> {
        SqliteJournal::open_read_only(&self.dir.path().join("state")).ok()
    }

    async fn stop(&self, daemon: Daemon) -> String {
        daemon.stop().await;
        self.log()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}\n{}", self.log(), self.last.lock().unwrap());
        }
    }
}

/// What a machine remembers, in the words of [`facts::Facts::of`].
fn remembered(snapshot: &Value) -> Value {
    let mut facts = json!({ "lifecycle": snapshot["lifecycle"], "head": snapshot["head"]["sha"] });
    if snapshot["lifecycle"] == "open" {
        let list = |name: &str| snapshot[name].as_array().cloned().unwrap_or_default().into_iter();
        facts["draft"] = snapshot["draft"].clone();
        facts["base"] = snapshot["base"]["branch"].clone();
        facts["labels"] = sorted(list("labels"));
        facts["checks"] =
            sorted(list("checks").map(|it| json!([it["name"], it["kind"], it["app"], it["state"]["finished"]])));
        facts["reviews"] = sorted(list("reviews").map(|review| {
            let state = review["state"].as_str().unwrap().replace('-', "_");
            json!([review["author"]["login"], state])
        }));
    }
    facts
}
