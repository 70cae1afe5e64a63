//! What only certain modules may name: the crates and calls that one module wraps for all others.

use super::{Violation, assert_none, places, source::Name, tree::Tree};

/// A thing, where it may be named, and what others do instead.
struct Border {
    thing: &'static str,
    /// Parts of the thing that anybody may name.
    free: &'static [&'static str],
    modules: &'static [&'static str],
    instead: &'static str,
}

const BORDERS: [Border; 13] = [
    Border { thing: "rusqlite", free: &[], modules: &["journal"], instead: "ask `journal`" },
    Border { thing: "octocrab", free: &[], modules: &["github"], instead: "ask `github`" },
    Border { thing: "serde_saphyr", free: &[], modules: &["yaml"], instead: "read through `yaml`" },
    Border { thing: "cel", free: &[], modules: &["reaction"], instead: "ask `reaction`" },
    Border { thing: "handlebars", free: &[], modules: &["reaction", "config"], instead: "ask `reaction` or `config`" },
    Border { thing: "portable_pty", free: &[], modules: &["runtime"], instead: "ask `runtime`" },
    Border { thing: "tmux_interface", free: &[], modules: &["runtime"], instead: "ask `runtime`" },
    Border {
        thing: "std::env",
        // Facts about the build and rules of writing, not the environment.
        free: &["std::env::consts", "std::env::join_paths", "std::env::split_paths"],
        modules: &["config"],
        instead: "take the value as an argument; `config` reads the environment",
    },
    Border {
        thing: "std::process::Command",
        free: &[],
        modules: &["process"],
        instead: "start children through `process`",
    },
    Border {
        thing: "tokio::process::Command",
        free: &[],
        modules: &["process"],
        instead: "start children through `process`",
    },
    Border { thing: "tokio::spawn", free: &[], modules: &["background"], instead: "spawn through `background`" },
    Border { thing: "tokio::task::spawn", free: &[], modules: &["background"], instead: "spawn through `background`" },
    Border {
        thing: "tokio::task::spawn_local",
        free: &[],
        modules: &["background"],
        instead: "spawn through `background`",
    },
];

/// Beginnings of strings that only a speaker of GitHub's protocol has a use for.
const GITHUB_WORDS: [&str; 4] = ["/repos/", "/app/installations", "/graphql", "application/vnd.github"];

fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production() {
        // `main.rs` and `lib.rs` belong to no module, and may do nothing that needs one.
        let own = source.top().unwrap_or("cli");
        for name in source.production_names().filter(|it| it.path.len() > 1) {
            if (own == "cli" && is_of_the_call(name)) || (own == "process" && is_of_the_system(name)) {
                continue;
            }
            let crossed = BORDERS.iter().find(|border| {
                let free = border.modules.contains(&own) || border.free.iter().any(|it| name.is_in(it));
                name.is_in(border.thing) && !free
            });
            if let Some(Border { thing, modules, instead, .. }) = crossed {
                let message = format!("`{own}` names `{thing}`, which belongs to {modules:?}: {instead}");
                found.push(Violation::new(&source.path, name.line, message));
            }
        }
    }
    found
}

/// What belongs to the command line itself: its arguments, the program that was called, and the import of their module.
fn is_of_the_call(name: &Name) -> bool {
    name.is_in("std::env::args_os") || name.is_in("std::env::current_exe") || name.path == ["std", "env"]
}

/// What Windows needs to be handed on to every program, whoever starts it: `config` lies above whoever must.
fn is_of_the_system(name: &Name) -> bool {
    name.is_in("std::env::var_os")
}

fn of_github(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production().filter(|it| !matches!(it.top(), Some("github" | "simulator"))) {
        let said = source.strings.iter().filter(|it| !source.in_test(it.line));
        for text in said.filter(|text| GITHUB_WORDS.iter().any(|it| text.value.starts_with(it))) {
            let message = format!("{:?} is GitHub's protocol: only `github` and `simulator` speak it", text.value);
            found.push(Violation::new(&source.path, text.line, message));
        }
    }
    found
}

#[test]
fn what_one_module_wraps_no_other_names() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn only_github_and_the_simulator_speak_githubs_protocol() {
    assert_none(of_github(Tree::repository()));
}

#[test]
fn what_crosses_a_border_is_found() {
    let tree = Tree::of(&[
        ("src/app.rs", "use rusqlite::Row;\nfn f() { std::env::consts::OS; }\nfn g() { std::env::args_os(); }"),
        ("src/cli/mod.rs", "use std::env;\nfn f() { env::args_os(); }\nfn g() { env::var(\"A\"); }"),
        ("src/journal/sqlite.rs", "use rusqlite::Connection;\nfn f() { tokio::task::spawn(x); }"),
        ("src/main.rs", "fn main() { std::env::args_os(); }"),
        ("src/config.rs", "fn f() { std::env::vars_os(); }\n#[cfg(test)]\nmod tests {\n    use rusqlite::Row;\n}"),
    ]);

    assert_eq!(
        places(&violations(&tree)),
        [("src/app.rs", 1), ("src/app.rs", 3), ("src/cli/mod.rs", 3), ("src/journal/sqlite.rs", 2)]
    );
}

#[test]
fn githubs_protocol_is_found_elsewhere() {
    let text = "const A: &str = \"/repos/{owner}/{repo}\";";
    let tree = Tree::of(&[("src/github/client.rs", text), ("src/executor.rs", text)]);

    assert_eq!(places(&of_github(&tree)), [("src/executor.rs", 1)]);
}
