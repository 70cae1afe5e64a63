//! What has to be so after a play. It reads GitHub's JSON by itself and the terminal's log; what the machines know it
//! takes as plain JSON out of the journal.

use std::collections::{BTreeMap, BTreeSet};

use antiphon::model::{MachineKey, MachineKind, PrNumber, RepoId};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    house::{REPO, REPO_ID, TOKEN},
    play::{OWN, Play, name},
    script::TASKS,
};

/// How the prompts of each cause begin.
pub(super) const ISSUE: &str = "You work on issue #";
pub(super) const RED: &str = "CI is red on";
pub(super) const CONFLICT: &str = "conflicts with its base branch";
/// The label by which the shipped rules call for people.
pub(super) const NEEDS_HUMAN: &str = "needs-human";
const CHANGES: &str = "Changes were requested on";

/// How everything that one task's pull request was asked at the end was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answers {
    /// Prompts about the issue, in the whole play.
    issue: usize,
    /// Prompts about red checks.
    red: usize,
    /// Prompts about a conflict.
    conflict: usize,
    /// Prompts that quote each request.
    requests: BTreeMap<String, usize>,
    /// Comments of ours.
    comments: usize,
    /// Whether people were called for, by label.
    labels: Vec<String>,
    /// Whether it was merged.
    pub(super) merged: bool,
}

impl Answers {
    /// How many causes there were.
    pub(super) fn causes(&self) -> u64 {
        let causes = [self.red > 0, self.conflict > 0, self.merged].into_iter().filter(|it| *it).count();
        (causes + self.requests.len()) as u64
    }
}

/// Where the end of a play begins.
pub(super) struct Begun {
    at: u64,
    /// Tasks whose pull request is open and ours, with our comments so far.
    tasks: BTreeMap<usize, usize>,
}

/// The machine of a pull request: there is one repository, the first that was made.
pub(super) const fn machine(number: u64) -> MachineKey {
    MachineKey::Pull { repo: RepoId(REPO_ID), number: PrNumber(number) }
}

/// Clause (a): what each machine knows is what GitHub shows now.
pub(super) async fn facts(play: &Play) -> Result<(), String> {
    let known: BTreeMap<u64, Value> =
        play.house.states(MachineKind::Pull).await.into_iter().filter_map(numbered).collect();
    let listed = get(play, "pulls?state=all&per_page=100").await;
    for pull in listed.as_array().into_iter().flatten() {
        let number = pull["number"].as_u64().unwrap();
        let state = known.get(&number).filter(|state| !state["snapshot"].is_null());
        let Some(state) = state else {
            if pull["state"] == "open" {
                return Err(format!("(a) nothing is known of the open pull request #{number}"));
            }
            continue;
        };
        let (shown, known) = (shown(play, number).await, remembered(&state["snapshot"]));
        if shown != known {
            return Err(format!("(a) #{number} is\n{shown:#}\nand is taken for\n{known:#}"));
        }
    }
    Ok(())
}

fn numbered((_, state): (MachineKey, Value)) -> Option<(u64, Value)> {
    let pull = state["pull"].clone();
    Some((pull["number"].as_u64()?, pull))
}

async fn get(play: &Play, path: &str) -> Value {
    let url = format!("{}/repos/{REPO}/{path}", play.github.api_url());
    play.client.get(url).bearer_auth(TOKEN).send().await.unwrap().json().await.unwrap()
}

