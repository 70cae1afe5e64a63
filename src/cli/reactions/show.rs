//! Rules as text and as JSON: which one answers what, how often, and who says so. Pure.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::check::Set;
use crate::{
    model::IncidentKind,
    reaction::{Layer, Mode, Rule, Rules, Step},
    view::SCHEMA,
};

/// The rules for people.
pub(super) fn text(checked: &[(&Set, Rules)], origins: bool) -> String {
    let sections: Vec<String> = checked
        .iter()
        .map(|(set, rules)| {
            let head = format!("{}: {} rules in {} files", set.place, rules.all().len(), set.sources.len());
            let origins = if origins { origins_of(rules) } else { String::new() };
            format!("{head}\n{}{origins}", table(rules))
        })
        .collect();
    sections.join("\n")
}

fn table(rules: &Rules) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["incident", "rule", "does", "attempts", "settles", "then", "from"]);
    for kind in IncidentKind::ALL {
        for rule in rules.answering(kind) {
            table.add_row(row(kind, rule, ""));
        }
        for rule in rules.alongside(kind) {
            table.add_row(row(kind, rule, if rule.mode == Mode::Shadow { " (shadow)" } else { " (beside)" }));
        }
        if rules.answering(kind).is_empty() {
            table.add_row([kind.as_str(), "—", "nothing answers it"]);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn row(kind: IncidentKind, rule: &Rule, how: &str) -> [String; 7] {
    let then = rule.escalate.as_ref().map(|escalation| {
        let time = escalation.time.map(|time| format!(" or {}s", time.as_secs())).unwrap_or_default();
        format!("{} after {}{time}", names(&escalation.actions), escalation.attempts)
    });
    [
        kind.as_str().to_owned(),
        format!("{}{how}{}", rule.name, if rule.condition.is_some() { " if …" } else { "" }),
        names(&rule.actions),
        rule.retry.attempts.to_string(),
        format!("{}s", rule.settle.as_secs()),
        then.unwrap_or_default(),
        layer(rule.layer).to_owned(),
    ]
}

fn names(steps: &[Step]) -> String {
    steps.iter().map(|step| step.action.name()).collect::<Vec<_>>().join(", ")
}

fn origins_of(rules: &Rules) -> String {
    let of = |rule: &Rule| {
        let fields = rule.origins.iter().map(|(field, origin)| {
            format!("    {field:<28} {} {}:{}\n", layer(origin.layer), origin.file, origin.line)
        });
        format!("\n  {}\n{}", rule.name, fields.collect::<String>())
    };
    rules.all().iter().map(of).collect()
}

const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Shipped => "shipped",
        Layer::Operator => "operator",
        Layer::Repository => "repository",
    }
}

/// The rules for programs.
pub(super) fn json(checked: &[(&Set, Rules)]) -> Value {
    let sets: Vec<Value> = checked
        .iter()
        .map(|(set, rules)| {
            let files: Vec<&str> = set.sources.iter().map(|source| source.name.as_str()).collect();
            let answering: serde_json::Map<String, Value> = IncidentKind::ALL
                .into_iter()
                .map(|kind| {
                    let names: Vec<String> = rules.answering(kind).iter().map(|rule| rule.name.to_string()).collect();
                    (kind.as_str().to_owned(), json!(names))
                })
                .collect();
            json!({
                "place": set.place,
                "hash": rules.hash(),
                "files": files,
                "answering": answering,
                "rules": rules.all().iter().map(rule_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "schema": SCHEMA, "sets": sets })
}

fn rule_json(rule: &Rule) -> Value {
    json!({
        "name": rule.name,
        "description": rule.description,
        "on": rule.on,
        "if": rule.condition.as_ref().map(|condition| condition.text()),
        "settle_ms": u64::try_from(rule.settle.as_millis()).unwrap_or(u64::MAX),
        "do": actions(&rule.actions),
        "retry": rule.retry,
        "escalate": rule.escalate.as_ref().map(|escalation| json!({
            "attempts": escalation.attempts,
            "time_ms": escalation.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            "do": actions(&escalation.actions),
        })),
        "beside": rule.beside,
        "mode": rule.mode,
        "lock": rule.lock,
        "layer": rule.layer,
        "origins": rule.origins,
    })
}

fn actions(steps: &[Step]) -> Vec<Value> {
    let action =
        |step: &Step| json!({ "action": step.action.name(), "if": step.condition.as_ref().map(|it| it.text()) });
    steps.iter().map(action).collect()
}
