//! Makes a [`Rule`] of its effective YAML, or says everything that is wrong with it.
//!
//! A rule that cannot have an effect is a mistake, as is a name that does not exist.

use std::collections::BTreeSet;

use crate::{
    model::{AgentName, IncidentKind, Tier},
    yaml::{self, Diagnostic, Node},
};

use super::{
    Condition, Template,
    document::{Document, Escalate, OneOrMany, Step as Written},
    retry::Retry,
    rule::{Action, Checks, Escalation, Layer, Rule, Step, Successor, Trust},
};

/// Incidents of the language that no machine opens yet.
const LATER_INCIDENTS: [&str; 12] = [
    "review-comments",
    "merged",
    "closed",
    "agent-idle",
    "agent-limited",
    "conflict-forecast",
    "budget-warning",
    "budget-exhausted",
    "task-done",
    "all-done",
    "schedule",
    "command",
];
/// What happens to agents, with or without a pull request.
const AGENTS: [IncidentKind; 4] =
    [IncidentKind::AgentStuck, IncidentKind::AgentLooping, IncidentKind::AgentExited, IncidentKind::AgentNeedsInput];
/// What has neither an agent nor a pull request.
const NOBODYS: [IncidentKind; 2] = [IncidentKind::RuleBroken, IncidentKind::AgentsLost];
/// What happens to runs of workflows.
const RERUNNABLE: [IncidentKind; 2] = [IncidentKind::ChecksFailed, IncidentKind::ChecksMissing];
/// Actions of the language that nobody carries out yet.
const LATER_ACTIONS: [&str; 10] =
    ["unlabel", "assign", "request-review", "enqueue", "ready", "draft", "pause", "stop", "run", "webhook"];
const NOT_YET: &str = "not available in this version";

/// Builds a rule from its effective form.
pub(super) fn build(node: &Node) -> Result<Rule, Vec<Diagnostic>> {
    let document: Document = yaml::read(node).map_err(|mistake| vec![mistake])?;
    let Some(OneOrMany(on)) = document.on.clone().filter(|OneOrMany(on)| !on.is_empty()) else {
        let place = node.get(&["on"]).unwrap_or(node);
        return Err(vec![place.complain("the rule names no incident").hint("write `on: checks-failed`").at("on")]);
    };
    let on: Vec<IncidentKind> = on.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let trust = Tier::from(document.trust.unwrap_or(Trust::Collaborator));
    let mut builder = Builder { node, on, trust, found: Vec::new() };
    let rule = builder.rule(document);
    if builder.found.is_empty() { Ok(rule) } else { Err(builder.found) }
}

/// Names of the language that exist, but not in this version.
pub(super) fn later(node: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(on) = node.get(&["on"]) {
        for word in std::iter::once(on).chain(on.items()) {
            let name = word.text().unwrap_or_default();
            if LATER_INCIDENTS.contains(&name) {
                found.push(word.complain(format!("the incident `{name}` is {NOT_YET}")).at("on"));
            }
        }
    }
    for path in [&["do"][..], &["escalate", "do"]] {
        for step in node.get(path).map(Node::items).unwrap_or_default() {
            for entry in step.entries() {
                let name = entry.key.as_str();
                if LATER_ACTIONS.contains(&name) {
                    let (file, span) = &entry.place;
                    let message = format!("the action `{name}` is {NOT_YET}");
                    found.push(Diagnostic::new(file, span.clone(), message).at(path.join(".")));
                }
            }
        }
    }
    found
}

/// The agents that a rule names, each with the complaint for when there is none of that name.
pub(super) fn agents(node: &Node) -> Vec<(AgentName, Diagnostic)> {
    let steps = node.get(&["do"]).map(Node::items).unwrap_or_default();
    let entries = steps.iter().flat_map(Node::entries).filter(|entry| entry.key == "handoff");
    let named = entries.filter_map(|entry| Some((entry.node.text()?.parse::<AgentName>().ok()?, &entry.node)));
    let named = named.filter(|(name, _)| Successor::from(name.clone()) != Successor::Fallback);
    let complaint = |name: &AgentName, node: &Node| node.complain(format!("there is no agent `{name}`")).at("do");
    named.map(|(name, node)| (name.clone(), complaint(&name, node))).collect()
}

