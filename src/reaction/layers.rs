//! Lays rules of several sources over each other: later wins, field by field; a repository can only tighten.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use crate::yaml::{self, Diagnostic, Entry, File, Node, Value};

use super::{
    build::later,
    document::Document,
    retry::Retry,
    rule::{Layer, Origin, Trust},
};

/// One rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Who wrote it.
    pub layer: Layer,
    /// What messages call it, usually its path.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// One parsed rule file.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub(super) layer: Layer,
    pub(super) node: Node,
    pub(super) document: Document,
}

/// A rule as it results from all sheets of its name.
#[derive(Debug, Clone)]
pub(super) struct Effective {
    pub(super) node: Node,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) layer: Layer,
}

impl Sheet {
    /// Parses a file, and sees that each field it names is of the right type.
    pub(super) fn parse(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let node = Node::parse(&source.name, &source.text).map_err(|mistake| vec![mistake])?;
        let later = later(&node);
        if !later.is_empty() {
            return Err(later);
        }
        let document = yaml::read(&node).map_err(|mistake| vec![mistake])?;
        Ok(Self { layer: source.layer, node, document })
    }
}

/// Lays the sheets of one rule over each other, least specific first.
pub(super) fn lay(sheets: &[&Sheet]) -> Result<Effective, Vec<Diagnostic>> {
    let mut below: Option<Effective> = None;
    let mut locked = Vec::new();
    let mut found = Vec::new();
    for sheet in sheets {
        match sheet.layer {
            Layer::Shipped => {}
            Layer::Operator if sheet.document.lock == Some(true) => locked = leaves(&sheet.node),
            Layer::Operator => {}
            Layer::Repository => found.extend(Tightening { sheet, below: below.as_ref(), locked: &locked }.check()),
        }
        let node = below.as_ref().map_or_else(|| sheet.node.clone(), |below| over(&below.node, &sheet.node));
        let mut origins = below.map(|below| below.origins).unwrap_or_default();
        note(&mut origins, sheet);
        below = Some(Effective { node, origins, layer: sheet.layer });
    }
    match below {
        Some(effective) if found.is_empty() => Ok(effective),
        Some(_) | None => Err(found),
    }
}

/// Maps are joined key by key; everything else is replaced whole.
fn over(below: &Node, above: &Node) -> Node {
    let (Value::Map(lower), Value::Map(upper)) = (&below.value, &above.value) else { return above.clone() };
    let mut entries: Vec<Entry> = lower.clone();
    for entry in upper {
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => {
                *known = Entry { node: over(&known.node, &entry.node), ..entry.clone() };
            }
            None => entries.push(entry.clone()),
        }
    }
    Node { value: Value::Map(entries), ..above.clone() }
}

fn note(origins: &mut BTreeMap<String, Origin>, sheet: &Sheet) {
    for Leaf { path, place: (file, span) } in leaves(&sheet.node) {
        let line = file.text[..span.start].matches('\n').count() + 1;
        // A list or value replaces what a map held before, and the other way round.
        let inside = |known: &str| known.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
        origins.retain(|known, _| !inside(known));
        origins.insert(path, Origin { layer: sheet.layer, file: file.name.clone(), line });
    }
}

/// A field that holds a value or list.
struct Leaf {
    path: String,
    place: (Arc<File>, Range<usize>),
}

fn leaves(node: &Node) -> Vec<Leaf> {
    let mut found = Vec::new();
    for entry in node.entries() {
        match &entry.node.value {
            Value::Map(_) => found.extend(
                leaves(&entry.node)
                    .into_iter()
                    .map(|leaf| Leaf { path: format!("{}.{}", entry.key, leaf.path), place: leaf.place }),
            ),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
                found.push(Leaf { path: entry.key.clone(), place: entry.place.clone() });
            }
        }
    }
    found
}