/// A pull request as GitHub's API shows it.
async fn shown(play: &Play, number: u64) -> Value {
    let pull = get(play, &format!("pulls/{number}")).await;
    let open = pull["state"] == "open";
    let lifecycle = if pull["merged"] == true {
        "merged"
    } else if open {
        "open"
    } else {
        "closed"
    };
    let mut facts = json!({ "lifecycle": lifecycle, "head": pull["head"]["sha"] });
    // What else a pull request that is over shows matters to nobody; one that is opened again is looked at anew.
    if !open {
        return facts;
    }
    let head = pull["head"]["sha"].as_str().unwrap();
    facts["draft"] = pull["draft"].clone();
    facts["base"] = pull["base"]["sha"].clone();
    facts["labels"] = sorted(pull["labels"].as_array().unwrap().iter().map(|label| label["name"].clone()));
    facts["updated_at"] = pull["updated_at"].clone();
    facts["checks"] = checks(play, head).await;
    (facts["reviews"], facts["threads"]) = conversation(play, number).await;
    facts["mergeability"] = match pull["mergeable"].as_bool() {
        None => json!("unknown"),
        Some(true) => json!("clean"),
        Some(false) => json!("conflicting"),
    };
    facts
}

async fn checks(play: &Play, head: &str) -> Value {
    let runs = get(play, &format!("commits/{head}/check-runs?filter=latest")).await;
    let statuses = get(play, &format!("commits/{head}/status")).await;
    let runs = runs["check_runs"].as_array().unwrap().iter().map(|run| {
        let state = if run["status"] == "completed" { &run["conclusion"] } else { &Value::Null };
        json!([run["name"], "run", state])
    });
    // What Antiphon says of itself is no fact about the commit.
    let theirs = |status: &&Value| status["context"] != "antiphon" || status["creator"]["login"] != OWN;
    let statuses = statuses["statuses"].as_array().unwrap().iter().filter(theirs).map(|status| {
        let state = if status["state"] == "pending" { &Value::Null } else { &status["state"] };
        json!([status["context"], "status", state])
    });
    sorted(runs.chain(statuses))
}

async fn conversation(play: &Play, number: u64) -> (Value, Value) {
    let query = "query($number: Int!) { repository(owner: \"acme\", name: \"pages\") { pullRequest(number: $number) {
        latestOpinionatedReviews(first: 100) { nodes { id state } }
        reviewThreads(first: 100) { nodes { id isResolved comments(first: 100) { nodes { id } } } } } } }";
    let body = json!({ "query": query, "variables": { "number": number } });
    let url = format!("{}/graphql", play.github.api_url());
    let answer = play.client.post(url).bearer_auth(TOKEN).json(&body).send().await.unwrap();
    let said: Value = answer.json().await.unwrap();
    let pull = &said["data"]["repository"]["pullRequest"];
    let reviews = pull["latestOpinionatedReviews"]["nodes"].as_array().unwrap().iter();
    let reviews =
        reviews.map(|review| json!([review["id"], review["state"].as_str().unwrap().to_lowercase().replace('_', "-")]));
    let threads = pull["reviewThreads"]["nodes"].as_array().unwrap().iter();
    let threads = threads.map(|thread| {
        let comments = thread["comments"]["nodes"].as_array().unwrap().iter().map(|it| it["id"].clone());
        json!([thread["id"], thread["isResolved"], sorted(comments)])
    });
    (sorted(reviews), sorted(threads))
}

/// The same facts as a machine remembers them.
fn remembered(snapshot: &Value) -> Value {
    let lifecycle = &snapshot["lifecycle"];
    let mut facts = json!({ "lifecycle": lifecycle, "head": snapshot["head"]["sha"] });
    if lifecycle != "open" {
        return facts;
    }
    let list = |name: &str| snapshot[name].as_array().cloned().unwrap_or_default().into_iter();
    facts["draft"] = snapshot["draft"].clone();
    facts["base"] = snapshot["base"]["sha"].clone();
    facts["labels"] = sorted(list("labels"));
    facts["updated_at"] = snapshot["updated_at"].clone();
    facts["checks"] = sorted(list("checks").map(|it| json!([it["name"], it["kind"], it["state"]["finished"]])));
    facts["reviews"] = sorted(list("reviews").map(|it| json!([it["id"], it["state"]])));
    facts["threads"] = sorted(list("threads").map(|it| {
        let comments = it["comments"].as_array().unwrap().iter().map(|it| it["id"].clone());
        json!([it["id"], it["resolved"], sorted(comments)])
    }));
    facts["mergeability"] = snapshot["mergeability"].clone();
    facts
}

