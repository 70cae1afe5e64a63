//! The rules in force: all sources laid over each other, and which rule answers an incident.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use sha2::{Digest as _, Sha256};

use crate::{
    model::{AgentName, IncidentKind, RuleName},
    yaml::{Diagnostic, Node, Value},
};

use super::{
    Broken, Context,
    build::{agents, build},
    layers::{Effective, Sheet, Source, lay},
    rule::{Layer, Mode, Rule},
};

/// The rules in force. They never change; a new set replaces them.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Locked ones first, then more specific ones, then by name.
    rules: Vec<Rule>,
    /// The rules as they were shipped, under names of their own, for when a changed one breaks.
    shipped: Vec<Rule>,
    hash: String,
    /// The agents that they name, each with the complaint for when there is none of that name.
    agents: Vec<(AgentName, Diagnostic)>,
}

/// Which rule answers, and which ones broke on the way.
#[derive(Debug, Clone)]
pub struct Answer<'r> {
    /// The rule. `None`: no rule answers.
    pub rule: Option<&'r Rule>,
    /// Rules that could not be evaluated; each opens the incident `rule-broken`.
    pub broken: Vec<(RuleName, Broken)>,
}

impl Rules {
    /// Lays the sources over each other and builds every rule.
    ///
    /// The order of `sources` does not matter: their layers decide. The shipped ones are [`super::shipped`].
    ///
    /// # Errors
    ///
    /// Every mistake in every source.
    pub fn load(sources: &[Source]) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let mut sheets = parse(sources, &mut found);
        sheets.sort_by_key(|sheet| sheet.layer);
        let effective = effective(&sheets, &mut found);
        let mut rules: Vec<Rule> = effective.values().filter_map(|it| keep(rule(it), &mut found)).collect();
        rules.sort_by_key(|rule| (Reverse(rule.lock), Reverse(rule.layer), rule.name.clone()));
        let as_shipped = sheets.iter().filter(|sheet| sheet.layer == Layer::Shipped);
        let shipped = as_shipped.filter_map(|sheet| build(&sheet.node).ok().and_then(renamed)).collect();
        let agents = effective.values().flat_map(|it| agents(&it.node)).collect();
        if found.is_empty() { Ok(Self { rules, shipped, hash: hash(&effective), agents }) } else { Err(found) }
    }

    /// The same rules in a world that runs `factor` times as fast.
    #[must_use]
    pub fn sped_up(self, factor: u32) -> Self {
        let faster = |rules: Vec<Rule>| rules.into_iter().map(|rule| rule.sped_up(factor)).collect();
        Self { rules: faster(self.rules), shipped: faster(self.shipped), ..self }
    }

    /// What is wrong with them where there are these agents alone.
    #[must_use]
    pub fn unknown_agents(&self, known: &BTreeSet<AgentName>) -> Vec<Diagnostic> {
        let names: Vec<_> = known.iter().map(AgentName::as_str).collect();
        let strangers = self.agents.iter().filter(|(name, _)| !known.contains(name));
        strangers.map(|(_, complaint)| complaint.clone().hint(format!("known are {}", names.join(", ")))).collect()
    }

    /// SHA-256 of the rules as they result from all sources, 64 hexadecimal digits. Comments and order do not count.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// All rules: what the operator locked, then the more specific, then by name.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this name; `shipped-NAME` is one as it was shipped.
    #[must_use]
    pub fn get(&self, name: &RuleName) -> Option<&Rule> {
        self.rules.iter().chain(&self.shipped).find(|rule| rule.name == *name)
    }

    /// The rule that answers an incident as it was shipped, for when a changed one breaks.
    #[must_use]
    pub fn as_shipped(&self, kind: IncidentKind) -> Option<&Rule> {
        self.shipped.iter().find(|rule| rule.on.contains(&kind) && leads(rule))
    }

    /// The rules that can answer an incident, in the order in which they are asked.
    #[must_use]
    pub fn answering(&self, kind: IncidentKind) -> Vec<&Rule> {
        self.rules.iter().filter(|rule| rule.on.contains(&kind) && leads(rule)).collect()
    }

    /// The rules that run next to the one that answers: `beside` ones, and those in `mode: shadow`, which only record.
    #[must_use]
    pub fn alongside(&self, kind: IncidentKind) -> Vec<&Rule> {
        self.rules.iter().filter(|rule| rule.on.contains(&kind) && !leads(rule)).collect()
    }

    /// The one rule that answers an incident on these facts.
    ///
    /// A rule that breaks counts as not fired; if then no other one answers, a shipped one does as it was shipped.
    #[must_use]
    pub fn first_that_holds(&self, kind: IncidentKind, context: &Context) -> Answer<'_> {
        let mut broken = Vec::new();
        let mut rule = first(self.answering(kind), context, &mut broken);
        if rule.is_none() && !broken.is_empty() {
            let shipped = self.shipped.iter().filter(|rule| rule.on.contains(&kind) && leads(rule)).collect();
            rule = first(shipped, context, &mut Vec::new());
        }
        Answer { rule, broken }
    }
}