struct Builder<'n> {
    node: &'n Node,
    on: Vec<IncidentKind>,
    trust: Tier,
    found: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn rule(&mut self, document: Document) -> Rule {
        let condition = self.condition(&["if"], document.r#if.as_deref());
        let actions = self.steps(&["do"], &document.r#do.unwrap_or_default());
        if actions.is_empty() && self.node.get(&["do", "0"]).is_none() {
            self.complain(&["do"], "the rule does nothing", "name at least one action under `do`");
        }
        let retry = document.retry.unwrap_or_default();
        self.retry(&retry);
        let escalate = document.escalate.map(|escalate| self.escalation(&escalate, &retry));
        let rule = Rule {
            name: document.name,
            description: document.description.unwrap_or_default(),
            on: self.on.clone(),
            condition,
            checks: self.checks(document.checks),
            settle: document.settle.unwrap_or(yaml::Duration::from_secs(0)).0,
            trust: self.trust,
            actions,
            retry,
            escalate,
            beside: document.beside.unwrap_or(false),
            mode: document.mode.unwrap_or_default(),
            lock: document.lock.unwrap_or(false),
            origins: std::collections::BTreeMap::new(),
            layer: Layer::Shipped,
        };
        self.fitting(&rule);
        rule
    }

    fn complain(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(self.node.complain_at(path, message).hint(hint));
    }

    /// Keeps what was made, notes what went wrong.
    fn keep<T>(&mut self, path: &[&str], made: Result<T, Diagnostic>) -> Option<T> {
        let place = self.node.complain_at(path, "").path;
        made.map_err(|mistake| self.found.push(mistake.at(place))).ok()
    }

    fn condition(&mut self, path: &[&str], text: Option<&str>) -> Option<Condition> {
        let node = self.node.get(path)?;
        let loaded = Condition::load(node, text?, &self.on);
        self.keep(path, loaded)
    }

    fn template(&mut self, path: &[&str], text: &str) -> Option<Template> {
        let node = self.node.get(path)?;
        let loaded = Template::load(node, text, &self.on, self.trust);
        self.keep(path, loaded)
    }

    fn steps(&mut self, path: &[&str], written: &[Written]) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, step) in written.iter().enumerate() {
            let index = index.to_string();
            let here: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            let condition = self.condition(&under(&here, "if"), step.r#if.as_deref());
            let mut actions = self.actions(&here, step);
            match (actions.pop(), actions.is_empty()) {
                (Some(action), true) => steps.extend(action.map(|action| Step { condition, action })),
                (None, _) => self.complain(&here, "this step has no action", "write for example `notify: {}`"),
                (Some(_), false) => {
                    self.complain(&here, "this step has several actions", "begin each action with a dash of its own");
                }
            }
        }
        steps
    }

    /// Every action of a step; there should be one. `None` inside: it was there, with a mistake.
    fn actions(&mut self, here: &[&str], step: &Written) -> Vec<Option<Action>> {
        let mut found = Vec::new();
        if let Some(spawn) = &step.spawn {
            let path: Vec<&str> = under(&under(here, "spawn"), "prompt");
            found.push(self.template(&path, &spawn.prompt).map(Action::Spawn));
        }
        if let Some(text) = &step.prompt {
            found.push(self.template(&under(here, "prompt"), text).map(Action::Prompt));
        }
        if let Some(text) = &step.comment {
            found.push(self.template(&under(here, "comment"), text).map(Action::Comment));
        }
        if let Some(text) = &step.reply {
            found.push(self.template(&under(here, "reply"), text).map(Action::Reply));
        }
        if let Some(label) = &step.label {
            found.push(self.label(&under(here, "label"), label).map(Action::Label));
        }
        if let Some(notify) = &step.notify {
            let path = under(&under(here, "notify"), "text");
            let text = notify.text.as_ref().map(|text| self.template(&path, text));
            let broken = matches!(text, Some(None));
            let action = Action::Notify { priority: notify.priority, text: text.flatten() };
            found.push((!broken).then_some(action));
        }
        if step.rerun.is_some() {
            found.push(Some(Action::Rerun));
        }
        found.extend(step.restart.map(|restart| Some(Action::Restart { fresh: restart.fresh })));
        found.extend(step.handoff.clone().map(|agent| Some(Action::Handoff(agent.into()))));
        let plain = [
            (&step.open_pull, Action::OpenPull),
            (&step.merge, Action::Merge),
            (&step.update_branch, Action::UpdateBranch),
            (&step.resolve, Action::Resolve),
        ];
        found.extend(plain.into_iter().filter(|(written, _)| written.is_some()).map(|(_, action)| Some(action)));
        found
    }

    /// GitHub's limit is 50 characters; a comma separates labels in its own interface.
    fn label(&mut self, path: &[&str], label: &str) -> Option<String> {
        let valid = (1..=50).contains(&label.chars().count()) && !label.contains("{{") && !label.contains(',');
        if !valid || label.trim() != label {
            self.complain(path, "this is not a label", "a label is a fixed text of 1 to 50 characters without commas");
            return None;
        }
        Some(label.to_owned())
    }

    fn retry(&mut self, retry: &Retry) {
        for (key, count, max) in [("attempts", retry.attempts, 100), ("total", retry.total, 1_000)] {
            if !(1..=max).contains(&count) {
                self.complain(&["retry", key], format!("between 1 and {max} attempts are possible"), "3 is usual");
            }
        }
        let backoff = retry.backoff;
        if backoff.initial > backoff.max {
            self.complain(&["retry", "backoff", "initial"], "the first wait is longer than the longest", "raise `max`");
        }
        if !(1.0..=10.0).contains(&backoff.factor) {
            self.complain(&["retry", "backoff", "factor"], "a factor lies between 1 and 10", "2 is usual");
        }
        if !(0.0..=1.0).contains(&backoff.jitter) {
            self.complain(&["retry", "backoff", "jitter"], "jitter lies between 0 and 1", "0.2 is usual");
        }
    }

    fn escalation(&mut self, written: &Escalate, retry: &Retry) -> Escalation {
        let steps = written.r#do.as_deref().unwrap_or_default();
        let actions = self.steps(&["escalate", "do"], steps);
        if steps.is_empty() {
            self.complain(&["escalate", "do"], "this escalation does nothing", "write for example `- notify: {}`");
        }
        for (index, step) in actions.iter().enumerate() {
            if !matches!(step.action, Action::Comment(_) | Action::Label(_) | Action::Notify { .. }) {
                let message = format!("`{}` calls nobody", step.action.name());
                let index = index.to_string();
                self.complain(&["escalate", "do", &index], message, "an escalation has `comment`, `label`, `notify`");
            }
        }
        let attempts = written.after.attempts.unwrap_or(retry.attempts);
        if attempts == 0 {
            self.complain(&["escalate", "after", "attempts"], "people are called before anything is tried", "write 1");
        }
        Escalation {
            // People are called at the latest when the attempts are used up.
            attempts: attempts.min(retry.attempts),
            time: written.after.time.map(|time| time.0),
            actions,
        }
    }

    fn checks(&mut self, written: Option<OneOrMany<String>>) -> Checks {
        let Some(OneOrMany(names)) = written else { return Checks::Required };
        if self.on != [IncidentKind::ChecksFailed] {
            self.complain(&["checks"], "only a rule on `checks-failed` alone looks at checks", "remove `checks`");
        }
        match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["required"] => return Checks::Required,
            ["all"] => return Checks::All,
            [] => self.complain(&["checks"], "this names no check", "write `required`, `all`, or a list of names"),
            _ => {}
        }
        let mut globs = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match globset::Glob::new(name) {
                Ok(glob) => globs.push(glob.compile_matcher()),
                Err(error) => {
                    let index = index.to_string();
                    self.complain(&["checks", &index], "this is not a name or pattern", error.kind().to_string());
                }
            }
        }
        Checks::Named(globs)
    }

    /// What fits together neither by type nor by name.
    fn fitting(&mut self, rule: &Rule) {
        for (index, step) in rule.actions.iter().enumerate() {
            let (index, name) = (index.to_string(), step.action.name());
            let path = ["do", index.as_str(), name];
            if let Some(hint) = self.without_object(&step.action) {
                self.complain(&path, format!("`{name}` has nothing to act on"), hint);
            } else if let Some((message, hint)) = self.misplaced(&step.action) {
                self.complain(&path, message, hint);
            } else if rule.beside && takes_over(&step.action) {
                let hint = "remove `beside`, or this action";
                self.complain(&path, format!("a rule with `beside` may not {name}"), hint);
            }
        }
        self.replied(rule);
        self.begun_anew(rule);
        self.retried(rule);
    }

    /// What would do, if an action has nothing to act on in these incidents.
    fn without_object(&self, action: &Action) -> Option<&'static str> {
        let on = |kind| self.on.contains(&kind);
        let of_agent = matches!(action, Action::Prompt(_) | Action::Restart { .. } | Action::Handoff(_));
        let of_pull = matches!(action, Action::Comment(_) | Action::Label(_));
        let opens = *action == Action::OpenPull;
        if on(IncidentKind::IssueReady) && (of_agent || opens) {
            return Some("an issue that is ready has no agent yet; use `spawn`");
        }
        let runs_again = *action == Action::Restart { fresh: false };
        if on(IncidentKind::SetupFailed) && (of_agent || of_pull || opens) && !runs_again {
            return Some("a workspace that is not ready has no agent and no pull request; use `restart` or `notify`");
        }
        if on(IncidentKind::NoChange) && of_pull {
            return Some("nothing was pushed, so there is no pull request; use `prompt` or `notify`");
        }
        let nobodys = self.on.iter().any(|kind| NOBODYS.contains(kind));
        (nobodys && (of_agent || of_pull)).then_some("use `notify`")
    }

    /// Why an action is for other incidents.
    fn misplaced(&self, action: &Action) -> Option<(&'static str, &'static str)> {
        match action {
            Action::Spawn(_) if self.on != [IncidentKind::IssueReady] => {
                Some(("only a rule on `issue-ready` alone can spawn", "use `prompt` or `restart`"))
            }
            Action::Merge if self.on != [IncidentKind::ApprovedAndGreen] => {
                Some(("only a rule on `approved-and-green` alone can merge", "nothing else is safe to merge"))
            }
            Action::UpdateBranch if self.on != [IncidentKind::BehindBase] => Some((
                "only a rule on `behind-base` alone can update the branch",
                "GitHub merges only what does not conflict; use `prompt` for the rest",
            )),
            Action::Rerun if self.on.iter().any(|kind| !RERUNNABLE.contains(kind)) => Some((
                "only a rule on `checks-failed` or `checks-missing` can rerun",
                "nothing else has jobs that failed or were interrupted",
            )),
            Action::OpenPull if self.on.iter().any(|kind| !AGENTS.contains(kind)) => Some((
                "only a rule on what happens to agents can open a pull request",
                "what happens to a pull request happens after it was opened",
            )),
            Action::Spawn(_)
            | Action::Restart { .. }
            | Action::Handoff(_)
            | Action::Prompt(_)
            | Action::OpenPull
            | Action::Rerun
            | Action::Comment(_)
            | Action::Reply(_)
            | Action::Resolve
            | Action::Label(_)
            | Action::Notify { .. }
            | Action::Merge
            | Action::UpdateBranch => None,
        }
    }

    /// What happens to a pull request has to be said to whoever goes on.
    fn begun_anew(&mut self, rule: &Rule) {
        let alone = [&AGENTS[..], &[IncidentKind::SetupFailed, IncidentKind::NoChange]].concat();
        let anew = |step: &Step| matches!(step.action, Action::Restart { .. } | Action::Handoff(_));
        let prompts = rule.actions.iter().any(|step| matches!(step.action, Action::Prompt(_)));
        if prompts || self.on.iter().all(|kind| alone.contains(kind)) {
            return;
        }
        for (index, step) in rule.actions.iter().enumerate().filter(|(_, step)| anew(step)) {
            let (index, name) = (index.to_string(), step.action.name());
            let hint = "add a `prompt` after it";
            self.complain(&["do", &index, name], format!("after `{name}` nobody says what is to be done"), hint);
        }
    }

    /// What is done in threads waits for the agent's answer.
    fn replied(&mut self, rule: &Rule) {
        let prompts = rule.actions.iter().any(|step| matches!(step.action, Action::Prompt(_)));
        let replies = |step: &Step| matches!(step.action, Action::Reply(_) | Action::Resolve);
        for (index, step) in rule.actions.iter().enumerate().filter(|(_, step)| replies(step)) {
            let (index, name) = (index.to_string(), step.action.name());
            let path = ["do", index.as_str(), name];
            if self.on != [IncidentKind::ChangesRequested] {
                let hint = "nothing else has threads";
                self.complain(&path, format!("only a rule on `changes-requested` alone can {name}"), hint);
            } else if !prompts {
                let hint = "add a `prompt`: what the agent was not told it does not answer";
                self.complain(&path, format!("`{name}` waits for an answer that never comes"), hint);
            }
        }
    }

    /// `retry` without anything to try again is a mistake.
    fn retried(&mut self, rule: &Rule) {
        if self.node.get(&["retry"]).is_none() {
            return;
        }
        if rule.beside {
            self.complain(&["retry"], "a rule with `beside` may not retry", "remove `beside` or `retry`");
        }
        let tries = |step: &Step| {
            let Step { action, .. } = step;
            matches!(
                action,
                Action::Prompt(_)
                    | Action::Restart { .. }
                    | Action::Handoff(_)
                    | Action::Spawn(_)
                    | Action::UpdateBranch
            )
        };
        // A step with a mistake of its own is missing here; that mistake is enough.
        if self.found.is_empty() && !rule.actions.iter().any(tries) {
            let hint = "add a `prompt` or `restart` under `do`, or remove `retry`";
            self.complain(&["retry"], "there is nothing to try again", hint);
        }
    }
}

