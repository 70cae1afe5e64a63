//! How much a query may visit, by GitHub's formula: each list counts the entries that it asks for, once for each entry of
//! the lists around it.

use graphql_parser::query::{Field, FragmentDefinition, Selection, SelectionSet};
use serde_json::{Map, Value};

use super::execute::json_of;

/// What a query brings along.
#[derive(Clone, Copy)]
pub(super) struct Given<'q> {
    pub(super) variables: &'q Map<String, Value>,
    pub(super) fragments: &'q [&'q FragmentDefinition<'static, String>],
}

impl Given<'_> {
    /// The most entries that a selection can lead to.
    pub(super) fn entries(self, selection: &SelectionSet<'static, String>) -> u64 {
        let of = |item: &Selection<'static, String>| match item {
            Selection::Field(field) => self.entries_of(field),
            Selection::InlineFragment(fragment) => self.entries(&fragment.selection_set),
            Selection::FragmentSpread(spread) => {
                let fragment = self.fragments.iter().find(|fragment| fragment.name == spread.fragment_name);
                fragment.map_or(0, |fragment| self.entries(&fragment.selection_set))
            }
        };
        selection.items.iter().map(of).sum()
    }

    fn entries_of(self, field: &Field<'static, String>) -> u64 {
        let within = self.entries(&field.selection_set);
        let size = field.arguments.iter().find(|(name, _)| matches!(name.as_str(), "first" | "last"));
        match size.and_then(|(_, size)| json_of(size, self.variables).as_u64()) {
            Some(size) => size * (1 + within),
            None => within,
        }
    }
}