/// What a repository may not do to the rules that judge its pull requests.
struct Tightening<'s> {
    sheet: &'s Sheet,
    below: Option<&'s Effective>,
    locked: &'s [Leaf],
}

/// The fields that a repository may always change, but only to be stricter.
const TIGHTENED: [&str; 3] = ["trust", "retry.attempts", "retry.total"];
/// What decides whether a merge happens.
const GUARDS_OF_A_MERGE: [&str; 4] = ["if", "on", "checks", "settle"];

impl Tightening<'_> {
    fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        self.caps(&mut found);
        self.locks(&mut found);
        self.merges(&mut found);
        found
    }

    fn complain(&self, path: &[&str], message: String, hint: &str) -> Diagnostic {
        let node = self.sheet.node.get(path).unwrap_or(&self.sheet.node);
        node.complain(message).hint(hint).at(path.join("."))
    }

    fn caps(&self, found: &mut Vec<Diagnostic>) {
        let below: Option<Document> = self.below.and_then(|below| yaml::read(&below.node).ok());
        let trust = below.as_ref().and_then(|below| below.trust).unwrap_or(Trust::Collaborator);
        if self.sheet.document.trust.is_some_and(|own| own < trust) {
            let message = "a repository can only ask for more trust".to_owned();
            found.push(self.complain(
                &["trust"],
                message,
                "people who may not write here could write the rule's prompts",
            ));
        }
        let caps = below.and_then(|below| below.retry).unwrap_or_default();
        let Retry { attempts, total, .. } = self.sheet.document.retry.unwrap_or(caps);
        for (key, own, cap) in [("attempts", attempts, caps.attempts), ("total", total, caps.total)] {
            if own > cap && self.sheet.node.get(&["retry", key]).is_some() {
                let message = format!("a repository can only lower this, and it is {cap}");
                found.push(self.complain(&["retry", key], message, "the operator's rules can raise it"));
            }
        }
    }

    fn locks(&self, found: &mut Vec<Diagnostic>) {
        if self.sheet.document.lock.is_some() {
            found.push(self.complain(&["lock"], "only the operator can lock a rule".to_owned(), "remove this line"));
        }
        for Leaf { path, place: (file, span) } in leaves(&self.sheet.node) {
            let same = |locked: &Leaf| overlaps(&locked.path, &path);
            if path != "name" && path != "lock" && !TIGHTENED.contains(&path.as_str()) && self.locked.iter().any(same) {
                let complaint = Diagnostic::new(&file, span, format!("the operator has locked `{path}`"));
                found.push(complaint.hint("remove it, or ask the operator").at(path));
            }
        }
    }

    fn merges(&self, found: &mut Vec<Diagnostic>) {
        for path in [&["do"][..], &["escalate", "do"]] {
            for step in self.sheet.node.get(path).map(Node::items).unwrap_or_default() {
                if let Some(Entry { place: (file, span), .. }) = step.entry("merge") {
                    let complaint = Diagnostic::new(file, span.clone(), "a repository cannot order a merge by itself");
                    let hint = "the operator decides, with `merge` in the settings of the repository";
                    found.push(complaint.hint(hint).at(path.join(".")));
                }
            }
        }
        let merging = self.below.is_some_and(|below| orders_merge(&below.node));
        if !merging || self.sheet.node.get(&["do"]).is_some() {
            return;
        }
        for key in GUARDS_OF_A_MERGE {
            if self.sheet.node.get(&[key]).is_some() {
                let message = format!("a repository cannot change `{key}` of a rule that merges");
                found.push(self.complain(&[key], message, "give `do` without `merge` as well, or ask the operator"));
            }
        }
    }
}

fn orders_merge(node: &Node) -> bool {
    node.get(&["do"]).map(Node::items).unwrap_or_default().iter().any(|step| step.entry("merge").is_some())
}

/// Whether one dotted path is the other, or lies inside of it.
fn overlaps(one: &str, two: &str) -> bool {
    let inside = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    one == two || inside(one, two) || inside(two, one)
}