fn sorted(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    values.sort_by_key(Value::to_string);
    Value::Array(values)
}

/// Clause (c), and "at most once": every effect was called for by something that was so, and none is there twice.
pub(super) fn justified(play: &Play) -> Result<(), String> {
    let repeated = play.terminal.repeated();
    if !repeated.is_empty() {
        return Err(format!("typed twice: {repeated:?}"));
    }
    let typed = play.terminal.typed();
    let mut quoted = BTreeMap::<String, u64>::new();
    for prompt in &typed {
        let of = (0..TASKS).find(|of| name(*of) == prompt.address.session.to_string());
        let of = of.ok_or_else(|| format!("(c) {} is nobody", prompt.address))?;
        called_for(play, of, &prompt.text).map_err(|why| format!("(c) {why}\n{}", prompt.text))?;
        for mark in marks(&prompt.text) {
            *quoted.entry(mark).or_default() += 1;
        }
    }
    for (mark, times) in quoted {
        let (_, anew) = play.ledger.asked.get(&mark).ok_or_else(|| format!("(c) nobody asked {mark}"))?;
        if times > 1 + anew {
            return Err(format!("{mark} was handed over {times} times"));
        }
    }
    written(play)
}

fn called_for(play: &Play, of: usize, text: &str) -> Result<(), String> {
    let mut known = text.contains(ISSUE);
    if text.contains(RED) {
        known = true;
        let at = Regex::new(r"CI is red on \S+ at ([0-9a-f]{7})").unwrap();
        let head = at.captures(text).map(|found| found[1].to_owned()).ok_or("a red prompt names no commit")?;
        if !play.ledger.red.iter().any(|sha| sha.starts_with(&head)) {
            return Err(format!("{head} was never red"));
        }
    }
    if text.contains(CONFLICT) {
        known = true;
        if !play.ledger.on_base.contains_key(&of) {
            return Err("it never conflicted".to_owned());
        }
    }
    if text.contains(CHANGES) {
        known = true;
        let marks = marks(text);
        let own = |mark: &String| play.ledger.asked.get(mark).is_some_and(|(whose, _)| *whose == of);
        if marks.is_empty() || !marks.iter().all(own) {
            return Err(format!("not asked of this task: {marks:?}"));
        }
    }
    if known { Ok(()) } else { Err("a prompt that nothing calls for".to_owned()) }
}

