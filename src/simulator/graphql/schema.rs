//! The cut of GitHub's schema that the simulator answers, and questions about it.

use std::sync::LazyLock;

use graphql_parser::schema::{Definition, Document, Field, InputValue, Type, TypeDefinition, parse_schema};

/// The schema, parsed once.
static SCHEMA: LazyLock<Document<'static, String>> = LazyLock::new(|| {
    parse_schema::<String>(include_str!("schema.graphql")).expect("the schema is part of the source and tested")
});

/// What kind of type a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It has fields.
    Composite,
    /// It is a value.
    Leaf,
    /// It can only be given.
    Input,
}

/// Every type of the schema.
fn types() -> impl Iterator<Item = &'static TypeDefinition<'static, String>> {
    SCHEMA.definitions.iter().filter_map(|definition| match definition {
        Definition::TypeDefinition(definition) => Some(definition),
        Definition::SchemaDefinition(_) | Definition::TypeExtension(_) | Definition::DirectiveDefinition(_) => None,
    })
}

fn name_of(definition: &TypeDefinition<'static, String>) -> String {
    match definition {
        TypeDefinition::Scalar(one) => one.name.clone(),
        TypeDefinition::Object(one) => one.name.clone(),
        TypeDefinition::Interface(one) => one.name.clone(),
        TypeDefinition::Union(one) => one.name.clone(),
        TypeDefinition::Enum(one) => one.name.clone(),
        TypeDefinition::InputObject(one) => one.name.clone(),
    }
}

fn find(name: &str) -> Option<&'static TypeDefinition<'static, String>> {
    types().find(|definition| name_of(definition) == name)
}

/// What kind of type this is; `None` if there is no such type.
pub(super) fn shape(name: &str) -> Option<Shape> {
    if ["Int", "Float", "String", "Boolean", "ID"].contains(&name) {
        return Some(Shape::Leaf);
    }
    Some(match find(name)? {
        TypeDefinition::Object(_) | TypeDefinition::Interface(_) | TypeDefinition::Union(_) => Shape::Composite,
        TypeDefinition::Scalar(_) | TypeDefinition::Enum(_) => Shape::Leaf,
        TypeDefinition::InputObject(_) => Shape::Input,
    })
}

/// A field of a type.
pub(super) fn field(type_name: &str, field: &str) -> Option<&'static Field<'static, String>> {
    let fields = match find(type_name)? {
        TypeDefinition::Object(one) => &one.fields,
        TypeDefinition::Interface(one) => &one.fields,
        TypeDefinition::Scalar(_)
        | TypeDefinition::Union(_)
        | TypeDefinition::Enum(_)
        | TypeDefinition::InputObject(_) => return None,
    };
    fields.iter().find(|one| one.name == field)
}

/// The fields of an input type.
pub(super) fn input_fields(type_name: &str) -> Option<&'static [InputValue<'static, String>]> {
    match find(type_name)? {
        TypeDefinition::InputObject(one) => Some(&one.fields),
        TypeDefinition::Scalar(_)
        | TypeDefinition::Object(_)
        | TypeDefinition::Interface(_)
        | TypeDefinition::Union(_)
        | TypeDefinition::Enum(_) => None,
    }
}

/// The values of an enum.
pub(super) fn enum_values(type_name: &str) -> Option<Vec<&'static str>> {
    match find(type_name)? {
        TypeDefinition::Enum(one) => Some(one.values.iter().map(|value| value.name.as_str()).collect()),
        TypeDefinition::Scalar(_)
        | TypeDefinition::Object(_)
        | TypeDefinition::Interface(_)
        | TypeDefinition::Union(_)
        | TypeDefinition::InputObject(_) => None,
    }
}

/// Whether an object of type `name` is also of the interface, union or type `other`.
pub(super) fn is_a(name: &str, other: &str) -> bool {
    if name == other {
        return true;
    }
    match find(other) {
        Some(TypeDefinition::Union(union)) => union.types.iter().any(|member| member == name),
        Some(TypeDefinition::Interface(_)) => match find(name) {
            Some(TypeDefinition::Object(object)) => object.implements_interfaces.iter().any(|one| one == other),
            _ => false,
        },
        _ => false,
    }
}

/// The innermost name of a type.
pub(super) fn inner<'a>(of: &'a Type<'_, String>) -> &'a str {
    match of {
        Type::NamedType(name) => name,
        Type::ListType(of) | Type::NonNullType(of) => inner(of),
    }
}
