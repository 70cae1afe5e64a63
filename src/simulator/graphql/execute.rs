//! Carries a checked selection out over the world.

use graphql_parser::query::{
    Directive, Field, FragmentDefinition, Selection, SelectionSet, TypeCondition, Value as Given,
};
use serde_json::{Map, Value, json};

use super::{
    Problem,
    nodes::{Answer, Node},
    schema,
};
use crate::simulator::world::World;

/// The arguments of a field, variables filled in.
pub(super) type Arguments = Map<String, Value>;

/// One run of one operation.
pub(super) struct Execution<'w, 'q> {
    world: &'w World,
    variables: &'q Map<String, Value>,
    fragments: &'q [&'q FragmentDefinition<'static, String>],
    path: Vec<Value>,
    /// What went wrong.
    pub(super) problems: Vec<Problem>,
}

impl<'w, 'q> Execution<'w, 'q> {
    /// A run that reads this world.
    pub(super) const fn new(
        world: &'w World,
        variables: &'q Map<String, Value>,
        fragments: &'q [&'q FragmentDefinition<'static, String>],
    ) -> Self {
        Self { world, variables, fragments, path: Vec::new(), problems: Vec::new() }
    }

    /// What was chosen of a node.
    pub(super) fn select(&mut self, node: &Node<'w>, selection: &SelectionSet<'static, String>) -> Value {
        let mut chosen = Map::new();
        self.select_into(&mut chosen, node, selection);
        Value::Object(chosen)
    }

    fn select_into(
        &mut self,
        chosen: &mut Map<String, Value>,
        node: &Node<'w>,
        selection: &SelectionSet<'static, String>,
    ) {
        for item in &selection.items {
            match item {
                Selection::Field(field) => {
                    if self.included(&field.directives) {
                        self.field(chosen, node, field);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let applies = match &fragment.type_condition {
                        Some(TypeCondition::On(on)) => schema::is_a(node.type_name(), on),
                        None => true,
                    };
                    if applies && self.included(&fragment.directives) {
                        self.select_into(chosen, node, &fragment.selection_set);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.iter().find(|one| one.name == spread.fragment_name) else {
                        continue;
                    };
                    let TypeCondition::On(on) = &fragment.type_condition;
                    if schema::is_a(node.type_name(), on) && self.included(&spread.directives) {
                        self.select_into(chosen, node, &fragment.selection_set);
                    }
                }
            }
        }
    }

    fn field(&mut self, chosen: &mut Map<String, Value>, node: &Node<'w>, field: &Field<'static, String>) {
        let key = field.alias.as_ref().unwrap_or(&field.name);
        if field.name == "__typename" {
            chosen.insert(key.clone(), json!(node.type_name()));
            return;
        }
        let arguments: Arguments =
            field.arguments.iter().map(|(name, value)| (name.clone(), json_of(value, self.variables))).collect();
        self.path.push(json!(key));
        let value = self.resolve(node, field, &arguments);
        self.path.pop();
        // The same field chosen twice is one field with both selections.
        match (chosen.get_mut(key), value) {
            (Some(Value::Object(before)), Value::Object(more)) => merge(before, more),
            (_, value) => drop(chosen.insert(key.clone(), value)),
        }
    }

    fn resolve(&mut self, node: &Node<'w>, field: &Field<'static, String>, arguments: &Arguments) -> Value {
        match node.field(self.world, &field.name, arguments) {
            Some(Answer::Value(value)) => value,
            Some(Answer::Node(node)) => self.select(&node, &field.selection_set),
            Some(Answer::List(nodes)) => nodes.iter().map(|node| self.select(node, &field.selection_set)).collect(),
            Some(Answer::Missing(what)) => {
                self.problem("NOT_FOUND", &what);
                Value::Null
            }
            Some(Answer::Refused(why)) => {
                self.problem("EXCESSIVE_PAGINATION", &why);
                Value::Null
            }
            None => {
                let message = format!("the simulator does not answer '{}' of '{}' yet", field.name, node.type_name());
                self.problem("INTERNAL", &message);
                Value::Null
            }
        }
    }

    fn problem(&mut self, kind: &str, message: &str) {
        self.problems.push(json!({ "type": kind, "path": self.path, "message": message }));
    }

    fn included(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive
                .arguments
                .iter()
                .find(|(name, _)| name == "if")
                .and_then(|(_, value)| json_of(value, self.variables).as_bool());
            match directive.name.as_str() {
                "skip" => condition != Some(true),
                "include" => condition != Some(false),
                _ => true,
            }
        })
    }
}

/// A given value as JSON, variables filled in.
pub(super) fn json_of(given: &Given<'static, String>, variables: &Map<String, Value>) -> Value {
    match given {
        Given::Variable(name) => variables.get(name).cloned().unwrap_or_default(),
        Given::Int(number) => json!(number.as_i64()),
        Given::Float(number) => json!(number),
        Given::String(text) | Given::Enum(text) => json!(text),
        Given::Boolean(yes) => json!(yes),
        Given::Null => Value::Null,
        Given::List(items) => items.iter().map(|item| json_of(item, variables)).collect(),
        Given::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), json_of(value, variables))).collect())
        }
    }
}

fn merge(into: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(before)), Value::Object(more)) => merge(before, more),
            (Some(Value::Array(before)), Value::Array(more)) if before.len() == more.len() => {
                for (before, more) in before.iter_mut().zip(more) {
                    match (before, more) {
                        (Value::Object(before), Value::Object(more)) => merge(before, more),
                        (before, more) => *before = more,
                    }
                }
            }
            (_, value) => drop(into.insert(key, value)),
        }
    }
}
