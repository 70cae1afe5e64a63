//! The crate's front page keeps its word: the tests that it names for its invariants exist.

use std::collections::BTreeSet;

use super::{Violation, assert_none, places, tree::Tree};

const FILE: &str = "src/ARCHITECTURE.md";

/// The heading above the table whose last column names tests.
const INVARIANTS: &str = "## Invariants";

fn violations(tree: &Tree) -> Vec<Violation> {
    let functions: BTreeSet<&str> =
        tree.sources.iter().flat_map(|it| &it.items.functions).map(String::as_str).collect();
    let mut inside = false;
    let mut found = Vec::new();
    for (index, line) in tree.text(FILE).lines().enumerate() {
        if line.starts_with('#') {
            inside = line == INVARIANTS;
        }
        let tests = line.trim_end_matches('|').rsplit('|').next().filter(|_| inside && line.starts_with('|'));
        for test in tests.unwrap_or_default().split('`').skip(1).step_by(2) {
            if !functions.contains(test) {
                found.push(Violation::new(
                    FILE,
                    index + 1,
                    format!("there is no test `{test}`: name the one that holds this"),
                ));
            }
        }
    }
    found
}

#[test]
fn the_tests_that_the_front_page_names_exist() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn a_test_that_is_gone_is_found() {
    let page = "| `x` | `y` |\n## Invariants\n| `step` is pure | `held`, `gone` |\n## More\n| a | `z` |";
    let tree = Tree::of(&[(FILE, page), ("src/a.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn held() {}\n}")]);

    assert_eq!(places(&violations(&tree)), [(FILE, 3)]);
}
