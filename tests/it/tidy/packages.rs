//! Dependencies: each with its reason, from one registry, within a budget.

use std::collections::BTreeMap;

use super::{Violation, assert_none, places, tree::Tree};

/// How many packages `Cargo.lock` may hold, those for other systems included. Raise it in the commit that needs it,
/// and say there what the new ones are worth.
const PACKAGES_MAX: usize = 480;

const MANIFEST: &str = "Cargo.toml";
const LOCK: &str = "Cargo.lock";
const REASONS: &str = "docs/dependencies.md";
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// The direct dependencies of the manifest and the lines that name them.
fn dependencies(tree: &Tree) -> BTreeMap<&str, usize> {
    let mut inside = false;
    let mut found = BTreeMap::new();
    for (index, line) in tree.text(MANIFEST).lines().enumerate() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && let Some((name, _)) = line.split_once('=') {
            found.entry(name.trim()).or_insert(index + 1);
        }
    }
    found
}

/// The rows `| `name` | reason |`: line, name, reason.
fn reasons(tree: &Tree) -> Vec<(usize, &str, &str)> {
    let rows = tree.text(REASONS).lines().enumerate();
    rows.filter_map(|(index, line)| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` |")?;
        Some((index + 1, name, rest.trim_end_matches('|').trim()))
    })
    .collect()
}

fn unexplained(tree: &Tree) -> Vec<Violation> {
    let (dependencies, reasons) = (dependencies(tree), reasons(tree));
    let mut found = Vec::new();
    for (name, line) in &dependencies {
        let lines = reasons.iter().filter(|(_, it, reason)| it == name && !reason.is_empty()).count();
        if lines != 1 {
            found.push(Violation::new(
                MANIFEST,
                *line,
                format!("`{name}` has {lines} reasons: write one line in {REASONS}"),
            ));
        }
    }
    for (line, name, _) in reasons.iter().filter(|(_, it, _)| !dependencies.contains_key(it)) {
        found.push(Violation::new(REASONS, *line, format!("`{name}` is no dependency any more: take the line out")));
    }
    found
}

fn locked(tree: &Tree, most: usize) -> Vec<Violation> {
    let text = tree.text(LOCK);
    let packages = text.lines().filter(|it| *it == "[[package]]").count();
    let mut found = Vec::new();
    if packages > most {
        let message = format!("{packages} packages, {most} are allowed: do without, or raise the budget with a reason");
        found.push(Violation::new(LOCK, 1, message));
    }
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("source = ") && line != REGISTRY {
            found.push(Violation::new(LOCK, index + 1, "a package that is not from crates.io: take it from there"));
        }
    }
    found
}

#[test]
fn every_dependency_has_its_reason_and_no_reason_is_left_over() {
    assert!(!dependencies(Tree::repository()).is_empty(), "{MANIFEST} has no dependencies");
    assert_none(unexplained(Tree::repository()));
}

#[test]
fn packages_are_within_their_budget_and_from_crates_io() {
    assert_none(locked(Tree::repository(), PACKAGES_MAX));
}

#[test]
fn a_missing_reason_and_a_reason_too_many_are_found() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na = \"1\"\nb = { version = \"1\" }\n\n\
                    [target.'cfg(unix)'.dependencies]\nc = \"1\"\n\n[dev-dependencies]\na = \"1\"\nd = \"1\"";
    let tree = Tree::of(&[(MANIFEST, manifest), (REASONS, "| `a` | because |\n| `b` | |\n| `c` | so |\n| `e` | so |")]);

    assert_eq!(places(&unexplained(&tree)), [(MANIFEST, 6), (MANIFEST, 13), (REASONS, 4)]);
}

#[test]
fn too_many_packages_and_foreign_registries_are_found() {
    let lock = format!("[[package]]\nname = \"a\"\n{REGISTRY}\n[[package]]\nsource = \"git+https://example.org/b\"");
    let tree = Tree::of(&[(LOCK, &lock)]);

    assert_eq!(places(&locked(&tree, 1)), [(LOCK, 1), (LOCK, 5)]);
    assert_eq!(places(&locked(&tree, 2)), [(LOCK, 5)]);
}
