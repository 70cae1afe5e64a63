//! Pure modules touch no clock, file, socket, environment, log or random source, and never wait.

use super::{Violation, assert_none, places, tree::Tree};

/// The modules whose result depends on their arguments alone.
const PURE: [&str; 8] = ["effect", "event", "failure", "machine", "model", "reaction", "text", "view"];

/// What would make them depend on, or change, something else.
const WORLD: [&str; 33] = [
    "axum",
    "crate::background",
    "crate::boundary",
    "crate::clock",
    "crate::process",
    "futures_util",
    "getrandom",
    "http",
    "interprocess",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "log",
    "metrics",
    "notify",
    "octocrab",
    "portable_pty",
    "process_wrap",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "tokio_stream",
    "tokio_util",
    "tracing",
];

fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production() {
        let Some(own) = source.top().filter(|it| PURE.contains(it)) else { continue };
        for name in source.production_names() {
            let touched = WORLD.iter().find(|it| name.path.len() > 1 && name.is_in(it));
            let waits = name.path == ["async"];
            if let Some(touched) = touched.copied().or(waits.then_some("async")) {
                let message = format!(
                    "`{own}` is pure and names `{touched}`: take the value as an argument, or say it with an effect"
                );
                found.push(Violation::new(&source.path, name.line, message));
            }
        }
    }
    found
}

#[test]
fn pure_modules_touch_nothing_outside_their_arguments() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn every_way_to_the_world_is_found_and_tests_are_free() {
    let impure = "use std::{collections::BTreeMap, fs};\nuse std::time;\nasync fn f() {}\n\
                  fn g() { time::Instant::now(); }\nfn h() { jiff::Timestamp::now(); }\nuse std::time::*;\n\
                  #[cfg(test)]\nmod tests {\n    use std::fs;\n}";
    let tree = Tree::of(&[
        ("src/machine/pull.rs", impure),
        ("src/view.rs", "use crate::clock::Clock;\nfn f() { tracing::info!(\"x\"); }"),
        ("src/engine.rs", impure),
    ]);

    assert_eq!(
        places(&violations(&tree)),
        [
            ("src/machine/pull.rs", 1),
            ("src/machine/pull.rs", 3),
            ("src/machine/pull.rs", 4),
            ("src/machine/pull.rs", 5),
            ("src/machine/pull.rs", 6),
            ("src/view.rs", 1),
            ("src/view.rs", 2),
        ]
    );
}
