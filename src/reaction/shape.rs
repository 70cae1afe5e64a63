//! What exists in the contexts of an incident, and of which kind it is: what templates are checked against.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::IncidentKind;

use super::{context::outside, samples::samples};

/// What stands at one place of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Never there in this incident.
    Absent,
    /// A number, a truth value, or text of our own: may be printed.
    Plain,
    /// Text from outside: only `quote` may have it.
    Outside,
    /// A list. `Absent` inside: always empty.
    List(Box<Self>),
    /// Named values.
    Record(BTreeMap<String, Self>),
    /// There in some contexts, absent in others.
    Maybe(Box<Self>),
}

impl Shape {
    /// What the contexts of these incidents have in common.
    pub(super) fn of(kinds: &[IncidentKind]) -> Self {
        let shapes = kinds.iter().flat_map(|kind| samples(*kind)).map(|sample| {
            let mut texts = Vec::new();
            Self::seen(&sample.for_templates(&mut texts))
        });
        shapes.reduce(Self::or).unwrap_or(Self::Absent)
    }

    fn seen(value: &Value) -> Self {
        if outside(value).is_some() {
            return Self::Outside;
        }
        match value {
            Value::Null => Self::Absent,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Plain,
            Value::Array(items) => {
                Self::List(Box::new(items.iter().map(Self::seen).reduce(Self::or).unwrap_or(Self::Absent)))
            }
            Value::Object(object) => {
                Self::Record(object.iter().map(|(key, value)| (key.clone(), Self::seen(value))).collect())
            }
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, Self::Absent) => Self::Absent,
            (Self::Absent, Self::Maybe(inner)) | (Self::Maybe(inner), Self::Absent) => Self::Maybe(inner),
            (Self::Absent, there) | (there, Self::Absent) => Self::Maybe(Box::new(there)),
            (Self::Maybe(one), Self::Maybe(two)) => Self::Maybe(Box::new(one.or(*two))),
            (Self::Maybe(one), two) | (two, Self::Maybe(one)) => Self::Maybe(Box::new(one.or(two))),
            (Self::List(one), Self::List(two)) => Self::List(Box::new(one.items_or(*two))),
            (Self::Record(one), Self::Record(two)) => Self::Record(join(one, two)),
            (one, _) => one,
        }
    }

    /// An empty list says nothing about its items.
    fn items_or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, items) | (items, Self::Absent) => items,
            (one, two) => one.or(two),
        }
    }
}

fn join(mut one: BTreeMap<String, Shape>, two: BTreeMap<String, Shape>) -> BTreeMap<String, Shape> {
    for (key, shape) in two {
        let joined = match one.remove(&key) {
            Some(known) => known.or(shape),
            None => shape,
        };
        one.insert(key, joined);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kinds: &[IncidentKind], path: &str) -> Shape {
        path.split('.').fold(Shape::of(kinds), |shape, part| {
            let record = if let Shape::Maybe(inner) = shape { *inner } else { shape };
            let Shape::Record(fields) = record else { panic!("{path} leads through no record") };
            fields[part].clone()
        })
    }

    #[test]
    fn shapes_tell_our_own_words_from_others() {
        let kinds = [IncidentKind::ChecksFailed];

        assert_eq!(at(&kinds, "pr.url"), Shape::Plain);
        assert_eq!(at(&kinds, "pr.title"), Shape::Outside);
        assert_eq!(at(&kinds, "pr.labels"), Shape::List(Box::new(Shape::Outside)));
        assert_eq!(at(&kinds, "issue.body"), Shape::Outside);
        assert!(matches!(at(&kinds, "issue"), Shape::Maybe(_)));
    }

    #[test]
    fn what_only_some_incidents_have_may_be_absent() {
        assert!(matches!(at(&[IncidentKind::ChecksFailed], "pr"), Shape::Record(_)));
        assert!(matches!(at(&[IncidentKind::AgentExited], "pr"), Shape::Maybe(_)));
        assert_eq!(at(&[IncidentKind::IssueReady], "pr"), Shape::Absent);
        assert!(matches!(at(&[IncidentKind::IssueReady, IncidentKind::ChecksFailed], "pr"), Shape::Maybe(_)));
    }
}
