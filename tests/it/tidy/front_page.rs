//! The crate's front page keeps its word: every invariant names tests, and they exist.

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
        if !(inside && line.starts_with('|')) {
            continue;
        }
        let tests = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        if tests.trim().is_empty() {
            let message = "an invariant without a test: name one that fails when it is broken".to_owned();
            found.push(Violation::new(FILE, index + 1, message));
        }
        for test in tests.split('`').skip(1).step_by(2) {
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
fn a_test_that_is_gone_or_was_never_there_is_found() {
    let rows = "| `step` is pure | `held`, `gone` |\n| b | |\n| c | `held` |";
    let page = format!("| `x` | `y` |\n## Invariants\n{rows}\n## More\n| a | `z` |");
    let tree = Tree::of(&[(FILE, &page), ("src/a.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn held() {}\n}")]);

    assert_eq!(places(&violations(&tree)), [(FILE, 3), (FILE, 4)]);
}