/// Whether an action is for the one rule that answers.
const fn takes_over(action: &Action) -> bool {
    matches!(
        action,
        Action::Prompt(_)
            | Action::Restart { .. }
            | Action::Handoff(_)
            | Action::Rerun
            | Action::Merge
            | Action::UpdateBranch
    )
}

fn under<'p>(path: &[&'p str], key: &'p str) -> Vec<&'p str> {
    path.iter().copied().chain([key]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::layers::{Sheet, Source},
        *,
    };

    fn built(text: &str) -> Result<Rule, Vec<Diagnostic>> {
        let source = Source { layer: Layer::Operator, name: "r.yaml".to_owned(), text: text.to_owned() };
        build(&Sheet::parse(&source)?.node)
    }

    fn broken(text: &str) -> String {
        let found = built(text).unwrap_err();
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
    }

    #[test]
    fn a_rule_gets_its_defaults() {
        let rule = built("name: r\non: conflict\ndo: [{ prompt: 'Merge the base branch.' }]\n").unwrap();

        assert_eq!((rule.retry, rule.settle, rule.trust), (Retry::default(), Duration::ZERO, Tier::Collaborator));
        assert!(matches!(rule.checks, Checks::Required));
        assert_eq!((rule.beside, rule.lock, rule.escalate), (false, false, None));
    }

    #[test]
    fn a_rule_with_everything_loads() {
        let rule = built(
            r##"
name: everything
description: All of the language at once.
on: [checks-failed]
if: "!pr.draft"
checks: ["test *", lint]
settle: 20s
trust: maintainer
do:
  - rerun: failed-jobs
    if: failures.all(f, f.class in ['flaky', 'infrastructure'])
  - prompt: |
      CI is red on {{pr.url}} at {{short pr.head}} (attempt {{attempt}} of {{attempts_max}}).
      {{#each failures}}
      ### {{quote job}} › {{quote step}}
      {{quote log lines=120}}
      {{/each}}
    if: failures.exists(f, f.class in ['code', 'unknown'])
  - label: red
retry:
  attempts: 3
  total: 6
  backoff: { initial: 30s, factor: 2, max: 15m, jitter: 0.2 }
escalate:
  after: { attempts: 2, time: 45m }
  do:
    - label: needs-human
    - comment: "I tried {{attempts}} times. What I know: {{summary}}"
    - notify: { priority: urgent }
mode: live
lock: false
"##,
        )
        .unwrap();

        let names: Vec<&str> = rule.actions.iter().map(|step| step.action.name()).collect();
        assert_eq!(names, ["rerun", "prompt", "label"]);
        assert!(rule.checks.include("test ubuntu", false) && rule.checks.include("lint", false));
        assert!(!rule.checks.include("build", true));
        let escalate = rule.escalate.unwrap();
        assert_eq!((escalate.attempts, escalate.time), (2, Some(Duration::from_secs(45 * 60))));
    }

    #[test]
    fn an_unknown_incident_is_pointed_at() {
        insta::assert_snapshot!(broken("name: r\non: check-failed\ndo: [{ notify: {} }]\n"), @r#"
        error: unknown value `check-failed`
         --> r.yaml:2:5
          |
        2 | on: check-failed
          |     ^^^^^^^^^^^^
          |
          = hint: did you mean `checks-failed`?
        "#);
        insta::assert_snapshot!(broken("name: r\ndo: [{ notify: {} }]\n"), @r#"
        error: the rule names no incident
         --> r.yaml:1:1
          |
        1 | name: r
          | ^
          |
          = hint: write `on: checks-failed`
        "#);
    }

    #[test]
    fn whoever_begins_anew_on_a_pull_request_has_to_be_told() {
        let found = broken("name: r\non: conflict\ndo:\n  - handoff: codex\n");
        assert!(found.contains("after `handoff` nobody says what is to be done"), "{found}");
        assert!(built("name: r\non: conflict\ndo:\n  - handoff: codex\n  - prompt: Merge.\n").is_ok());
        assert!(built("name: r\non: agent-exited\ndo:\n  - restart: { fresh: true }\n").is_ok());
    }

    #[test]
    fn a_workspace_that_is_not_ready_has_no_conversation() {
        let found = broken("name: r\non: setup-failed\ndo: [{ restart: { fresh: true } }]\n");
        assert!(found.contains("`restart` has nothing to act on"), "{found}");
    }

    #[test]
    fn an_unknown_action_is_pointed_at() {
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo:\n  - promt: x\n"), @r#"
        error: unknown key `promt`
         --> r.yaml:4:5
          |
        4 |   - promt: x
          |     ^^^^^
          |
          = hint: did you mean `prompt`?
        "#);
    }

    #[test]
    fn what_comes_later_is_named_as_such() {
        let text = "name: r\non: [conflict, merged]\ndo:\n  - unlabel: red\n    if: pr.draft\nescalate:\n  do: [{ webhook: x }]\n";
        insta::assert_snapshot!(broken(text), @r#"
        error: the incident `merged` is not available in this version
         --> r.yaml:2:16
          |
        2 | on: [conflict, merged]
          |                ^^^^^^

        error: the action `unlabel` is not available in this version
         --> r.yaml:4:5
          |
        4 |   - unlabel: red
          |     ^^^^^^^

        error: the action `webhook` is not available in this version
         --> r.yaml:7:10
          |
        7 |   do: [{ webhook: x }]
          |          ^^^^^^^
        "#);
    }

    #[test]
    fn a_rule_without_effect_is_refused() {
        insta::assert_snapshot!(broken("name: r\non: conflict\n"), @r#"
        error: the rule does nothing
         --> r.yaml:1:1
          |
        1 | name: r
          | ^
          |
          = hint: name at least one action under `do`
        "#);
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: []\n"), @r#"
        error: the rule does nothing
         --> r.yaml:3:5
          |
        3 | do: []
          |     ^
          |
          = hint: name at least one action under `do`
        "#);
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: [{ if: pr.draft }]\n"), @r#"
        error: this step has no action
         --> r.yaml:3:6
          |
        3 | do: [{ if: pr.draft }]
          |      ^
          |
          = hint: write for example `notify: {}`
        "#);
        insta::assert_snapshot!(
            broken("name: r\non: conflict\ndo: [{ notify: {} }]\nescalate: { after: { time: 1h }, do: [] }\n"), @r#"
        error: this escalation does nothing
         --> r.yaml:4:38
          |
        4 | escalate: { after: { time: 1h }, do: [] }
          |                                      ^
          |
          = hint: write for example `- notify: {}`
        "#);
    }

    #[test]
    fn a_step_has_one_action() {
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo:\n  - label: a\n    notify: {}\n"), @r#"
        error: this step has several actions
         --> r.yaml:4:5
          |
        4 |   - label: a
          |     ^
          |
          = hint: begin each action with a dash of its own
        "#);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let text = "\
name: r
on: conflict
do: [{ prompt: 'Merge.' }]
retry: { attempts: 0, backoff: { initial: 1h, max: 1m, factor: 0.5, jitter: 2 } }
escalate: { after: { attempts: 0 }, do: [{ notify: {} }] }
";
        insta::assert_snapshot!(broken(text), @r#"
        error: between 1 and 100 attempts are possible
         --> r.yaml:4:20
          |
        4 | retry: { attempts: 0, backoff: { initial: 1h, max: 1m, factor: 0.5, jitter: 2 } }
          |                    ^
          |
          = hint: 3 is usual

        error: the first wait is longer than the longest
         --> r.yaml:4:43
          |
        4 | retry: { attempts: 0, backoff: { initial: 1h, max: 1m, factor: 0.5, jitter: 2 } }
          |                                           ^^
          |
          = hint: raise `max`

        error: a factor lies between 1 and 10
         --> r.yaml:4:64
          |
        4 | retry: { attempts: 0, backoff: { initial: 1h, max: 1m, factor: 0.5, jitter: 2 } }
          |                                                                ^^^
          |
          = hint: 2 is usual

        error: jitter lies between 0 and 1
         --> r.yaml:4:77
          |
        4 | retry: { attempts: 0, backoff: { initial: 1h, max: 1m, factor: 0.5, jitter: 2 } }
          |                                                                             ^
          |
          = hint: 0.2 is usual

        error: people are called before anything is tried
         --> r.yaml:5:32
          |
        5 | escalate: { after: { attempts: 0 }, do: [{ notify: {} }] }
          |                                ^
          |
          = hint: write 1
        "#);
    }

    #[test]
    fn retry_without_anything_to_try_again_is_refused() {
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: [{ notify: {} }]\nretry: { attempts: 2 }\n"), @r#"
        error: there is nothing to try again
         --> r.yaml:4:8
          |
        4 | retry: { attempts: 2 }
          |        ^
          |
          = hint: add a `prompt` or `restart` under `do`, or remove `retry`
        "#);
    }

    #[test]
    fn an_escalation_calls_people() {
        insta::assert_snapshot!(
            broken("name: r\non: conflict\ndo: [{ notify: {} }]\nescalate: { do: [{ prompt: 'Try harder.' }] }\n"), @r#"
        error: `prompt` calls nobody
         --> r.yaml:4:18
          |
        4 | escalate: { do: [{ prompt: 'Try harder.' }] }
          |                  ^
          |
          = hint: an escalation has `comment`, `label`, `notify`
        "#);
    }

    #[test]
    fn actions_must_fit_their_incident() {
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: [{ merge: {} }]\n"), @r#"
        error: only a rule on `approved-and-green` alone can merge
         --> r.yaml:3:15
          |
        3 | do: [{ merge: {} }]
          |               ^
          |
          = hint: nothing else is safe to merge
        "#);
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: [{ spawn: { prompt: x } }]\n"), @r#"
        error: only a rule on `issue-ready` alone can spawn
         --> r.yaml:3:15
          |
        3 | do: [{ spawn: { prompt: x } }]
          |               ^
          |
          = hint: use `prompt` or `restart`
        "#);
        insta::assert_snapshot!(broken("name: r\non: issue-ready\ndo: [{ prompt: x }]\n"), @r#"
        error: `prompt` has nothing to act on
         --> r.yaml:3:16
          |
        3 | do: [{ prompt: x }]
          |                ^
          |
          = hint: an issue that is ready has no agent yet; use `spawn`
        "#);
    }

    #[test]
    fn a_rule_beside_may_not_act_on_the_agent() {
        insta::assert_snapshot!(broken("name: r\non: conflict\nbeside: true\ndo: [{ prompt: x }]\nretry: {}\n"), @r#"
        error: a rule with `beside` may not prompt
         --> r.yaml:4:16
          |
        4 | do: [{ prompt: x }]
          |                ^
          |
          = hint: remove `beside`, or this action

        error: a rule with `beside` may not retry
         --> r.yaml:5:8
          |
        5 | retry: {}
          |        ^
          |
          = hint: remove `beside` or `retry`
        "#);
    }

    #[test]
    fn checks_belong_to_failed_checks() {
        insta::assert_snapshot!(broken("name: r\non: conflict\nchecks: all\ndo: [{ notify: {} }]\n"), @r#"
        error: only a rule on `checks-failed` alone looks at checks
         --> r.yaml:3:9
          |
        3 | checks: all
          |         ^^^
          |
          = hint: remove `checks`
        "#);
        insta::assert_snapshot!(
            broken("name: r\non: checks-failed\nchecks: ['te[st']\ndo: [{ notify: {} }]\n"), @r#"
        error: this is not a name or pattern
         --> r.yaml:3:10
          |
        3 | checks: ['te[st']
          |          ^^^^^^^
          |
          = hint: unclosed character class; missing ']'
        "#);
    }

    #[test]
    fn a_label_is_a_fixed_text() {
        insta::assert_snapshot!(broken("name: r\non: conflict\ndo: [{ label: 'try {{attempt}}' }]\n"), @r#"
        error: this is not a label
         --> r.yaml:3:15
          |
        3 | do: [{ label: 'try {{attempt}}' }]
          |               ^^^^^^^^^^^^^^^^^
          |
          = hint: a label is a fixed text of 1 to 50 characters without commas
        "#);
    }

    #[test]
    fn a_mistake_in_a_template_is_found_at_its_line() {
        insta::assert_snapshot!(
            broken("name: r\non: checks-failed\ndo:\n  - prompt: |\n      Look at {{pr.url}}.\n      {{#each failures}}{{log}}{{/each}}\n"), @r#"
        error: `log` comes from outside and may not be printed bare
         --> r.yaml:6:27
          |
        6 |       {{#each failures}}{{log}}{{/each}}
          |                           ^^^
          |
          = hint: write {{quote log}}
        "#);
    }

    #[test]
    fn several_mistakes_are_reported_together() {
        let found = built("name: r\non: conflict\nif: pr.drft\ndo: [{ comment: '{{pr.title}}' }, { label: '' }]\n")
            .unwrap_err();
        let places: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();

        assert_eq!(places, ["if", "do[0].comment", "do[1].label"]);
    }
}
