//! Proving a journal sound: everything that must hold between its tables, checked as of one moment.
//!
//! It changes nothing, runs beside a daemon, and reports; what to do about a finding is a person's decision.

use rusqlite::Connection;

use crate::{
    effect::Effect,
    event::Event,
    journal::{
        EffectId, Entry, Error, SqliteJournal,
        sqlite::{
            codec::{Packed, from_json, from_text, kind_name},
            deliveries, log,
            query::{all, each, first, number},
            steps, texts,
        },
    },
    model::{MachineKey, TextHash},
};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule is broken.
    pub check: Check,
    /// Of what: a machine, an effect, a row.
    pub subject: String,
    /// What was found.
    pub detail: String,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The file is what SQLite wrote, its indexes and unique columns included.
    File,
    /// The log has no gaps.
    Log,
    /// The versions of each machine have no gaps, and the newest is the machine's.
    Versions,
    /// Every machine's key, kind and state can be read.
    State,
    /// Every entry can be read.
    Entry,
    /// Every effect in the outbox was ordered by its entry, and every tell is in its inbox.
    Effect,
    /// Every waiting event can be read and is for its machine's kind.
    Inbox,
    /// Every delivery's body can be read back.
    Delivery,
    /// Every text has its hash.
    Text,
}

impl SqliteJournal {
    /// Checks everything. It reads the whole file, which takes as long as that takes; nobody waits for it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read at all.
    pub async fn verify(&self) -> Result<Vec<Finding>, Error> {
        self.walk(|connection| {
            let mut findings = Findings(Vec::new());
            findings.file(connection)?;
            // In a file whose pages are damaged every other finding would be a consequence.
            if findings.0.is_empty() {
                findings.log(connection)?;
                findings.versions(connection)?;
                findings.states(connection)?;
                findings.entries(connection)?;
                findings.effects(connection)?;
                findings.inbox(connection)?;
                findings.deliveries(connection)?;
                findings.texts(connection)?;
            }
            Ok(findings.0)
        })
        .await
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: Check, subject: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Finding { check, subject: subject.into(), detail: detail.into() });
    }

    /// Notes the error, if there is one.
    fn expect<T>(&mut self, check: Check, subject: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Error::Other(why) | Error::NotWritable(why)) => {
                self.add(check, subject, format!("{why:#}"));
                None
            }
            Err(error @ (Error::Locked { .. } | Error::TooNew { .. })) => {
                self.add(check, subject, error.to_string());
                None
            }
        }
    }

    fn file(&mut self, connection: &Connection) -> Result<(), Error> {
        for line in all(connection, "PRAGMA integrity_check", [], |row| Ok(row.get::<_, String>(0)?))? {
            if line != "ok" {
                self.add(Check::File, "integrity", line);
            }
        }
        each(connection, "PRAGMA foreign_key_check", [], |row| {
            let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
            self.add(Check::File, table, format!("a row refers to a missing row of {parent}"));
            Ok(())
        })
    }

    fn log(&mut self, connection: &Connection) -> Result<(), Error> {
        let missing = "SELECT coalesce((SELECT max(seq) - min(seq) + 1 - count(*) FROM log), 0)";
        let missing = number(connection, missing, [])?;
        if missing != 0 {
            self.add(Check::Log, "log", format!("{missing} positions are missing"));
        }
        Ok(())
    }

    fn versions(&mut self, connection: &Connection) -> Result<(), Error> {
        let whole = number(connection, "SELECT min(seq) FROM log", [])? <= 1;
        let sql = "SELECT m.key, m.version, min(l.version), max(l.version), count(l.version)
                   FROM machine m LEFT JOIN log l ON l.machine = m.key GROUP BY m.key ORDER BY m.key";
        each(connection, sql, [], |row| {
            let (key, version) = (row.get::<_, String>(0)?, row.get::<_, i64>(1)?);
            let oldest = row.get::<_, Option<i64>>(2)?;
            let newest = row.get::<_, Option<i64>>(3)?;
            let count = row.get::<_, i64>(4)?;
            // Entries of a machine that rests may all have been forgotten.
            let gapless = match (oldest, newest) {
                (Some(oldest), Some(newest)) => {
                    newest == version && newest - oldest + 1 == count && (!whole || oldest == 1)
                }
                (None, _) | (_, None) => !whole,
            };
            if !gapless {
                let detail = format!("version {version}, but {count} entries from {oldest:?} to {newest:?}");
                self.add(Check::Versions, key, detail);
            }
            Ok(())
        })?;
        let orphans = "SELECT DISTINCT machine FROM log WHERE machine NOT IN (SELECT key FROM machine)";
        each(connection, orphans, [], |row| {
            self.add(Check::Versions, row.get::<_, String>(0)?, "it has entries but no state");
            Ok(())
        })
    }

    fn states(&mut self, connection: &Connection) -> Result<(), Error> {
        each(connection, "SELECT key, kind, state FROM machine ORDER BY key", [], |row| {
            let (key, kind, state) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?);
            self.expect(Check::State, &key, from_json::<serde::de::IgnoredAny>(&state, "the state"));
            let parsed = self.expect(Check::State, &key, from_text::<MachineKey>(&key, "the key"));
            if parsed.is_some_and(|parsed| kind_name(parsed.kind()) != kind) {
                self.add(Check::State, &key, format!("its kind says {kind}"));
            }
            Ok(())
        })
    }

    fn entries(&mut self, connection: &Connection) -> Result<(), Error> {
        let sql = format!("SELECT {} FROM log ORDER BY seq", log::COLUMNS);
        each(connection, &sql, [], |row| {
            let subject = format!("entry {}", row.get::<_, i64>(0)?);
            if let Some(entry) = self.expect(Check::Entry, &subject, log::entry(row)) {
                self.tells(connection, &entry)?;
            }
            Ok(())
        })
    }

    /// What makes a told event the same one again is kept longer than the entry that told it.
    fn tells(&mut self, connection: &Connection, entry: &Entry) -> Result<(), Error> {
        for (index, effect) in (0..).zip(&entry.effects) {
            if matches!(effect, Effect::Tell { .. }) {
                let id = EffectId { machine: entry.machine.clone(), version: entry.version, index };
                let cause = steps::tell_cause(&id);
                let there = first(connection, "SELECT 1 FROM inbox WHERE cause = ?1", [&cause], |_| Ok(()))?;
                if there.is_none() {
                    self.add(Check::Effect, cause, "it was told but is in no inbox");
                }
            }
        }
        Ok(())
    }

    fn effects(&mut self, connection: &Connection) -> Result<(), Error> {
        let sql = "SELECT o.machine, o.version, o.place, o.effect, l.effects, m.version
                   FROM outbox o JOIN machine m ON m.key = o.machine
                   LEFT JOIN log l ON l.machine = o.machine AND l.version = o.version ORDER BY o.row";
        each(connection, sql, [], |row| {
            let (version, place) = (row.get::<_, i64>(1)?, row.get::<_, u32>(2)?);
            let subject = format!("{}/{version}/{place}", row.get::<_, String>(0)?);
            let effect = from_json::<Effect>(&row.get::<_, String>(3)?, "the effect");
            let Some(effect) = self.expect(Check::Effect, &subject, effect) else { return Ok(()) };
            if version > row.get(5)? {
                self.add(Check::Effect, &subject, "its step was never carried out");
            }
            // The entry of an effect that takes long may have been forgotten.
            if let Some(ordered) = row.get::<_, Option<String>>(4)? {
                let ordered = from_json::<Vec<Effect>>(&ordered, "the entry's effects").unwrap_or_default();
                if ordered.get(place as usize) != Some(&effect) {
                    self.add(Check::Effect, &subject, "its entry ordered something else");
                }
            }
            Ok(())
        })
    }

    fn inbox(&mut self, connection: &Connection) -> Result<(), Error> {
        each(connection, "SELECT row, machine, event FROM inbox WHERE consumed_at IS NULL", [], |row| {
            let subject = format!("inbox row {}", row.get::<_, i64>(0)?);
            let machine = from_text::<MachineKey>(&row.get::<_, String>(1)?, "its machine");
            let event = from_json::<Event>(&row.get::<_, String>(2)?, "its event");
            let machine = self.expect(Check::Inbox, &subject, machine);
            let event = self.expect(Check::Inbox, &subject, event);
            if let (Some(machine), Some(event)) = (machine, event)
                && machine.kind() != event.kind()
            {
                self.add(Check::Inbox, &subject, format!("{machine} cannot take the event {}", event.name()));
            }
            Ok(())
        })
    }

    fn deliveries(&mut self, connection: &Connection) -> Result<(), Error> {
        each(connection, "SELECT id, bytes, compressed, body FROM delivery ORDER BY row", [], |row| {
            let packed = Packed { bytes: row.get(1)?, compressed: row.get(2)?, body: row.get(3)? };
            self.expect(Check::Delivery, &row.get::<_, String>(0)?, deliveries::unpack(packed));
            Ok(())
        })
    }

    fn texts(&mut self, connection: &Connection) -> Result<(), Error> {
        each(connection, "SELECT hash, bytes, compressed, body FROM text ORDER BY hash", [], |row| {
            let hash = row.get::<_, String>(0)?;
            let packed = Packed { bytes: row.get(1)?, compressed: row.get(2)?, body: row.get(3)? };
            if let Some(text) = self.expect(Check::Text, &hash, texts::unpack(packed))
                && TextHash::of(&text).as_str() != hash
            {
                self.add(Check::Text, hash, "its words have another hash");
            }
            Ok(())
        })
    }
}