fn marks(text: &str) -> BTreeSet<String> {
    Regex::new(r"ask-[a-z]\d+").unwrap().find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// A reconcile of what is at rest is no reason to write anything.
pub(super) fn nothing_written_since(play: &Play, before: usize) -> Result<(), String> {
    let own: Vec<_> = play.github.write_log().into_iter().skip(before).filter(|write| write.actor == OWN).collect();
    if own.is_empty() { Ok(()) } else { Err(format!("written when nothing had happened: {own:?}")) }
}

/// What was written to GitHub.
fn written(play: &Play) -> Result<(), String> {
    let mut opened = BTreeMap::<String, usize>::new();
    for write in play.github.write_log().iter().filter(|write| write.actor == OWN) {
        if write.method == "PUT" && write.path.ends_with("/merge") {
            let head = write.body["sha"].as_str().unwrap_or_default();
            if !play.ledger.approved.contains(head) || !play.ledger.green.contains(head) {
                return Err(format!("(c) merged at {head}, which was not approved and green"));
            }
        }
        if write.method == "POST" && write.path.ends_with("/pulls") {
            *opened.entry(write.body["head"].to_string()).or_default() += 1;
        }
    }
    let twice: Vec<_> = opened.iter().filter(|(_, times)| **times > 1).collect();
    if !twice.is_empty() && play.ledger.closed.is_empty() {
        return Err(format!("opened more than once: {twice:?}"));
    }
    for of in 0..TASKS {
        let Some(pull) = play.pull(of) else { continue };
        let own: Vec<_> = pull.comments.iter().filter(|(author, _)| author == OWN).map(|(_, body)| body).collect();
        let distinct: BTreeSet<_> = own.iter().collect();
        if distinct.len() < own.len() {
            return Err(format!("#{} bears a comment of ours twice: {own:#?}", pull.number));
        }
        if !own.is_empty() && play.ledger.red.is_empty() {
            return Err(format!("(c) #{} bears a comment about red checks: {own:#?}", pull.number));
        }
    }
    Ok(())
}

/// Nothing waits, and every prompt was acknowledged or is known to be uncertain.
pub(super) async fn at_rest(play: &Play) -> Result<(), String> {
    let stats = play.house.stats().await;
    if (stats.unrouted, stats.waiting, stats.outbox, stats.dead) != (0, 0, 0, 0) {
        return Err(format!("something is left to do: {stats:?}"));
    }
    for (key, state) in play.house.states(MachineKind::Session).await {
        let session = &state["session"];
        if session["queue"] != json!([]) || !session["sending"].is_null() {
            return Err(format!("{key} still has something to say: {session:#}"));
        }
    }
    for (key, state) in play.house.states(MachineKind::Task).await {
        let task = &state["task"];
        let Some(number) = task["pull"].as_u64() else { continue };
        let pulls = play.github.pulls(REPO);
        let pull = pulls.iter().find(|pull| pull.number == number).ok_or("a task has a pull request that is none")?;
        let over = task["phase"] == "done" || task["phase"] == "abandoned";
        if pull.merged != (task["phase"] == "done")
            && !play.ledger.closed.iter().any(|of| key.to_string().ends_with(&name(*of)))
        {
            return Err(format!("{key} is {} and its pull request merged: {}", task["phase"], pull.merged));
        }
        if !pull.open && !over {
            return Err(format!("{key} is {} although its pull request is closed", task["phase"]));
        }
    }
    Ok(())
}

/// Where the end begins: what can be compared.
pub(super) async fn begin(play: &Play) -> Begun {
    let managed: BTreeSet<u64> = play
        .house
        .states(MachineKind::Pull)
        .await
        .into_iter()
        .filter_map(numbered)
        .filter(|(_, state)| !state["managed"].is_null())
        .map(|(number, _)| number)
        .collect();
    let pulls = (0..TASKS).filter_map(|of| Some((of, play.pull(of)?)));
    let open = pulls.filter(|(_, pull)| pull.open && managed.contains(&pull.number));
    Begun { at: play.hand.millis(), tasks: open.map(|(of, pull)| (of, comments(&pull.comments))).collect() }
}

fn comments(all: &[(String, String)]) -> usize {
    all.iter().filter(|(author, _)| author == OWN).count()
}

/// Clause (b), one side of it: how what was asked since then was answered.
pub(super) fn answers(play: &Play, begun: &Begun) -> BTreeMap<String, Answers> {
    let answered = |(of, before): (&usize, &usize)| {
        let pull = play.pull(*of).unwrap();
        let typed: Vec<_> =
            play.terminal.typed().into_iter().filter(|it| it.address.session.to_string() == name(*of)).collect();
        let since: Vec<_> = typed.iter().filter(|it| it.at >= begun.at).collect();
        let about = |words: &str| since.iter().filter(|it| it.text.contains(words)).count();
        let mut requests = BTreeMap::new();
        for mark in since.iter().flat_map(|it| marks(&it.text)) {
            *requests.entry(mark).or_default() += 1;
        }
        let answers = Answers {
            issue: typed.iter().filter(|it| it.text.contains(ISSUE)).count(),
            red: about(RED),
            conflict: about(CONFLICT),
            requests,
            comments: comments(&pull.comments) - before,
            labels: pull.labels.into_iter().filter(|label| label == NEEDS_HUMAN).collect(),
            merged: pull.merged,
        };
        (name(*of), answers)
    };
    begun.tasks.iter().map(answered).collect()
}
