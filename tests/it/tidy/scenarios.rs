//! The list of scenarios in `docs/scenarios.md`: each names the tests that carry it, or `later`.
//!
//! Ids and words stand in the list itself; the tests are found by the ids in the comments above them, those of
//! a conformance suite in the list of its cases.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::tree::Tree;

const LIST: &str = "docs/scenarios.md";

/// The names of the tests that carry each id.
fn carried(tree: &Tree) -> BTreeMap<String, BTreeSet<String>> {
    let (id, name) = (Regex::new(r"\b[GS]\d{2,3}\b").unwrap(), Regex::new(r"^(?:async )?fn (\w+)").unwrap());
    let case = Regex::new(r"^(?:\w+::)?(\w+),$").unwrap();
    let mut carried = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let (mut ids, mut is_test, mut is_suite) = (BTreeSet::new(), false, false);
        for line in text.lines().map(str::trim) {
            if line.starts_with("//") {
                ids.extend(id.find_iter(line).map(|found| found.as_str().to_owned()));
            } else if line.starts_with('#') {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            } else {
                is_suite = line.contains("cases! {") || (is_suite && line != "}");
                let found =
                    name.captures(line).filter(|_| is_test).or_else(|| case.captures(line).filter(|_| is_suite));
                if let Some(found) = found {
                    for id in std::mem::take(&mut ids) {
                        carried.entry(id).or_default().insert(found[1].to_owned());
                    }
                }
                (ids, is_test) = (BTreeSet::new(), false);
            }
        }
    }
    carried
}

/// The list with its last column as it should be, and ids that tests carry and the list does not know.
fn written(list: &str, carried: &BTreeMap<String, BTreeSet<String>>) -> (String, Vec<String>) {
    let row = Regex::new(r"^\| ([GS]\d+) \| ([^|]+) \|").unwrap();
    let mut known = BTreeSet::new();
    let mut lines = Vec::new();
    for line in list.lines() {
        let Some(found) = row.captures(line) else {
            lines.push(line.to_owned());
            continue;
        };
        known.insert(found[1].to_owned());
        let tests = carried.get(&found[1]).map_or_else(
            || "later".to_owned(),
            |tests| tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", "),
        );
        lines.push(format!("| {} | {} | {tests} |", &found[1], found[2].trim()));
    }
    let unknown = carried.keys().filter(|id| !known.contains(*id)).cloned().collect();
    (lines.join("\n") + "\n", unknown)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says whether the list is to be written")]
fn the_list_of_scenarios_names_the_tests_that_carry_them() {
    let tree = Tree::repository();
    let (expected, unknown) = written(tree.text(LIST), &carried(tree));
    assert_eq!(unknown, [""; 0], "tests carry these ids, and {LIST} does not know them");
    if std::env::var("ANTIPHON_WRITE_SCENARIOS").is_ok() {
        std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST), &expected).unwrap();
        return;
    }
    assert!(expected == tree.text(LIST), "{LIST} is out of date: run scripts/scenarios");
}

#[test]
fn ids_are_found_above_tests_alone() {
    let code = "// G001, and S02\n// as far as it goes: G003\n#[test]\nfn one() {\n    // G004\n}\n\n// G005\nfn helper() {}\n\n\
                /// G006\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn two() {}\n\
                crate::cases! { $world;\n// G007\nfile::three,\nfour,\n}\nenum E {\n// G008\nFive,\n}\n";
    let tree = Tree::of(&[("src/a.rs", code)]);

    let found: Vec<_> = carried(&tree).into_iter().map(|(id, tests)| format!("{id} {tests:?}")).collect();
    assert_eq!(found, [r#"G001 {"one"}"#, r#"G003 {"one"}"#, r#"G006 {"two"}"#, r#"G007 {"three"}"#, r#"S02 {"one"}"#]);
    let list = "# x\n| id | what | tests |\n|---|---|---|\n| G001 | a | later |\n| G009 | b | `gone` |\n";
    let (list, unknown) = written(list, &carried(&tree));
    assert_eq!(list, "# x\n| id | what | tests |\n|---|---|---|\n| G001 | a | `one` |\n| G009 | b | later |\n");
    assert_eq!(unknown, ["G003", "G006", "G007", "S02"]);
}
