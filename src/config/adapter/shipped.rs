//! The adapters that come with Antiphon, embedded in the binary.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use super::Adapter;
use crate::model::AgentName;

macro_rules! adapter {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../config/agents/", $name, ".yaml")))
    };
}

const SHIPPED: [(&str, &str); 16] = [
    adapter!("aider"),
    adapter!("amp"),
    adapter!("claude"),
    adapter!("claude-stream"),
    adapter!("codex"),
    adapter!("copilot"),
    adapter!("copilot-acp"),
    adapter!("cursor"),
    adapter!("droid"),
    adapter!("gemini"),
    adapter!("gemini-acp"),
    adapter!("goose"),
    adapter!("goose-acp"),
    adapter!("opencode"),
    adapter!("opencode-acp"),
    adapter!("qwen"),
];

static PARSED: LazyLock<BTreeMap<AgentName, Arc<Adapter>>> = LazyLock::new(|| {
    let parse = |(name, text): (&str, &str)| {
        let adapter = Adapter::parse(&format!("config/agents/{name}.yaml"), text);
        let adapter = adapter.unwrap_or_else(|mistake| panic!("{}", mistake.render(false)));
        (name.parse().expect("the names are part of the source and tested"), Arc::new(adapter))
    };
    SHIPPED.into_iter().map(parse).collect()
});

/// The adapters that come with Antiphon, by the names that the settings use.
#[must_use]
pub fn shipped() -> BTreeMap<AgentName, Arc<Adapter>> {
    PARSED.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/config/agents");
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();

        assert_eq!(files, SHIPPED.map(|(name, _)| name));
        assert_eq!(shipped().len(), SHIPPED.len());
    }

    /// Which program a command starts must not depend on the order of the files.
    #[test]
    fn no_two_adapters_are_for_one_program_in_one_way() {
        let shipped = shipped();
        let ways = shipped.values().flat_map(|adapter| {
            let way = adapter.launch.protocol.is_some();
            adapter.programs.iter().map(move |program| (program.clone(), way))
        });
        let mut ways: Vec<_> = ways.collect();
        let count = ways.len();
        ways.sort();
        ways.dedup();
        assert_eq!(ways.len(), count, "{ways:?}");
    }
}
