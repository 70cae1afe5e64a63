//! Checks a document against the schema before anything is resolved, and says what is wrong in GitHub's words.

use graphql_parser::{
    Pos,
    query::{
        Definition, Document, Field, OperationDefinition, Selection, SelectionSet, Type, TypeCondition, Value as Given,
        VariableDefinition,
    },
};
use serde_json::{Map, Value, json};

use super::{
    Problem, fragments,
    schema::{self, Shape},
};

/// Checks every operation and fragment.
pub(super) fn check(document: &Document<'static, String>) -> Result<(), Vec<Problem>> {
    let mut check = Check { document, problems: Vec::new() };
    for definition in &document.definitions {
        match definition {
            Definition::Operation(OperationDefinition::Query(query)) => {
                check.selection("Query", &query.selection_set, &["query"]);
            }
            Definition::Operation(OperationDefinition::SelectionSet(selection)) => {
                check.selection("Query", selection, &["query"]);
            }
            Definition::Operation(OperationDefinition::Mutation(mutation)) => {
                check.selection("Mutation", &mutation.selection_set, &["mutation"]);
            }
            Definition::Operation(OperationDefinition::Subscription(_)) => {}
            Definition::Fragment(fragment) => {
                let TypeCondition::On(on) = &fragment.type_condition;
                let path = format!("fragment {}", fragment.name);
                check.selection(on, &fragment.selection_set, &[&path]);
            }
        }
    }
    if check.problems.is_empty() { Ok(()) } else { Err(check.problems) }
}

