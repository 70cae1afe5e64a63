//! The account: what the daemon says of each message, against what agents say that they took, and what was run. Pure.
//!
//! The three know nothing of each other. An agent's diary is written by the agent, from the bytes of its terminal; files
//! that a shell would make of a message are made by nobody else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{arguments::Home, board::End, fault::Fault, house::Door, play::Sent, words};
use crate::simulator::faulty::{Entry, Note};

/// What every prompt of ours begins with.
const ID: &str = "[antiphon:";

/// What was found at the end.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What was sent, and what the daemon says became of it.
    pub(super) messages: Vec<(Sent, Said)>,
    /// What each session's agent says.
    pub(super) diaries: BTreeMap<String, Vec<Entry>>,
    /// The marks of messages that were run.
    pub(super) run: BTreeSet<String>,
    /// What terminals got that are none of ours.
    pub(super) strangers: Vec<String>,
}

/// What the daemon says of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// How its prompt ended.
    pub(super) end: Option<End>,
    /// The exact words of the prompt.
    pub(super) text: Option<String>,
}

/// One line of the table: a fault in a runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// Messages that were sent.
    pub(super) sent: usize,
    /// Those whose arrival was proven.
    pub(super) acknowledged: usize,
    /// Those of which the daemon says that nobody can tell.
    pub(super) indeterminate: usize,
    /// How many of these did arrive, as the agents say.
    pub(super) arrived: usize,
    /// Those that the daemon refused or withdrew: not a byte was typed.
    pub(super) refused: usize,
    /// Arrivals beyond the first.
    pub(super) duplicated: usize,
    /// Arrivals elsewhere.
    pub(super) wrong_session: usize,
    /// Keys that meant something else than a message, and messages that were run.
    pub(super) executed: usize,
    /// Arrivals with other words than the daemon had written down.
    pub(super) altered: usize,
    /// Messages without an end, and those that are called acknowledged and that no agent took.
    pub(super) unaccounted: usize,
    /// Milliseconds from sending to the agent's receipt, sorted.
    #[serde(skip)]
    pub(super) receipts_ms: Vec<u64>,
}

impl Row {
    /// Whether nothing happened that must not happen.
    pub(super) const fn is_sound(&self) -> bool {
        self.duplicated + self.wrong_session + self.executed + self.altered + self.unaccounted == 0
            && self.acknowledged + self.indeterminate + self.refused == self.sent
    }

    /// Adds another one.
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.indeterminate += other.indeterminate;
        self.arrived += other.arrived;
        self.refused += other.refused;
        self.duplicated += other.duplicated;
        self.wrong_session += other.wrong_session;
        self.executed += other.executed;
        self.altered += other.altered;
        self.unaccounted += other.unaccounted;
        self.receipts_ms.extend(&other.receipts_ms);
        self.receipts_ms.sort_unstable();
    }

    /// The receipt that so many of 100 are not later than.
    pub(super) fn receipt_ms(&self, percent: usize) -> Option<u64> {
        let last = self.receipts_ms.len().checked_sub(1)?;
        self.receipts_ms.get((self.receipts_ms.len() * percent / 100).min(last)).copied()
    }
}

/// The rows of everything that was sent.
pub(super) type Rows = BTreeMap<(Fault, Home), Row>;

/// Draws the account up. The second part says of every single thing that must not happen what it was.
pub(super) fn draw_up(findings: &Findings) -> (Rows, Vec<String>) {
    let mut account = Account { rows: Rows::new(), wrongs: Vec::new(), arrivals: arrivals(findings) };
    for (sent, said) in &findings.messages {
        account.message(sent, said);
    }
    for (session, diary) in &findings.diaries {
        for entry in diary {
            account.strange(findings, session, entry);
        }
    }
    for (sent, _) in findings.messages.iter().filter(|(sent, _)| findings.run.contains(&sent.mark)) {
        account.row(sent).executed += 1;
        account.wrongs.push(format!("{} was run", sent.mark));
    }
    for text in &findings.strangers {
        for mark in words::marks(text) {
            if let Some((sent, _)) = findings.messages.iter().find(|(sent, _)| sent.mark == mark) {
                account.row(sent).wrong_session += 1;
                account.wrongs.push(format!("{mark} reached a stranger's terminal"));
            }
        }
    }
    (account.rows, account.wrongs)
}

/// Where each message arrived, and with which words.
type Arrivals<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

fn arrivals(findings: &Findings) -> Arrivals<'_> {
    let mut arrivals = Arrivals::new();
    for (session, diary) in &findings.diaries {
        for entry in diary {
            let Note::Taken(text) = &entry.note else { continue };
            for mark in words::marks(text) {
                arrivals.entry(mark).or_default().push((session.as_str(), text.as_str()));
            }
        }
    }
    arrivals
}

