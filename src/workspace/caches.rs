//! Turns at the caches of package managers: two installations that write to one cache at once break each other.
//!
//! It reads a line of the operator's setup for the names of package managers. A name too many only costs time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The programs that share a cache, and the cache's name.
const PROGRAMS: [(&str, &str); 21] = [
    ("npm", "npm"),
    ("npx", "npm"),
    ("pnpm", "pnpm"),
    ("pnpx", "pnpm"),
    ("yarn", "yarn"),
    ("yarnpkg", "yarn"),
    ("bun", "bun"),
    ("bunx", "bun"),
    ("uv", "uv"),
    ("uvx", "uv"),
    ("pip", "pip"),
    ("pip3", "pip"),
    ("poetry", "poetry"),
    ("cargo", "cargo"),
    ("go", "go"),
    ("bundle", "bundler"),
    ("gem", "bundler"),
    ("composer", "composer"),
    ("mvn", "maven"),
    ("gradle", "gradle"),
    ("gradlew", "gradle"),
];

/// The turns at all caches of this machine's user. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Caches(Arc<Mutex<Turns>>);

/// By cache, and by how many may be at it.
type Turns = BTreeMap<(&'static str, usize), Arc<Semaphore>>;

impl Caches {
    /// Waits for a turn at every cache that the line uses, at which `at_once` may be; `None` if it did not come in time.
    /// The turn ends when what is given is dropped.
    pub(super) async fn enter(
        &self,
        line: &str,
        at_once: usize,
        patience: Duration,
    ) -> Option<Vec<OwnedSemaphorePermit>> {
        let turns = async {
            let mut turns = Vec::new();
            // Everybody takes them in the same order, so nobody waits in a circle.
            for cache in caches_of(line) {
                let turn = self.semaphore(cache, at_once).acquire_owned().await;
                turns.push(turn.expect("nobody closes it"));
            }
            turns
        };
        tokio::time::timeout(patience, turns).await.ok()
    }

    fn semaphore(&self, cache: &'static str, at_once: usize) -> Arc<Semaphore> {
        let mut known = self.0.lock().expect("no holder of this lock panics");
        known.entry((cache, at_once)).or_insert_with(|| Arc::new(Semaphore::new(at_once.max(1)))).clone()
    }
}

/// The caches that a shell line uses.
pub(super) fn caches_of(line: &str) -> BTreeSet<&'static str> {
    let words = line.split(|letter: char| letter.is_whitespace() || ";&|()<>\"'`$=".contains(letter));
    let programs = words.map(|word| word.rsplit(['/', '\\']).next().unwrap_or(word));
    programs.filter_map(|word| PROGRAMS.iter().find(|(program, _)| *program == word)).map(|(_, cache)| *cache).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_caches() {
        for (line, caches) in [
            ("npm ci", vec!["npm"]),
            ("cd web && npx --yes tool; (cargo fetch)", vec!["cargo", "npm"]),
            ("CI=1 /usr/local/bin/pnpm install", vec!["pnpm"]),
            ("python -m pip install -r requirements.txt", vec!["pip"]),
            ("make cargo-free && cp .env.example .env", vec![]),
        ] {
            assert_eq!(caches_of(line).into_iter().collect::<Vec<_>>(), caches, "{line}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_cache_is_used_by_one_at_a_time_and_others_do_not_wait() {
        let caches = Caches::default();
        let moment = Duration::from_secs(1);
        let first = caches.enter("npm ci", 1, moment).await;
        assert!(first.is_some());

        assert!(caches.enter("cd a && npm ci", 1, moment).await.is_none());
        assert!(caches.enter("cargo fetch", 1, moment).await.is_some());
        drop(first);

        assert!(caches.enter("npm ci", 1, moment).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_may_use_it_as_the_settings_say() {
        let caches = Caches::default();
        let moment = Duration::from_secs(1);

        let turns = (caches.enter("uv sync", 2, moment).await, caches.enter("uv sync", 2, moment).await);

        assert!(turns.0.is_some() && turns.1.is_some());
        assert!(caches.enter("uv sync", 2, moment).await.is_none());
    }
}
