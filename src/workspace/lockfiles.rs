//! What installs exactly what the lock files of a repository say, and never writes them.

use std::path::Path;

/// The lock files of package managers for JavaScript, the one that counts first.
const JAVASCRIPT: [(&str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ("yarn.lock", "yarn install --frozen-lockfile"),
    ("bun.lock", "bun install --frozen-lockfile"),
    ("bun.lockb", "bun install --frozen-lockfile"),
    ("package-lock.json", "npm ci --no-audit --no-fund"),
    ("npm-shrinkwrap.json", "npm ci --no-audit --no-fund"),
];
/// Those of others.
const OTHERS: [(&str, &str); 4] = [
    ("uv.lock", "uv sync --locked"),
    ("poetry.lock", "poetry install --no-interaction"),
    ("Cargo.lock", "cargo fetch --locked"),
    ("go.sum", "go mod download"),
];
/// Yarn 2 and later knows no other word for it, and writes this file.
const MODERN_YARN: (&str, &str) = (".yarnrc.yml", "yarn install --immutable");

/// The lines that the lock files at the top of a workspace ask for; none if there is no such file.
#[must_use]
pub fn lines(dir: &Path) -> Vec<String> {
    let is_there = |(name, _): &&(&str, &str)| dir.join(name).is_file();
    let javascript = JAVASCRIPT.iter().find(is_there).map(|(name, line)| {
        let modern = *name == "yarn.lock" && dir.join(MODERN_YARN.0).is_file();
        if modern { MODERN_YARN.1 } else { line }
    });
    let others = OTHERS.iter().filter(is_there).map(|(_, line)| *line);
    javascript.into_iter().chain(others).map(ToOwned::to_owned).collect()
}

/// The lock files at the top of a workspace, by name.
pub(super) fn names(dir: &Path) -> Vec<&'static str> {
    let all = JAVASCRIPT.iter().chain(&OTHERS).map(|(name, _)| *name);
    all.filter(|name| dir.join(name).is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        lines(dir.path())
    }

    #[test]
    fn each_lock_file_asks_for_an_installation_that_does_not_change_it() {
        for (file, line) in JAVASCRIPT.iter().chain(&OTHERS) {
            assert_eq!(with(&[file]), [*line]);
        }
        assert_eq!(with(&["yarn.lock", ".yarnrc.yml"]), ["yarn install --immutable"]);
    }

    #[test]
    fn one_of_each_language_is_enough() {
        assert_eq!(
            with(&["package-lock.json", "pnpm-lock.yaml", "Cargo.lock"]),
            ["pnpm install --frozen-lockfile", "cargo fetch --locked"]
        );
        assert_eq!(with(&["package.json"]), [""; 0]);
    }
}