struct Account<'a> {
    rows: Rows,
    wrongs: Vec<String>,
    arrivals: Arrivals<'a>,
}

impl Account<'_> {
    fn row(&mut self, sent: &Sent) -> &mut Row {
        self.rows.entry((sent.fault, sent.home)).or_default()
    }

    fn message(&mut self, sent: &Sent, said: &Said) {
        let arrived = self.arrivals.get(sent.mark.as_str()).cloned().unwrap_or_default();
        let elsewhere = arrived.iter().filter(|(session, _)| *session != sent.session).count();
        let altered =
            arrived.iter().filter(|(_, text)| Some(text.trim_end()) != said.text.as_deref().map(str::trim_end));
        let altered = altered.count();
        let row = self.row(sent);
        row.sent += 1;
        row.duplicated += arrived.len().saturating_sub(1);
        row.wrong_session += elsewhere;
        row.altered += altered;
        let mut unaccounted = false;
        match (sent.door, said.end) {
            (Door::Closed, _) | (Door::Open, Some(End::Withdrawn)) => {
                row.refused += 1;
                unaccounted = !arrived.is_empty();
            }
            (Door::Open, Some(End::Acknowledged(at))) => {
                row.acknowledged += 1;
                let ms = at.duration_since(sent.at).as_millis();
                row.receipts_ms.push(u64::try_from(ms).unwrap_or(0));
                row.receipts_ms.sort_unstable();
                unaccounted = arrived.is_empty();
            }
            (Door::Open, Some(End::Indeterminate)) => {
                row.indeterminate += 1;
                row.arrived += usize::from(!arrived.is_empty());
            }
            (Door::Open, None) => unaccounted = true,
        }
        row.unaccounted += usize::from(unaccounted);
        let mut say = |what: &str, so: bool| {
            if so {
                self.wrongs.push(format!("{} to {}: {what}; {said:?}, {arrived:?}", sent.mark, sent.session));
            }
        };
        say("duplicated", arrived.len() > 1);
        say("in another session", elsewhere > 0);
        say("altered", altered > 0);
        say("unaccounted", unaccounted);
    }

    /// What an agent did that no message asked for; it is put down to the message that was sent to it last.
    fn strange(&mut self, findings: &Findings, session: &str, entry: &Entry) {
        let what = match &entry.note {
            Note::Executed(what) => what,
            Note::Taken(text) if words::marks(text).is_empty() && !text.starts_with(ID) => text,
            Note::Taken(_) | Note::Started | Note::Obeys(_) | Note::Pasted(_) | Note::Dropped(_) => return,
        };
        let last = last_before(findings, session, entry.at);
        self.wrongs.push(format!("{session} executed {what:?} after {:?}", last.map(|sent| &sent.mark)));
        if let Some(sent) = last {
            self.row(sent).executed += 1;
        }
    }
}

