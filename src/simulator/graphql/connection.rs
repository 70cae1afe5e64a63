//! Connections: a window on a list, with cursors.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    execute::Arguments,
    nodes::{Answer, Node},
};

/// The largest window that GitHub gives.
const PAGE_MAX: u64 = 100;

/// A window on a list.
#[derive(Debug, Clone)]
pub(super) struct Connection<'w> {
    /// The name of its type.
    pub(super) type_name: &'static str,
    nodes: Vec<Node<'w>>,
    start: usize,
    total: usize,
}

/// Cuts the window that was asked for out of a list.
pub(super) fn window<'w>(type_name: &'static str, all: Vec<Node<'w>>, arguments: &Arguments) -> Answer<'w> {
    let number = |name: &str| arguments.get(name).and_then(serde_json::Value::as_u64);
    if [number("first"), number("last")].into_iter().flatten().any(|size| size > PAGE_MAX) {
        return Answer::Refused(format!(
            "Requesting more than {PAGE_MAX} records on the connection exceeds the `first` limit of {PAGE_MAX} records."
        ));
    }
    let total = all.len();
    let at = |name: &str| arguments.get(name).and_then(serde_json::Value::as_str).and_then(position);
    let mut start = at("after").map_or(0, |after| after + 1).min(total);
    let mut end = at("before").unwrap_or(total).clamp(start, total);
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    if let Some(first) = number("first") {
        end = end.min(start.saturating_add(size(first)));
    } else if let Some(last) = number("last") {
        start = start.max(end.saturating_sub(size(last)));
    }
    let nodes = all.into_iter().skip(start).take(end - start).collect();
    Answer::Node(Node::Connection(Connection { type_name, nodes, start, total }))
}

impl<'w> Connection<'w> {
    /// A field of the connection.
    pub(super) fn field(&self, name: &str) -> Option<Answer<'w>> {
        let count = |type_name: &str| json!(self.nodes.iter().filter(|node| node.type_name() == type_name).count());
        Some(match name {
            "nodes" => Answer::List(self.nodes.clone()),
            "totalCount" => Answer::Value(json!(self.total)),
            "pageInfo" => Answer::Node(self.page_info()),
            "checkRunCount" => Answer::Value(count("CheckRun")),
            "statusContextCount" => Answer::Value(count("StatusContext")),
            _ => return None,
        })
    }

    fn page_info(&self) -> Node<'w> {
        let end = self.start + self.nodes.len();
        let any = !self.nodes.is_empty();
        Node::Fixed(
            "PageInfo",
            json!({
                "hasNextPage": end < self.total,
                "hasPreviousPage": self.start > 0,
                "startCursor": any.then(|| cursor(self.start)),
                "endCursor": any.then(|| cursor(end - 1)),
            }),
        )
    }
}

fn cursor(position: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{position}"))
}

fn position(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("cursor:v2:")?.parse().ok()
}