/// What an operator's rule cannot be called, so that a rule that answers as it was shipped has a name.
const AS_SHIPPED: &str = "shipped-";

fn renamed(rule: Rule) -> Option<Rule> {
    Some(Rule { name: format!("{AS_SHIPPED}{}", rule.name).parse().ok()?, ..rule })
}

fn leads(rule: &Rule) -> bool {
    !rule.beside && rule.mode == Mode::Live
}

fn first<'r>(rules: Vec<&'r Rule>, context: &Context, broken: &mut Vec<(RuleName, Broken)>) -> Option<&'r Rule> {
    rules.into_iter().find(|rule| match rule.answers_in_full(context) {
        Ok(holds) => holds,
        Err(error) => {
            broken.push((rule.name.clone(), error));
            false
        }
    })
}

fn parse(sources: &[Source], found: &mut Vec<Diagnostic>) -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = Vec::new();
    for source in sources {
        let sheet = match Sheet::parse(source) {
            Ok(sheet) => sheet,
            Err(mistakes) => {
                found.extend(mistakes);
                continue;
            }
        };
        if sheet.document.name.as_str().starts_with(AS_SHIPPED) {
            let place = sheet.node.get(&["name"]).unwrap_or(&sheet.node);
            let message = format!("names that begin with `{AS_SHIPPED}` are taken");
            found.push(place.complain(message).hint("they name rules as they were shipped").at("name"));
            continue;
        }
        let same = |known: &&Sheet| known.layer == sheet.layer && known.document.name == sheet.document.name;
        match sheets.iter().find(same) {
            Some(known) => {
                let place = sheet.node.get(&["name"]).unwrap_or(&sheet.node);
                let message = format!("the rule `{}` is written twice", sheet.document.name);
                let hint = format!("it also stands in {}", known.node.file.name);
                found.push(place.complain(message).hint(hint).at("name"));
            }
            None => sheets.push(sheet),
        }
    }
    sheets
}

fn effective(sheets: &[Sheet], found: &mut Vec<Diagnostic>) -> BTreeMap<RuleName, Effective> {
    let mut by_name: BTreeMap<&RuleName, Vec<&Sheet>> = BTreeMap::new();
    for sheet in sheets {
        by_name.entry(&sheet.document.name).or_default().push(sheet);
    }
    let mut effective = BTreeMap::new();
    for (name, sheets) in by_name {
        match lay(&sheets) {
            Ok(laid) => {
                effective.insert(name.clone(), laid);
            }
            Err(mistakes) => found.extend(mistakes),
        }
    }
    effective
}

fn rule(effective: &Effective) -> Result<Rule, Vec<Diagnostic>> {
    let rule = build(&effective.node)?;
    Ok(Rule { origins: effective.origins.clone(), layer: effective.layer, ..rule })
}

fn keep<T>(made: Result<T, Vec<Diagnostic>>, found: &mut Vec<Diagnostic>) -> Option<T> {
    made.map_err(|mistakes| found.extend(mistakes)).ok()
}

