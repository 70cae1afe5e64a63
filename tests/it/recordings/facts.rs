//! What a recording shows of GitHub, as it stands after so many of its lines.
//!
//! Facts are put together from the recorded JSON alone, newest by GitHub's own numbers and times: deliveries are not in the
//! order in which things happened. It knows nothing of the client or of the machines.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

/// One recorded scenario.
pub(super) struct Recording {
    pub(super) name: String,
    /// `{"delivery", "event", "payload"}`, in the order in which GitHub sent them.
    pub(super) deliveries: Vec<Value>,
    /// `{"method", "uri", "status", "resp_body"}`, in the order in which they were made.
    exchanges: Vec<Value>,
}

/// Everything that GitHub shows at one moment.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) repository: Value,
    pub(super) pulls: BTreeMap<u64, Value>,
    runs: BTreeMap<u64, Value>,
    statuses: BTreeMap<u64, Value>,
    reviews: BTreeMap<u64, Value>,
}

impl Recording {
    /// Those of a directory, by name: `NAME.events.ndjson`, and `NAME.http.ndjson` beside it if anything was asked; both
    /// may be compressed (`.gz`).
    pub(super) fn all(dir: &Path) -> Vec<Self> {
        let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<Self> = files.filter_map(|path| Self::at(&path)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (name, _) = name.split_once(".events.ndjson")?;
        let exchanges = [format!("{name}.http.ndjson"), format!("{name}.http.ndjson.gz")];
        let exchanges: Vec<PathBuf> = exchanges.iter().map(|it| path.with_file_name(it)).collect();
        let exchanges = exchanges.iter().find(|it| it.exists()).map(|it| lines(it)).unwrap_or_default();
        Some(Self { name: name.to_owned(), deliveries: lines(path), exchanges })
    }

    /// What GitHub was seen to answer, of which it told nobody.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&str, &Value)> {
        let good = self.exchanges.iter().filter(|it| it["status"].as_u64().is_some_and(|status| status < 300));
        good.map(|it| (it["uri"].as_str().unwrap(), &it["resp_body"]))
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let file = std::fs::File::open(path).unwrap();
    let packed = path.extension().is_some_and(|it| it == "gz");
    let text: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    BufReader::new(text).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

impl Facts {
    /// What a delivery shows.
    pub(super) fn learn(&mut self, event: &str, payload: &Value) {
        if !payload["repository"].is_null() {
            self.repository = payload["repository"].clone();
        }
        self.pull(&payload["pull_request"]);
        self.run(&payload["check_run"]);
        if event == "status" {
            newer(&mut self.statuses, payload, |_| true);
        }
        let mut review = payload["review"].clone();
        if !review.is_null() {
            review["pull"] = payload["pull_request"]["number"].clone();
            // An answer that a review was dismissed keeps its number; nothing undoes a dismissal.
            newer(&mut self.reviews, &review, |known| known["state"] != "dismissed");
        }
    }

    /// What an answer of the API shows, wherever in it.
    pub(super) fn learn_answer(&mut self, uri: &str, body: &Value) {
        match body {
            Value::Object(object) => {
                self.pull(body);
                self.run(body);
                if let Some(sha) = status_of(uri, object) {
                    let mut status = body.clone();
                    status["sha"] = json!(sha);
                    newer(&mut self.statuses, &status, |_| true);
                }
                object.values().for_each(|inner| self.learn_answer(uri, inner));
            }
            Value::Array(list) => list.iter().for_each(|inner| self.learn_answer(uri, inner)),
            Value::String(text) => {
                // Bodies were recorded as texts.
                if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                    self.learn_answer(uri, &inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn pull(&mut self, shown: &Value) {
        let (Some(number), Some(shown)) = (shown["number"].as_u64(), shown.as_object()) else { return };
        if !["head", "base", "state", "updated_at"].iter().all(|field| shown.contains_key(*field)) {
            return;
        }
        let known = self.pulls.entry(number).or_insert_with(|| json!({}));
        let later = shown["updated_at"].as_str() >= known["updated_at"].as_str();
        // Nothing undoes a merge, and reviews show a pull request in part.
        if later && (known["merged_at"].is_null() || !shown["merged_at"].is_null()) {
            known.as_object_mut().unwrap().extend(shown.clone());
        }
    }

    fn run(&mut self, shown: &Value) {
        if shown["head_sha"].is_string() && shown["name"].is_string() && shown["check_suite"].is_object() {
            newer(&mut self.runs, shown, |known| known["status"] != "completed" || shown["status"] == "completed");
        }
    }

    /// The check runs of a commit, the newest of each app and name.
    pub(super) fn runs(&self, sha: &str) -> Vec<&Value> {
        let of = self.runs.values().filter(|run| run["head_sha"] == sha);
        let named: BTreeMap<String, &Value> =
            of.map(|run| (format!("{} {}", run["app"]["slug"], run["name"]), run)).collect();
        named.into_values().collect()
    }

    /// The statuses of a commit, the newest of each context.
    pub(super) fn statuses(&self, sha: &str) -> Vec<&Value> {
        let of = self.statuses.values().filter(|status| status["sha"] == sha);
        let named: BTreeMap<&str, &Value> = of.map(|it| (it["context"].as_str().unwrap(), it)).collect();
        named.into_values().collect()
    }

    /// The latest opinion of each person on a pull request.
    pub(super) fn opinions(&self, number: u64) -> Vec<&Value> {
        let opinionated = |review: &&Value| review["pull"] == number && review["state"] != "commented";
        let of = self.reviews.values().filter(opinionated);
        let by_person: BTreeMap<&str, &Value> = of.map(|it| (it["user"]["login"].as_str().unwrap(), it)).collect();
        by_person.into_values().collect()
    }

    /// The facts of a pull request that a machine has to know, in GitHub's words.
    pub(super) fn of(&self, number: u64) -> Value {
        let pull = &self.pulls[&number];
        let lifecycle = lifecycle(pull);
        let head = pull["head"]["sha"].as_str().unwrap();
        let mut facts = json!({ "lifecycle": lifecycle, "head": head });
        // A pull request that is over is not looked at for anything else.
        if lifecycle == "open" {
            let ended = |of: &Value| of["status"] == "completed";
            let runs = self.runs(head).into_iter().map(|run| {
                let state = if ended(run) { run["conclusion"].clone() } else { Value::Null };
                json!([run["name"], "run", run["app"]["slug"], state])
            });
            let statuses = self.statuses(head).into_iter().map(|status| {
                let state = if status["state"] == "pending" { Value::Null } else { status["state"].clone() };
                json!([status["context"], "status", null, state])
            });
            facts["draft"] = pull["draft"].clone();
            facts["base"] = pull["base"]["ref"].clone();
            facts["labels"] =
                sorted(pull["labels"].as_array().into_iter().flatten().map(|label| label["name"].clone()));
            facts["checks"] = sorted(runs.chain(statuses));
            facts["reviews"] = sorted(
                self.opinions(number).into_iter().map(|review| json!([review["user"]["login"], review["state"]])),
            );
        }
        facts
    }
}

/// Open, merged or closed.
pub(super) fn lifecycle(pull: &Value) -> &'static str {
    match (pull["merged_at"].is_null(), pull["state"] == "open") {
        (false, _) => "merged",
        (true, true) => "open",
        (true, false) => "closed",
    }
}

pub(super) fn sorted(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    values.sort_by_key(Value::to_string);
    Value::Array(values)
}

fn newer(known: &mut BTreeMap<u64, Value>, shown: &Value, replaces: impl Fn(&Value) -> bool) {
    let id = shown["id"].as_u64().unwrap();
    if known.get(&id).is_none_or(replaces) {
        known.insert(id, shown.clone());
    }
}

/// The commit of a status, which an answer names in its address alone.
fn status_of(uri: &str, object: &Map<String, Value>) -> Option<String> {
    let is_status = ["context", "state", "id"].iter().all(|field| object.contains_key(*field));
    let place = object.get("url").and_then(Value::as_str).unwrap_or(uri);
    let (_, sha) = place.rsplit_once("/statuses/").filter(|_| is_status)?;
    Some(sha.to_owned())
}
