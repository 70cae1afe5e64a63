//! Everything as lines of JSON: for people, for other programs, and for a move to another store.

use std::io::Write;

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::{Map, Value, json};

use crate::journal::{
    Error, SqliteJournal,
    sqlite::{
        codec::{Packed, moment},
        deliveries,
        query::each,
        texts,
    },
};

/// What is exported, in this order: the `kind` of the lines, and where their fields come from. A column `…_at` holds a
/// moment, a column `…_json` holds JSON, and `bytes, compressed, body` hold what was packed.
const KINDS: [(&str, &str); 8] = [
    ("meta", "SELECT name, value FROM meta ORDER BY name"),
    (
        "machine",
        "SELECT key, version, deadline AS deadline_at, deadline_why, state AS state_json FROM machine ORDER BY key",
    ),
    ("lookup", "SELECT key, machine FROM lookup ORDER BY key, machine"),
    (
        "entry",
        "SELECT seq, at AS entry_at, machine, version, cause, rules, lower(hex(entropy)) AS entropy,
         event AS event_json, effects AS effects_json FROM log ORDER BY seq",
    ),
    ("inbox", "SELECT row, cause, machine, posted_at, consumed_at, event AS event_json FROM inbox ORDER BY row"),
    (
        "effect",
        "SELECT machine, version, place AS \"index\", lane, ordered_at, ended_at, fence, lease AS lease_at,
         not_before AS not_before_at, postponed, tried, why, progress, effect AS effect_json FROM outbox ORDER BY row",
    ),
    (
        "delivery",
        "SELECT id, status, received_at, event, repo, why, bytes, compressed, body FROM delivery ORDER BY row",
    ),
    ("text", "SELECT hash, kept_at, bytes, compressed, body FROM text ORDER BY hash"),
];

impl SqliteJournal {
    /// Writes everything as of one moment, one JSON object a line, each with a `kind`; the number of lines. It works
    /// beside a daemon that writes.
    ///
    /// # Errors
    ///
    /// When something cannot be read, or `out` does not take it.
    pub async fn export(&self, mut out: impl Write + Send + 'static) -> Result<u64, Error> {
        self.walk(move |connection| {
            let mut lines = 0;
            for (kind, sql) in KINDS {
                lines += export_kind(connection, &mut out, kind, sql)?;
            }
            out.flush().context("cannot write the export").map_err(Error::Other)?;
            Ok(lines)
        })
        .await
    }
}

fn export_kind(connection: &Connection, out: &mut impl Write, kind: &str, sql: &str) -> Result<u64, Error> {
    let names: Vec<String> = connection.prepare_cached(sql)?.column_names().map(ToOwned::to_owned).collect();
    let mut lines = 0;
    each(connection, sql, [], |row| {
        let line = Value::Object(line(kind, &names, row)?);
        writeln!(out, "{line}").context("cannot write the export").map_err(Error::Other)?;
        lines += 1;
        Ok(())
    })?;
    Ok(lines)
}

fn line(kind: &str, names: &[String], row: &Row<'_>) -> Result<Map<String, Value>, Error> {
    let mut line = Map::from_iter([("kind".to_owned(), json!(kind))]);
    for (column, name) in names.iter().enumerate() {
        let value = row.get_ref(column)?;
        match (name.as_str(), value) {
            ("bytes" | "compressed", _) => {}
            ("body", _) => {
                let packed =
                    Packed { bytes: row.get("bytes")?, compressed: row.get("compressed")?, body: row.get(column)? };
                let (name, body) = body(kind, packed)?;
                line.insert(name.to_owned(), body);
            }
            (_, ValueRef::Integer(nanos)) if name.ends_with("_at") => {
                line.insert(field(name), json!(moment(nanos)));
            }
            (_, ValueRef::Integer(number)) => {
                line.insert(field(name), json!(number));
            }
            (_, ValueRef::Text(text)) => {
                let text = String::from_utf8_lossy(text);
                // What is damaged is exported as it stands: an export is also how one looks at damage.
                let parsed = if name.ends_with("_json") { serde_json::from_str(&text).ok() } else { None };
                line.insert(field(name), parsed.unwrap_or_else(|| json!(text)));
            }
            (_, ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_)) => {
                line.insert(field(name), Value::Null);
            }
        }
    }
    Ok(line)
}

/// The name of a field from the name of its column.
fn field(column: &str) -> String {
    match column {
        "entry_at" => "at",
        "deadline_at" => "deadline",
        "lease_at" => "lease",
        "not_before_at" => "not_before",
        other => other.strip_suffix("_json").unwrap_or(other),
    }
    .to_owned()
}

/// A body as text if it is text, else as base64.
fn body(kind: &str, packed: Packed) -> Result<(&'static str, Value), Error> {
    if kind == "text" {
        return Ok(("text", json!(texts::unpack(packed)?)));
    }
    match String::from_utf8(deliveries::unpack(packed)?) {
        Ok(text) => Ok(("body", json!(text))),
        Err(binary) => Ok(("body_base64", json!(BASE64_STANDARD.encode(binary.as_bytes())))),
    }
}
