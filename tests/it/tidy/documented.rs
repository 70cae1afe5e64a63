//! Every file says first what it is for, and every public type, trait and function says what it is.

use super::{Violation, assert_none, places, tree::Tree};

fn headers(tree: &Tree) -> Vec<Violation> {
    let without = tree.sources.iter().filter(|it| {
        let text = tree.text(&it.path);
        !text.starts_with("//!") && !text.starts_with("#![doc")
    });
    without
        .map(|it| Violation::new(&it.path, 1, "begin the file with `//!`: what it is for, what it never does"))
        .collect()
}

fn items(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production().filter(|it| !it.is_test) {
        let undocumented = source.items.undocumented.iter();
        found.extend(undocumented.map(|(line, name)| {
            Violation::new(
                &source.path,
                *line,
                format!("`{name}` is public: say in `///` what it is (units, ranges, errors)"),
            )
        }));
    }
    found
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    assert_none(headers(Tree::repository()));
}

#[test]
fn every_public_type_trait_and_function_is_documented() {
    assert_none(items(Tree::repository()));
}

#[test]
fn what_is_not_documented_is_found() {
    let text = "/// A.\npub struct A;\npub struct B;\nimpl B {\n    pub fn f() {}\n    fn g() {}\n}\n\
                /// T.\npub trait T {\n    fn f();\n}\npub(crate) fn f() {}\n#[cfg(test)]\nmod tests {\n    pub fn f() {}\n}";
    let tree = Tree::of(&[("src/a.rs", text), ("src/b.rs", "//! B.")]);

    assert_eq!(places(&headers(&tree)), [("src/a.rs", 1)]);
    assert_eq!(places(&items(&tree)), [("src/a.rs", 3), ("src/a.rs", 5), ("src/a.rs", 10)]);
}