fn hash(rules: &BTreeMap<RuleName, Effective>) -> String {
    let mut text = String::from("reactions/1\n");
    for effective in rules.values() {
        canonical(&effective.node, &mut text);
        text.push('\n');
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The value as text, the same for equal values whatever their notation: keys sorted, texts quoted.
fn canonical(node: &Node, text: &mut String) {
    match &node.value {
        Value::Null => text.push_str("null"),
        Value::Bool(it) => text.push_str(if *it { "true" } else { "false" }),
        Value::Integer(it) => text.push_str(&it.to_string()),
        Value::Float(it) => text.push_str(&it.to_string()),
        Value::Text(it) => text.push_str(&serde_json::Value::from(it.as_str()).to_string()),
        Value::List(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Map(entries) => {
            let sorted: BTreeMap<&str, &Node> = entries.iter().map(|it| (it.key.as_str(), &it.node)).collect();
            text.push('{');
            for (key, value) in sorted {
                text.push_str(&serde_json::Value::from(key).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Action, Origin, samples, shipped},
        *,
    };

    fn source(layer: Layer, name: &str, text: &str) -> Source {
        Source { layer, name: name.to_owned(), text: text.to_owned() }
    }

    fn operator(text: &str) -> Source {
        source(Layer::Operator, "operator.yaml", text)
    }

    fn repository(text: &str) -> Source {
        source(Layer::Repository, "repository.yaml", text)
    }

    fn load(own: impl IntoIterator<Item = Source>) -> Rules {
        let sources: Vec<Source> = shipped().into_iter().chain(own).collect();
        Rules::load(&sources).unwrap_or_else(|found| panic!("{}", shown(&found)))
    }

    fn broken(own: impl IntoIterator<Item = Source>) -> String {
        let sources: Vec<Source> = shipped().into_iter().chain(own).collect();
        shown(&Rules::load(&sources).unwrap_err())
    }

    fn shown(found: &[Diagnostic]) -> String {
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
    }

    fn name(text: &str) -> RuleName {
        text.parse().unwrap()
    }

    #[test]
    fn later_sources_win_field_by_field() {
        let rules = load([
            operator("name: ci-failed\nretry: { attempts: 2, backoff: { initial: 10s } }\n"),
            repository("name: ci-failed\nsettle: 40s\n"),
        ]);
        let rule = rules.get(&name("ci-failed")).unwrap();

        assert_eq!((rule.retry.attempts, rule.retry.total, rule.settle.as_secs()), (2, 6, 40));
        assert_eq!(rule.retry.backoff.initial, crate::yaml::Duration::from_secs(10));
        assert_eq!(rule.retry.backoff.max, crate::yaml::Duration::from_secs(900));
        assert_eq!(rule.layer, Layer::Repository);
        let origin = |field: &str| rule.origins[field].clone();
        let expected = Origin { layer: Layer::Operator, file: "operator.yaml".to_owned(), line: 2 };
        assert_eq!(origin("retry.backoff.initial"), expected);
        assert_eq!(origin("settle").layer, Layer::Repository);
        assert_eq!(origin("do").layer, Layer::Shipped);
    }

    #[test]
    fn the_more_specific_source_is_asked_first_then_the_name_decides() {
        let rule = |name: &str| format!("name: {name}\non: conflict\ndo: [{{ notify: {{}} }}]\n");
        let rules =
            load([operator(&rule("zz")), source(Layer::Operator, "aa.yaml", &rule("aa")), repository(&rule("mm"))]);

        let order: Vec<&str> = rules.answering(IncidentKind::Conflict).iter().map(|it| it.name.as_str()).collect();
        assert_eq!(order, ["mm", "aa", "zz", "conflict"]);
    }

    #[test]
    fn exactly_one_rule_answers() {
        let rules = load([operator("name: mine\non: checks-failed\nif: pr.draft\ndo: [{ notify: {} }]\n")]);
        let mut context = samples(IncidentKind::ChecksFailed).remove(0);

        let answer =
            |context: &Context| rules.first_that_holds(IncidentKind::ChecksFailed, context).rule.unwrap().name.clone();
        context.pr.as_mut().unwrap().draft = true;
        assert_eq!(answer(&context), name("mine"));
        context.pr.as_mut().unwrap().draft = false;
        assert_eq!(answer(&context), name("ci-failed"));
    }

    #[test]
    fn when_a_changed_rule_breaks_the_shipped_one_answers() {
        let rules = load([operator("name: ci-failed\nif: failures[0].class != 'billing'\n")]);
        let mut context = samples(IncidentKind::ChecksFailed).remove(0);
        context.failures.clear();

        let answer = rules.first_that_holds(IncidentKind::ChecksFailed, &context);
        assert_eq!(answer.broken.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ci-failed"]);
        assert_eq!(
            answer.rule.map(|rule| (rule.name.as_str(), rule.layer)),
            Some(("shipped-ci-failed", Layer::Shipped))
        );
        assert!(rules.get(&name("shipped-ci-failed")).is_some());
    }

    #[test]
    fn a_rule_whose_actions_cannot_be_evaluated_breaks_as_a_whole() {
        let step = "do: [{ notify: {}, if: \"failures[0].class != 'billing'\" }, { prompt: 'Repair it.' }]";
        let rules = load([operator(&format!("name: ci-failed\n{step}\n"))]);
        let mut context = samples(IncidentKind::ChecksFailed).remove(0);
        context.failures.clear();

        let answer = rules.first_that_holds(IncidentKind::ChecksFailed, &context);
        assert_eq!(answer.broken.len(), 1);
        assert_eq!(answer.rule.map(|rule| rule.name.as_str()), Some("shipped-ci-failed"));
    }

    #[test]
    fn nobody_else_names_a_rule_as_a_shipped_one() {
        let source = operator("name: shipped-ci-failed\non: conflict\ndo: [{ notify: {} }]\n");
        let mistakes = Rules::load(&[source]).unwrap_err();

        assert!(mistakes[0].to_string().contains("are taken"), "{}", mistakes[0]);
    }

    #[test]
    fn shadow_and_beside_rules_do_not_answer() {
        let rules = load([
            operator("name: trial\non: conflict\nmode: shadow\ndo: [{ prompt: 'Rebase.' }]\n"),
            source(Layer::Operator, "b.yaml", "name: teller\non: conflict\nbeside: true\ndo: [{ notify: {} }]\n"),
        ]);

        let names = |rules: Vec<&Rule>| rules.iter().map(|it| it.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(rules.answering(IncidentKind::Conflict)), ["conflict"]);
        assert_eq!(names(rules.alongside(IncidentKind::Conflict)), ["teller", "trial"]);
    }

    #[test]
    fn the_hash_tells_rules_apart_but_not_their_notation() {
        let one = load([operator("name: conflict\nsettle: 5s\ntrust: maintainer\n")]);
        let same = load([operator("# the same\ntrust: \"maintainer\"\nname: conflict\nsettle:   5s\n")]);
        let other = load([operator("name: conflict\nsettle: 6s\ntrust: maintainer\n")]);

        assert_eq!(one.hash(), same.hash());
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.hash().len(), 64);
    }

    #[test]
    fn a_faster_world_waits_less() {
        let rule = |rules: &Rules| {
            let rule = rules.get(&name("ci-failed")).unwrap();
            (rule.settle, rule.retry.backoff.delay(9, 1 << 63), rule.escalate.as_ref().unwrap().time)
        };
        let (usual, fast) = (load([]), load([]).sped_up(10));

        assert_eq!(rule(&usual).0, rule(&fast).0 * 10);
        assert_eq!(rule(&usual).1.as_secs(), rule(&fast).1.as_secs() * 10);
        assert_eq!(rule(&usual).2, rule(&fast).2.map(|time| time * 10));
    }

    #[test]
    fn a_repository_can_be_stricter() {
        let rules = load([repository(
            "name: ci-failed\ntrust: maintainer\nretry: { attempts: 1, total: 2 }\nescalate: { after: { attempts: 1 } }\n",
        )]);

        let rule = rules.get(&name("ci-failed")).unwrap();
        assert_eq!((rule.trust, rule.retry.attempts), (crate::model::Tier::Maintainer, 1));
    }

    #[test]
    fn a_repository_cannot_be_laxer() {
        insta::assert_snapshot!(
            broken([repository("name: ci-failed\ntrust: stranger\nretry: { attempts: 4, total: 60 }\n")]), @r#"
        error: a repository can only ask for more trust
         --> repository.yaml:2:8
          |
        2 | trust: stranger
          |        ^^^^^^^^
          |
          = hint: people who may not write here could write the rule's prompts

        error: a repository can only lower this, and it is 3
         --> repository.yaml:3:20
          |
        3 | retry: { attempts: 4, total: 60 }
          |                    ^
          |
          = hint: the operator's rules can raise it

        error: a repository can only lower this, and it is 6
         --> repository.yaml:3:30
          |
        3 | retry: { attempts: 4, total: 60 }
          |                              ^^
          |
          = hint: the operator's rules can raise it
        "#);
    }

    #[test]
    fn a_new_rule_of_a_repository_cannot_be_laxer_than_the_defaults() {
        let text = "name: mine\non: conflict\ntrust: stranger\nretry: { attempts: 9 }\ndo: [{ prompt: 'Rebase.' }]\n";
        insta::assert_snapshot!(broken([repository(text)]), @r#"
        error: a repository can only ask for more trust
         --> repository.yaml:3:8
          |
        3 | trust: stranger
          |        ^^^^^^^^
          |
          = hint: people who may not write here could write the rule's prompts

        error: a repository can only lower this, and it is 3
         --> repository.yaml:4:20
          |
        4 | retry: { attempts: 9 }
          |                    ^
          |
          = hint: the operator's rules can raise it
        "#);
    }

    #[test]
    fn a_repository_cannot_order_a_merge() {
        insta::assert_snapshot!(
            broken([repository("name: approved-and-green\ndo:\n  - merge: {}\n")]), @r#"
        error: a repository cannot order a merge by itself
         --> repository.yaml:3:5
          |
        3 |   - merge: {}
          |     ^^^^^
          |
          = hint: the operator decides, with `merge` in the settings of the repository
        "#);
        insta::assert_snapshot!(broken([repository("name: approved-and-green\nif: pr.number > 0\n")]), @r#"
        error: a repository cannot change `if` of a rule that merges
         --> repository.yaml:2:5
          |
        2 | if: pr.number > 0
          |     ^^^^^^^^^^^^^
          |
          = hint: give `do` without `merge` as well, or ask the operator
        "#);
    }

    #[test]
    fn a_repository_can_forbid_its_merges() {
        let rules = load([repository("name: approved-and-green\ndo:\n  - notify: {}\n")]);

        let rule = rules.get(&name("approved-and-green")).unwrap();
        assert!(rule.actions.iter().all(|step| step.action != Action::Merge));
    }

    #[test]
    fn what_the_operator_locked_stays() {
        let lock = operator("name: ci-failed\nlock: true\nsettle: 5s\nescalate: { after: { attempts: 1 } }\n");
        insta::assert_snapshot!(
            broken([lock.clone(), repository("name: ci-failed\nsettle: 9s\nlock: false\nescalate: { after: { time: 1h }, do: [{ notify: {} }] }\n")]), @r#"
        error: only the operator can lock a rule
         --> repository.yaml:3:7
          |
        3 | lock: false
          |       ^^^^^
          |
          = hint: remove this line

        error: the operator has locked `settle`
         --> repository.yaml:2:1
          |
        2 | settle: 9s
          | ^^^^^^
          |
          = hint: remove it, or ask the operator
        "#);

        let laxer = broken([lock.clone(), repository("name: ci-failed\nescalate: { after: { attempts: 2 } }\n")]);
        assert!(laxer.contains("the operator has locked `escalate.after.attempts`"), "{laxer}");
        load([lock.clone(), repository("name: ci-failed\ndescription: ours\n")]);

        // A rule of another name does not get around it either.
        let rules = load([lock, repository("name: mine\non: checks-failed\ndo: [{ notify: {} }]\n")]);
        let order: Vec<&str> = rules.answering(IncidentKind::ChecksFailed).iter().map(|it| it.name.as_str()).collect();
        assert_eq!(order, ["ci-failed", "mine"]);
    }

    #[test]
    fn a_rule_is_written_once_in_each_layer() {
        insta::assert_snapshot!(
            broken([operator("name: ci-failed\nsettle: 1s\n"), source(Layer::Operator, "b.yaml", "name: ci-failed\nsettle: 2s\n")]), @r#"
        error: the rule `ci-failed` is written twice
         --> b.yaml:1:7
          |
        1 | name: ci-failed
          |       ^^^^^^^^^
          |
          = hint: it also stands in operator.yaml
        "#);
    }

    #[test]
    fn nothing_is_not_a_value() {
        insta::assert_snapshot!(broken([operator("name: ci-failed\nif: null\n")]), @r#"
        error: expected a value, found nothing
         --> operator.yaml:2:5
          |
        2 | if: null
          |     ^^^^
          |
          = hint: leave the key out to get its default
        "#);
    }

    #[test]
    fn mistakes_of_all_files_are_reported_together() {
        let found = broken([operator("name: a\non: conflict\n"), repository("name: b\non: conflict\ndo: []\n")]);

        assert_eq!(found.matches("the rule does nothing").count(), 2, "{found}");
    }
}