fn last_before<'a>(findings: &'a Findings, session: &str, at: Timestamp) -> Option<&'a Sent> {
    let to_it = findings.messages.iter().map(|(sent, _)| sent).filter(|sent| sent.session == session);
    let before = to_it.clone().filter(|sent| sent.at <= at).max_by_key(|sent| sent.at);
    // What happened before the first message is put down to that one: it must not get lost.
    before.or_else(|| to_it.min_by_key(|sent| sent.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TextHash;

    const MARK: &str = "rig-000001";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn sent() -> Sent {
        Sent {
            mark: MARK.to_owned(),
            fault: Fault::Nothing,
            home: Home::Pty,
            session: "a".to_owned(),
            words: TextHash::of("x"),
            at: at(0),
            door: Door::Open,
        }
    }

    fn prompt() -> String {
        format!("[antiphon:abcdefghij] {MARK} stay")
    }

    fn note(note: Note) -> Entry {
        Entry { at: at(2), pid: 1, note }
    }

    /// One message that was acknowledged after two seconds, and what the agents `a` and `b` say.
    fn findings(a: Vec<Note>, b: Vec<Note>) -> Findings {
        let said = Said { end: Some(End::Acknowledged(at(2))), text: Some(prompt()) };
        let diary = |notes: Vec<Note>| notes.into_iter().map(note).collect();
        Findings {
            messages: vec![(sent(), said)],
            diaries: BTreeMap::from([("a".to_owned(), diary(a)), ("b".to_owned(), diary(b))]),
            ..Findings::default()
        }
    }

    fn row(findings: &Findings) -> Row {
        let (rows, wrongs) = draw_up(findings);
        let row = rows[&(Fault::Nothing, Home::Pty)].clone();
        assert_eq!(row.is_sound(), wrongs.is_empty(), "{wrongs:?}");
        row
    }

    fn taken() -> Note {
        Note::Taken(prompt())
    }

    const SOUND: Row = Row {
        sent: 1,
        acknowledged: 1,
        indeterminate: 0,
        arrived: 0,
        refused: 0,
        duplicated: 0,
        wrong_session: 0,
        executed: 0,
        altered: 0,
        unaccounted: 0,
        receipts_ms: Vec::new(),
    };

    fn with_receipt(row: &Row) -> Row {
        Row { receipts_ms: vec![2_000], ..row.clone() }
    }

    #[test]
    fn what_was_taken_once_and_acknowledged_is_sound() {
        let first = Note::Taken("[antiphon:zzzzzzzzzz] wait for messages".to_owned());

        let row = row(&findings(vec![Note::Started, first, Note::Pasted(3), taken()], vec![]));

        assert_eq!((row.receipt_ms(50), row.receipt_ms(99), row.is_sound()), (Some(2_000), Some(2_000), true));
        assert_eq!(row, with_receipt(&SOUND));
    }

    #[test]
    fn a_second_line_in_the_diary_is_a_duplicate() {
        let row = row(&findings(vec![taken(), taken()], vec![]));

        assert_eq!(row, with_receipt(&Row { duplicated: 1, ..SOUND }));
    }

    #[test]
    fn a_message_under_another_id_is_a_duplicate_and_altered() {
        let again = Note::Taken(format!("[antiphon:bbbbbbbbbb] {MARK} stay"));

        let row = row(&findings(vec![taken(), again], vec![]));

        assert_eq!(row, with_receipt(&Row { duplicated: 1, altered: 1, ..SOUND }));
    }

    #[test]
    fn a_message_in_the_diary_of_another_is_in_the_wrong_session() {
        let row = row(&findings(vec![], vec![taken()]));

        assert_eq!(row, with_receipt(&Row { wrong_session: 1, ..SOUND }));
    }

    #[test]
    fn what_a_strangers_terminal_got_is_in_the_wrong_session() {
        let findings = Findings { strangers: vec![prompt()], ..findings(vec![taken()], vec![]) };

        assert_eq!(row(&findings), with_receipt(&Row { wrong_session: 1, ..SOUND }));
    }

    #[test]
    fn acknowledged_without_an_arrival_is_unaccounted() {
        assert_eq!(row(&findings(vec![], vec![])), with_receipt(&Row { unaccounted: 1, ..SOUND }));
    }

    #[test]
    fn without_an_end_a_message_is_unaccounted() {
        let mut findings = findings(vec![taken()], vec![]);
        findings.messages[0].1.end = None;

        assert_eq!(row(&findings), Row { acknowledged: 0, unaccounted: 1, ..SOUND });
    }

    #[test]
    fn indeterminate_is_sound_whether_or_not_it_arrived() {
        for (notes, arrived) in [(vec![taken()], 1), (vec![], 0)] {
            let mut findings = findings(notes, vec![]);
            findings.messages[0].1.end = Some(End::Indeterminate);

            assert_eq!(row(&findings), Row { acknowledged: 0, indeterminate: 1, arrived, ..SOUND });
        }
    }

    #[test]
    fn what_was_refused_must_not_arrive() {
        for (notes, unaccounted) in [(vec![], 0), (vec![taken()], 1)] {
            let mut findings = findings(notes, vec![]);
            findings.messages[0].0.door = Door::Closed;
            findings.messages[0].1.end = None;

            assert_eq!(row(&findings), Row { acknowledged: 0, refused: 1, unaccounted, ..SOUND });
        }
    }

    #[test]
    fn approvals_commands_and_words_of_nobody_are_executed() {
        let strange = [Note::Executed("Enter: approved".to_owned()), Note::Taken("touch x".to_owned())];
        for note in strange {
            let row = row(&findings(vec![taken(), note], vec![]));

            assert_eq!(row, with_receipt(&Row { executed: 1, ..SOUND }));
        }
    }

    #[test]
    fn a_message_that_a_shell_ran_is_executed() {
        let findings = Findings { run: BTreeSet::from([MARK.to_owned()]), ..findings(vec![taken()], vec![]) };

        assert_eq!(row(&findings), with_receipt(&Row { executed: 1, ..SOUND }));
    }

    #[test]
    fn other_words_than_were_composed_are_altered() {
        let altered = Note::Taken(format!("can you {}", prompt()));

        assert_eq!(row(&findings(vec![altered], vec![])), with_receipt(&Row { altered: 1, ..SOUND }));
    }
}
