//! `antiphon reactions context`: every variable of conditions and templates, from the types that hold them.

use serde_json::Value;

use crate::{
    cli::{error::Error, output},
    model::IncidentKind,
    reaction,
};

const EXAMPLES: &str = "\
Examples:
  antiphon reactions context                              every variable, its type and what it is
  antiphon reactions context --sample checks-failed       an example of what a rule would see
  antiphon reactions context --json                       the JSON schema";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Shows complete examples for this incident instead, as JSON
    #[arg(long, value_name = "INCIDENT", value_parser = incident)]
    sample: Option<IncidentKind>,
    /// Prints the JSON schema
    #[arg(long)]
    pub(super) json: bool,
}

fn incident(text: &str) -> Result<IncidentKind, String> {
    let known = IncidentKind::ALL.map(IncidentKind::as_str).join(", ");
    IncidentKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("incidents are {known}"))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let schema = reaction::context_schema();
    match (arguments.sample, arguments.json) {
        (Some(kind), _) => output::json(&reaction::samples(kind)),
        (None, true) => output::json(&schema),
        (None, false) => output::text_as_it_is(&variables(&schema)),
    }
}

/// One line a variable; those of lists are named `failures[].job`.
fn variables(schema: &Value) -> String {
    let mut found = Vec::new();
    list(schema, schema, "", &mut found);
    let width = found.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    let lines = found.iter().map(|Variable { name, kind, what }| format!("{name:<width$}  {kind:<8}  {what}\n"));
    format!("{}{LEGEND}", lines.collect::<String>())
}

const LEGEND: &str = "
A kind with `?` may be absent: test it first, as in `pr != null && pr.draft`.
A text comes from outside: a condition sees its words, a template shows it with `{{quote pr.title}}`.
";

struct Variable {
    name: String,
    kind: String,
    what: String,
}

fn list(root: &Value, object: &Value, prefix: &str, found: &mut Vec<Variable>) {
    let required = object["required"].as_array();
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let is_list = field["type"] == "array";
        let schema = resolved(root, if is_list { &field["items"] } else { field });
        let path = format!("{prefix}{name}{}", if is_list { "[]" } else { "" });
        let is_optional = !required.is_some_and(|all| all.iter().any(|it| it == name));
        let choices: Vec<&str> = words(schema);
        let what = field["description"].as_str().unwrap_or_default();
        let what = if choices.is_empty() { what.to_owned() } else { format!("{what} One of: {}.", choices.join(", ")) };
        let is_text = is_quoted(root, schema);
        let kind = match (is_text, choices.is_empty()) {
            (true, _) => "text",
            (false, false) => "word",
            (false, true) => schema["type"].as_str().unwrap_or("value"),
        };
        let kind = format!("{kind}{}", if is_optional { "?" } else { "" });
        found.push(Variable { name: path.clone(), kind, what });
        if !is_text {
            list(root, schema, &format!("{path}."), found);
        }
    }
}

/// A text from outside: rules see it as one value.
fn is_quoted(root: &Value, schema: &Value) -> bool {
    std::ptr::eq(schema, &root["$defs"]["Quoted"])
}

/// Follows a reference.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let name = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next());
    name.map_or(schema, |name| &root["$defs"][name])
}

/// The members of a closed set.
fn words(schema: &Value) -> Vec<&str> {
    let members = schema["oneOf"].as_array().into_iter().flatten().filter_map(|it| it["const"].as_str());
    members.chain(schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        let all = variables(&reaction::context_schema());
        let found = all.lines().find(|line| line.split(' ').next() == Some(name));
        found.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    }

    #[test]
    fn variables_are_listed_with_kind_choices_and_absence() {
        assert_eq!(line("pr.title"), "pr.title text Its title.");
        assert_eq!(line("pr"), "pr object? The pull request. Absent while a task has none.");
        assert_eq!(line("failures[].findings[].line"), "failures[].findings[].line integer? The line, counted from 1.");
        assert!(line("repo.merge").ends_with("One of: none, squash, merge, rebase."), "{}", line("repo.merge"));
    }

    #[test]
    fn a_text_from_outside_is_one_value() {
        assert!(!variables(&reaction::context_schema()).contains("pr.title.text"));
    }
}
