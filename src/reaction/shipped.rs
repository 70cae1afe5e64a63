//! The rules that come with Antiphon, embedded in the binary.

use super::{Layer, Source};

macro_rules! rule {
    ($name:literal) => {
        (concat!("reactions/", $name, ".yaml"), include_str!(concat!("../../reactions/", $name, ".yaml")))
    };
}

const SHIPPED: [(&str, &str); 18] = [
    rule!("agent-exited"),
    rule!("agent-looping"),
    rule!("agent-needs-input"),
    rule!("agent-stuck"),
    rule!("agents-lost"),
    rule!("approved-and-green"),
    rule!("behind-base"),
    rule!("bot-review"),
    rule!("changes-requested"),
    rule!("checks-missing"),
    rule!("ci-failed"),
    rule!("conflict"),
    rule!("issue-ready"),
    rule!("loop-stopped"),
    rule!("merge-queue-ejected"),
    rule!("no-change"),
    rule!("rule-broken"),
    rule!("setup-failed"),
];

/// The rules that come with Antiphon.
#[must_use]
pub fn shipped() -> Vec<Source> {
    let source =
        |(name, text): (&str, &str)| Source { layer: Layer::Shipped, name: name.to_owned(), text: text.to_owned() };
    SHIPPED.into_iter().map(source).collect()
}
