//! A module imports only strictly lower layers.

use super::{Violation, assert_none, places, table, tree::Tree};

/// `simulator` is there to contradict `github`: whatever they share could hide a misreading from both.
const SIMULATOR_IMPORTS: [&str; 4] = ["simulator", "background", "process", "clock"];

fn violations(tree: &Tree) -> Vec<Violation> {
    let layers = table::layers(tree);
    let mut found = Vec::new();
    for source in tree.production() {
        let Some((own, layer)) = source.top().and_then(|it| Some((it, layers.get(it)?))) else { continue };
        for name in &source.names {
            let [root, other, ..] = &name.path[..] else { continue };
            let Some(target) = layers.get(other.as_str()) else { continue };
            if root == "crate" && other != own && target >= layer {
                let message = format!(
                    "`{own}` (layer {layer}) imports `{other}` (layer {target}): a module imports strictly lower \
                     layers only; move what both need down, or hand it in from above"
                );
                found.push(Violation::new(&source.path, name.line, message));
            }
        }
    }
    found
}

fn of_simulator(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production().filter(|it| it.top() == Some("simulator")) {
        for name in source.names.iter().filter(|it| it.path.len() > 1 && it.path[0] == "crate") {
            if !SIMULATOR_IMPORTS.contains(&name.path[1].as_str()) {
                let message = format!(
                    "`simulator` imports `{}`: it shares no code with what it tests; write its own",
                    name.path[1]
                );
                found.push(Violation::new(&source.path, name.line, message));
            }
        }
    }
    found
}

#[test]
fn a_module_imports_strictly_lower_layers_only() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn the_simulator_shares_no_code_with_what_it_tests() {
    assert_none(of_simulator(Tree::repository()));
}

#[test]
fn imports_of_siblings_and_of_higher_layers_are_found_however_they_are_written() {
    let tree = Tree::of(&[
        ("src/ARCHITECTURE.md", "| 0 | `model` | … |\n| 1 | `text` · `event` | … |\n| 2 | `view` | … |"),
        ("src/text/mod.rs", "use crate::{\n    model::Sha,\n    event::Event,\n};\nfn f() { crate::view::of(); }"),
        ("src/text/fence.rs", "use super::super::view::Of;\nuse crate::text::cap;"),
        ("src/event.rs", "/// See [`crate::view`].\nfn f() { info!(x = crate::view::x()); }"),
        ("src/model.rs", "#[serde(with = \"crate::text::fence\")]\nstruct A;"),
        ("src/view.rs", "use crate::{event, model, text};"),
    ]);

    assert_eq!(
        places(&violations(&tree)),
        [
            ("src/event.rs", 2),
            ("src/model.rs", 1),
            ("src/text/fence.rs", 1),
            ("src/text/mod.rs", 3),
            ("src/text/mod.rs", 5),
        ]
    );
}

#[test]
fn what_the_simulator_must_not_import_is_found() {
    let tree = Tree::of(&[("src/simulator/ci.rs", "use crate::process::Job;\nuse crate::model::Sha;")]);

    assert_eq!(places(&of_simulator(&tree)), [("src/simulator/ci.rs", 2)]);
}
