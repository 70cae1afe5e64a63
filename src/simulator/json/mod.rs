//! GitHub's JSON, as REST answers and webhooks carry it. Pure; made from the world alone.

pub(crate) mod checks;
pub(crate) mod commits;
pub(crate) mod objects;
pub(crate) mod reviews;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

/// A time as GitHub prints it, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The opaque global id of a thing.
pub(crate) fn node_id(prefix: &str, id: u64) -> String {
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(id.to_be_bytes()))
}

/// The number inside a global id of this kind.
pub(crate) fn from_node_id(prefix: &str, node_id: &str) -> Option<u64> {
    let encoded = node_id.strip_prefix(prefix)?.strip_prefix('_')?;
    let bytes: [u8; 8] = URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}
