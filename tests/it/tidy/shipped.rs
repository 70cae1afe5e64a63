//! Every file that we ship for others to use is held by a test, or is part of the binary.

use super::{Violation, assert_none, places, tree::Tree};

const FOLDERS: [&str; 3] = ["config/", "reactions/", "webhooks/"];

/// What is there for people to read.
const FOR_PEOPLE: [&str; 2] = ["LICENSE", "README.md"];

fn violations(tree: &Tree) -> Vec<Violation> {
    let named: Vec<&str> = tree
        .sources
        .iter()
        .flat_map(|source| source.strings.iter().filter(|it| it.included || source.in_test(it.line)))
        .map(|it| it.value.as_str())
        .collect();
    let shipped = tree.files.keys().filter(|it| FOLDERS.iter().any(|folder| it.starts_with(folder)));
    shipped
        .filter(|path| {
            let (folder, file) = path.rsplit_once('/').unwrap_or_default();
            !FOR_PEOPLE.contains(&file) && !named.iter().any(|it| it.ends_with(*path) || names_folder(it, folder))
        })
        .map(|path| {
            let advice = "no test names this file or its folder, and it is not in the binary: test it, or take it out";
            Violation::new(path, 1, advice)
        })
        .collect()
}

/// Whether a string is a path that ends in this folder; a bare word such as `config` is none.
fn names_folder(text: &str, folder: &str) -> bool {
    text.contains('/') && text.trim_end_matches('/').ends_with(folder)
}

#[test]
fn every_shipped_file_is_held_by_a_test_or_embedded() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn a_file_that_nobody_holds_is_found() {
    let text = "const A: &str = include_str!(\"../reactions/a.yaml\");\nconst B: &str = \"reactions/b.yaml\";\n\
                #[cfg(test)]\nmod tests {\n    const C: [&str; 2] = [\"webhooks/examples\", \"config\"];\n}";
    let tree = Tree::of(&[
        ("config/c.yaml", ""),
        ("config/README.md", ""),
        ("reactions/a.yaml", ""),
        ("reactions/b.yaml", ""),
        ("src/a.rs", text),
        ("webhooks/examples/push.ndjson", ""),
    ]);

    assert_eq!(places(&violations(&tree)), [("config/c.yaml", 1), ("reactions/b.yaml", 1)]);
}
