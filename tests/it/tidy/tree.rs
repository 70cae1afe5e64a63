//! The repository as text: every file that is meant for it, and what is written in the Rust ones.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use super::source::Source;

static REPOSITORY: LazyLock<Tree> = LazyLock::new(|| Tree::read(Path::new(env!("CARGO_MANIFEST_DIR"))));

/// What tools made.
const MADE: [&str; 3] = [".git", "node_modules", "target"];

/// All files of a repository.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Text by path from the root, with `/`; empty for a file that is not UTF-8.
    pub files: BTreeMap<String, String>,
    /// The `.rs` files under `src` and `tests`, in the order of their paths.
    pub sources: Vec<Source>,
}

impl Tree {
    /// This repository, read once.
    pub(super) fn repository() -> &'static Self {
        &REPOSITORY
    }

    /// A made-up repository of paths and texts.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// The sources below `src`.
    pub(super) fn production(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|it| it.path.starts_with("src/"))
    }

    /// The text of one file, empty if there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in entries(&folder).filter(|it| !MADE.contains(&it.file_name().to_str().unwrap_or_default())) {
                let path = entry.path();
                let kind = entry.file_type().unwrap_or_else(|error| panic!("cannot see {}: {error}", path.display()));
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let bytes =
                        fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
                    files.insert(from_root(root, &path), String::from_utf8(bytes).unwrap_or_default());
                }
            }
        }
        Self::from_files(files)
    }

    fn from_files(files: BTreeMap<String, String>) -> Self {
        let rust = files.iter().filter(|(path, _)| {
            Path::new(path).extension().is_some_and(|it| it == "rs")
                && (path.starts_with("src/") || path.starts_with("tests/"))
        });
        let mut sources: Vec<Source> = rust.map(|(path, text)| Source::read(path, text)).collect();
        let test_modules: Vec<Vec<String>> = sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut sources {
            source.is_test =
                source.path.starts_with("tests/") || test_modules.iter().any(|it| source.module.starts_with(it));
        }
        Self { files, sources }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    read.map(|it| it.expect("an entry of a readable folder is readable"))
}

fn from_root(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).expect("the walk began at the root");
    inside.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[test]
fn files_of_a_test_module_are_tests() {
    let tree = Tree::of(&[
        ("src/a/mod.rs", "#[cfg(test)]\nmod fake;\nmod real;"),
        ("src/a/fake/deep.rs", ""),
        ("src/a/fake.rs", ""),
        ("src/a/real.rs", ""),
    ]);

    let tests: Vec<&str> = tree.sources.iter().filter(|it| it.is_test).map(|it| it.path.as_str()).collect();

    assert_eq!(tests, ["src/a/fake.rs", "src/a/fake/deep.rs"]);
}