/// The values of an operation's variables, with their defaults. Unknown and missing ones are errors.
pub(super) fn variables(
    document: &Document<'static, String>,
    operation: &OperationDefinition<'static, String>,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Problem>> {
    let (declared, selection): (&[VariableDefinition<'static, String>], _) = match operation {
        OperationDefinition::Query(query) => (&query.variable_definitions, &query.selection_set),
        OperationDefinition::Mutation(mutation) => (&mutation.variable_definitions, &mutation.selection_set),
        OperationDefinition::Subscription(one) => (&one.variable_definitions, &one.selection_set),
        OperationDefinition::SelectionSet(selection) => (&[], selection),
    };
    let mut used = Vec::new();
    used_in(document, selection, &mut used);
    let mut problems = Vec::new();
    for name in used.iter().filter(|name| !declared.iter().any(|one| one.name == **name)) {
        problems.push(json!({ "message": format!("Variable ${name} is used by the query but not declared") }));
    }
    let mut values = Map::new();
    for one in declared {
        if !used.contains(&one.name) {
            problems
                .push(json!({ "message": format!("Variable ${} is declared by the query but not used", one.name) }));
        }
        let value = given.get(&one.name).cloned().or_else(|| one.default_value.as_ref().map(literal));
        let value = value.unwrap_or(Value::Null);
        if let Err(why) = fits(&value, &one.var_type) {
            let message = format!("Variable ${} of type {} was provided invalid value: {why}", one.name, one.var_type);
            problems.push(json!({ "message": message, "extensions": { "value": value } }));
        }
        values.insert(one.name.clone(), value);
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// A literal without variables as JSON.
fn literal(given: &Given<'static, String>) -> Value {
    super::execute::json_of(given, &Map::new())
}

/// Whether a JSON value is one of this type.
fn fits(value: &Value, of: &Type<'static, String>) -> Result<(), String> {
    match of {
        Type::NonNullType(_) if value.is_null() => Err("Expected value to not be null".to_owned()),
        Type::NonNullType(of) => fits(value, of),
        _ if value.is_null() => Ok(()),
        Type::ListType(of) => match value.as_array() {
            Some(items) => items.iter().try_for_each(|item| fits(item, of)),
            None => fits(value, of),
        },
        Type::NamedType(name) => named_fits(value, name),
    }
}

fn named_fits(value: &Value, name: &str) -> Result<(), String> {
    let fine = match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Boolean" => value.is_boolean(),
        "ID" => value.is_string() || value.is_number(),
        _ => match (schema::enum_values(name), schema::input_fields(name)) {
            (Some(values), _) => value.as_str().is_some_and(|value| values.contains(&value)),
            (None, Some(fields)) => {
                let Some(object) = value.as_object() else { return Err(format!("Expected an object for {name}")) };
                if let Some(unknown) = object.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
                    return Err(format!("Field is not defined on {name}: {unknown}"));
                }
                return fields
                    .iter()
                    .try_for_each(|field| fits(object.get(&field.name).unwrap_or(&Value::Null), &field.value_type));
            }
            (None, None) => value.is_string(),
        },
    };
    if fine { Ok(()) } else { Err(format!("Could not coerce value {value} to {name}")) }
}

fn used_in(document: &Document<'static, String>, selection: &SelectionSet<'static, String>, used: &mut Vec<String>) {
    for item in &selection.items {
        match item {
            Selection::Field(field) => {
                for (_, value) in &field.arguments {
                    used_by(value, used);
                }
                for (_, value) in field.directives.iter().flat_map(|directive| &directive.arguments) {
                    used_by(value, used);
                }
                used_in(document, &field.selection_set, used);
            }
            Selection::InlineFragment(fragment) => used_in(document, &fragment.selection_set, used),
            Selection::FragmentSpread(spread) => {
                for fragment in fragments(document).into_iter().filter(|one| one.name == spread.fragment_name) {
                    used_in(document, &fragment.selection_set, used);
                }
            }
        }
    }
}

fn used_by(value: &Given<'static, String>, used: &mut Vec<String>) {
    match value {
        Given::Variable(name) => used.push(name.clone()),
        Given::List(items) => items.iter().for_each(|item| used_by(item, used)),
        Given::Object(fields) => fields.values().for_each(|field| used_by(field, used)),
        Given::Int(_) | Given::Float(_) | Given::String(_) | Given::Boolean(_) | Given::Null | Given::Enum(_) => {}
    }
}

struct Check<'a> {
    document: &'a Document<'static, String>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn selection(&mut self, on: &str, selection: &SelectionSet<'static, String>, path: &[&str]) {
        if schema::shape(on) != Some(Shape::Composite) {
            self.problem(
                &format!("No such type {on}, so it can't be a fragment condition"),
                selection.span.0,
                path,
                &json!({
                    "code": "undefinedType", "typeName": on,
                }),
            );
            return;
        }
        for item in &selection.items {
            match item {
                Selection::Field(field) => self.field(on, field, path),
                Selection::InlineFragment(fragment) => match &fragment.type_condition {
                    Some(TypeCondition::On(name)) => {
                        let step = format!("... on {name}");
                        self.selection(name, &fragment.selection_set, &[path, &[&step]].concat());
                    }
                    None => self.selection(on, &fragment.selection_set, path),
                },
                Selection::FragmentSpread(spread) => {
                    if !fragments(self.document).iter().any(|one| one.name == spread.fragment_name) {
                        let message = format!("Fragment {} was used, but not defined", spread.fragment_name);
                        self.problem(&message, spread.position, path, &json!({ "code": "useAndDefineFragment" }));
                    }
                }
            }
        }
    }

    fn field(&mut self, on: &str, field: &Field<'static, String>, path: &[&str]) {
        let path = [path, &[field.alias.as_deref().unwrap_or(&field.name)]].concat();
        if field.name == "__typename" {
            return;
        }
        let Some(known) = schema::field(on, &field.name) else {
            let message = format!("Field '{}' doesn't exist on type '{on}'", field.name);
            let details = json!({ "code": "undefinedField", "typeName": on, "fieldName": field.name });
            self.problem(&message, field.position, &path, &details);
            return;
        };
        self.arguments(on, field, &path);
        let of = schema::inner(&known.field_type);
        let chosen = !field.selection_set.items.is_empty();
        match (schema::shape(of), chosen) {
            (Some(Shape::Composite), true) => self.selection(of, &field.selection_set, &path),
            (Some(Shape::Composite), false) => {
                let message = format!(
                    "Field must have selections (field '{0}' returns {of} but has no selections. Did you mean '{0} {{ ... }}'?)",
                    field.name
                );
                self.problem(&message, field.position, &path, &json!({ "code": "selectionMismatch" }));
            }
            (_, true) => {
                let message = format!("Selections can't be made on scalars (field '{}' returns {of})", field.name);
                self.problem(&message, field.position, &path, &json!({ "code": "selectionMismatch" }));
            }
            (_, false) => {}
        }
    }

    fn arguments(&mut self, on: &str, field: &Field<'static, String>, path: &[&str]) {
        let known = schema::field(on, &field.name).map_or(&[][..], |known| known.arguments.as_slice());
        for (name, value) in &field.arguments {
            let Some(argument) = known.iter().find(|one| one.name == *name) else {
                let message = format!("Field '{}' doesn't accept argument '{name}'", field.name);
                self.problem(
                    &message,
                    field.position,
                    path,
                    &json!({ "code": "argumentNotAccepted", "name": field.name }),
                );
                continue;
            };
            if let Err(why) = literal_fits(value, &argument.value_type) {
                let message = format!(
                    "Argument '{name}' on Field '{}' has an invalid value. Expected type '{}'. {why}",
                    field.name, argument.value_type
                );
                self.problem(&message, field.position, path, &json!({ "code": "argumentLiteralsIncompatible" }));
            }
        }
        let missing: Vec<&str> = known
            .iter()
            .filter(|one| matches!(one.value_type, Type::NonNullType(_)) && one.default_value.is_none())
            .filter(|one| !field.arguments.iter().any(|(name, _)| *name == one.name))
            .map(|one| one.name.as_str())
            .collect();
        if !missing.is_empty() {
            let message = format!("Field '{}' is missing required arguments: {}", field.name, missing.join(", "));
            self.problem(&message, field.position, path, &json!({ "code": "missingRequiredArguments" }));
        }
        let paged = known.iter().any(|one| one.name == "first") && known.iter().any(|one| one.name == "last");
        let bounded = field.arguments.iter().any(|(name, _)| name == "first" || name == "last");
        if paged && !bounded {
            let message = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            self.problem(&message, field.position, path, &json!({ "code": "missingPaginationBoundaries" }));
        }
    }

    fn problem(&mut self, message: &str, at: Pos, path: &[&str], extensions: &Value) {
        self.problems.push(json!({
            "path": path,
            "extensions": extensions,
            "locations": [{ "line": at.line, "column": at.column }],
            "message": message,
        }));
    }
}

/// Whether a literal is of a type. Variables are judged when their values are known.
fn literal_fits(value: &Given<'static, String>, of: &Type<'static, String>) -> Result<(), String> {
    match (value, of) {
        (Given::Variable(_), _) => Ok(()),
        (_, Type::NonNullType(of)) => literal_fits(value, of),
        (Given::List(items), Type::ListType(of)) => items.iter().try_for_each(|item| literal_fits(item, of)),
        (_, Type::ListType(of)) => literal_fits(value, of),
        (Given::Object(fields), Type::NamedType(name)) => {
            let known = schema::input_fields(name).ok_or_else(|| format!("{name} is no input object"))?;
            fields.iter().try_for_each(|(key, value)| {
                let field = known.iter().find(|field| field.name == *key);
                let field = field.ok_or_else(|| format!("InputObject '{name}' doesn't accept argument '{key}'"))?;
                literal_fits(value, &field.value_type)
            })
        }
        (Given::String(_), Type::NamedType(name)) if schema::enum_values(name).is_some() => {
            Err(format!("{name} is an enum and is not given in quotes"))
        }
        (_, Type::NamedType(name)) => {
            let value = literal(value);
            if value.is_null() { Ok(()) } else { named_fits(&value, name) }
        }
    }
}
