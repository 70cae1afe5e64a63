//! The layer table of `src/ARCHITECTURE.md`, and that it names the crate's modules: each one, once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, assert_none, places, tree::Tree};

const FILE: &str = "src/ARCHITECTURE.md";

/// The module that is written last. While it is missing, other modules may be missing, too.
const TOP: &str = "cli";

/// Reads the layers: the number of each module.
pub(super) fn layers(tree: &Tree) -> BTreeMap<&str, u32> {
    rows(tree).into_iter().map(|(_, layer, module)| (module, layer)).collect()
}

/// The rows `| 0 | `a` · `b` | … |`, spread: line, layer, module.
fn rows(tree: &Tree) -> Vec<(usize, u32, &str)> {
    let mut rows = Vec::new();
    for (index, line) in tree.text(FILE).lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", layer, modules, ..] = cells[..] else { continue };
        let Ok(layer) = layer.parse() else { continue };
        rows.extend(modules.split('`').skip(1).step_by(2).map(|module| (index + 1, layer, module)));
    }
    rows
}

fn modules(tree: &Tree) -> BTreeSet<&str> {
    tree.text("src/lib.rs")
        .lines()
        .filter_map(|it| it.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect()
}

fn violations(tree: &Tree) -> Vec<Violation> {
    let (rows, modules) = (rows(tree), modules(tree));
    let mut found = Vec::new();
    let mut named = BTreeSet::new();
    for (line, _, module) in rows {
        if !named.insert(module) {
            found.push(Violation::new(FILE, line, format!("`{module}` is named twice: keep one row")));
        }
        if !modules.contains(module) && modules.contains(TOP) {
            found.push(Violation::new(FILE, line, format!("`{module}` is no module of src/lib.rs: take the row out")));
        }
    }
    let missing = modules.difference(&named);
    found.extend(missing.map(|it| Violation::new(FILE, 1, format!("`{it}` has no layer: give it one in the table"))));
    found
}

#[test]
fn the_layer_table_names_every_module_once() {
    assert!(!layers(Tree::repository()).is_empty(), "{FILE} has no layer table");
    assert_none(violations(Tree::repository()));
}

#[test]
fn a_module_that_is_missing_doubled_or_gone_is_found() {
    let table = "| 0 | `model` · `clock` | … |\n| 1 | `text` | … |\n| 2 | `clock` | … |";
    let tree = Tree::of(&[(FILE, table), ("src/lib.rs", "pub mod cli;\npub mod clock;\npub mod model;")]);

    assert_eq!(places(&violations(&tree)), [(FILE, 2), (FILE, 3), (FILE, 1)]);
}
