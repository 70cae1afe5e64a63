//! Files are short enough to be read in one go.

use super::{Violation, assert_none, places, source::Source, tree::Tree};

/// The most lines that may ship in one file, with what to do about more.
fn limit(source: &Source) -> (usize, &'static str) {
    match source.path.as_str() {
        "src/lib.rs" => (40, "it only names the modules"),
        "src/main.rs" => (20, "the binary only calls the library"),
        path if path.ends_with("/mod.rs") => (200, "it is a table of contents; move nouns into files of their own"),
        _ => (500, "split it by noun"),
    }
}

fn violations(tree: &Tree) -> Vec<Violation> {
    tree.production()
        .filter_map(|source| {
            let (lines, (most, advice)) = (source.production_lines(), limit(source));
            (lines > most).then(|| {
                let message = format!("{lines} lines without tests, {most} are allowed: {advice}");
                Violation::new(&source.path, 1, message)
            })
        })
        .collect()
}

#[test]
fn files_are_short() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let text = |lines: usize| "//! A.\n".repeat(lines);
    let tested = text(490) + "#[cfg(test)]\nmod tests {\n" + &"    fn f() {}\n".repeat(90) + "}\n";
    let tree = Tree::of(&[
        ("src/lib.rs", &text(41)),
        ("src/main.rs", &text(20)),
        ("src/a/mod.rs", &text(201)),
        ("src/b.rs", &text(501)),
        ("src/c.rs", &tested),
    ]);

    assert_eq!(places(&violations(&tree)), [("src/a/mod.rs", 1), ("src/b.rs", 1), ("src/lib.rs", 1)]);
}
