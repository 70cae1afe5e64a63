//! One Rust file as plain facts with line numbers.
//!
//! The parser's own trees cannot be shared between the threads of a test run, so everything is drawn out of them here.

use proc_macro2::TokenStream;

use super::{items::Items, tokens};

/// One Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// From the root of the repository.
    pub path: String,
    /// The path of its module inside the crate; empty for `lib.rs`, `main.rs` and everything under `tests`.
    pub module: Vec<String>,
    /// The whole file belongs to tests.
    pub is_test: bool,
    /// How many lines it has.
    pub lines: usize,
    /// Paths that it names, as far as this file tells: imports and `super` are resolved.
    pub names: Vec<Name>,
    /// Its string literals, without documentation.
    pub strings: Vec<Text>,
    /// What a walk over its items found.
    pub items: Items,
}

/// A path such as `crate::model::Sha`, in segments; a glob ends in `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Line of its first segment.
    pub line: usize,
    /// Its segments.
    pub path: Vec<String>,
}

impl Name {
    /// Whether it lies in `place`, such as `std::fs`. A glob import lies in everything that it may bring in.
    pub(super) fn is_in(&self, place: &str) -> bool {
        let glob = self.path.last().is_some_and(|it| it == "*");
        let place: Vec<&str> = place.split("::").collect();
        let common = self.path.iter().zip(&place).take_while(|(own, wanted)| own == wanted).count();
        common == place.len() || (glob && common == self.path.len() - 1)
    }
}

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// Line of its first quote.
    pub line: usize,
    /// What it says.
    pub value: String,
    /// It stands in a macro that embeds a file.
    pub included: bool,
}

impl Source {
    /// Reads a file.
    ///
    /// # Panics
    ///
    /// If it is no Rust, with its path.
    pub(super) fn read(path: &str, text: &str) -> Self {
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path} is no Rust: {error}"));
        let file = syn::parse2(stream.clone()).unwrap_or_else(|error| panic!("{path} is no Rust: {error}"));
        let items = Items::of(&file);
        let found = tokens::read(stream);
        let module = module(path);
        let names = found.names.into_iter().map(|it| resolve(it, &module, &items)).collect();
        let lines = text.lines().count();
        Self { path: path.to_owned(), module, is_test: false, lines, names, strings: found.strings, items }
    }

    /// The module right under the crate that this file belongs to.
    pub(super) fn top(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// Whether a line is for tests only.
    pub(super) fn in_test(&self, line: usize) -> bool {
        self.is_test || self.items.test_lines.iter().any(|it| it.contains(&line))
    }

    /// The names in code that ships.
    pub(super) fn production_names(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(|it| !self.in_test(it.line))
    }

    /// How many lines ship.
    pub(super) fn production_lines(&self) -> usize {
        if self.is_test {
            return 0;
        }
        self.lines - self.items.test_lines.iter().map(|it| it.end() + 1 - it.start()).sum::<usize>()
    }

    /// The modules in files of their own that this file declares for tests only.
    pub(super) fn test_modules(&self) -> Vec<Vec<String>> {
        let inside = |name: &String| self.module.iter().chain([name]).cloned().collect();
        self.items.test_files.iter().map(inside).collect()
    }
}

fn module(path: &str) -> Vec<String> {
    let Some(inside) = path.strip_prefix("src/") else { return Vec::new() };
    let mut module: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|it| it == "mod") || module == ["lib"] || module == ["main"] {
        module.pop();
    }
    module
}

/// Writes imported names, `super` and `self` out.
fn resolve(name: Name, module: &[String], items: &Items) -> Name {
    let Name { line, path } = name;
    let import = items.imports.iter().rfind(|it| it.name == path[0] && it.scope.contains(&line));
    let path = match import {
        // A single word is more often a variable than an imported module.
        Some(import) if path.len() > 1 => {
            let target = absolute(import.path.clone(), import.line, module, items);
            target.into_iter().chain(path.into_iter().skip(1)).collect()
        }
        Some(_) | None => absolute(path, line, module, items),
    };
    Name { line, path }
}

/// Writes `super` and `self` out.
fn absolute(mut path: Vec<String>, line: usize, module: &[String], items: &Items) -> Vec<String> {
    let supers = path.iter().take_while(|it| *it == "super").count();
    let own = usize::from(path.first().is_some_and(|it| it == "self"));
    // `self` alone is the receiver of a method.
    if path.len() > 1 && supers + own > 0 {
        let enclosing = items.inline_modules.iter().filter(|it| it.lines.contains(&line)).map(|it| &it.name);
        let mut base: Vec<String> = module.iter().chain(enclosing).cloned().collect();
        base.truncate(base.len().saturating_sub(supers));
        path.splice(..supers + own, ["crate".to_owned()].into_iter().chain(base));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, text: &str) -> Vec<String> {
        Source::read(path, text).names.into_iter().map(|it| it.path.join("::")).filter(|it| it.contains("::")).collect()
    }

    #[test]
    fn an_import_is_followed_to_what_it_stands_for() {
        assert_eq!(
            names("src/a.rs", "use std::time as t; fn f() { t::Instant::now(); }"),
            ["std::time", "std::time::Instant::now"]
        );
    }

    #[test]
    fn super_is_written_out_from_files_and_from_modules_within_them() {
        assert_eq!(names("src/a/b.rs", "use super::super::c::D;"), ["crate::c::D"]);
        assert_eq!(names("src/a/mod.rs", "use super::c::D;"), ["crate::c::D"]);
        assert_eq!(names("src/a.rs", "mod b {\n use super::super::c::D;\n}"), ["crate::c::D"]);
        assert_eq!(names("src/a.rs", "use self::b::C;"), ["crate::a::b::C"]);
    }

    #[test]
    fn a_glob_lies_in_everything_that_it_may_bring() {
        let glob = Name { line: 1, path: ["std", "time", "*"].map(str::to_owned).to_vec() };

        assert_eq!(["std::time::Instant", "std::fs", "std::time"].map(|it| glob.is_in(it)), [true, false, true]);
    }

    #[test]
    fn lines_of_test_modules_do_not_ship() {
        let source = Source::read("src/a.rs", "//! A.\n\n#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n");

        assert_eq!((source.lines, source.production_lines()), (6, 2));
    }
}
