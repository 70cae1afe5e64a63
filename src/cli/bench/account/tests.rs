//! The account finds each thing that must not happen.

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

fn with_receipt(row: Row) -> Row {
    Row { receipts_ms: vec![2_000], ..row }
}

#[test]
fn what_was_taken_once_and_acknowledged_is_sound() {
    let first = Note::Taken("[antiphon:zzzzzzzzzz] wait for messages".to_owned());

    let row = row(&findings(vec![Note::Started, first, Note::Pasted(3), taken()], vec![]));

    assert_eq!((row.receipt_ms(50), row.receipt_ms(99), row.is_sound()), (Some(2_000), Some(2_000), true));
    assert_eq!(row, with_receipt(SOUND));
}

#[test]
fn a_second_line_in_the_diary_is_a_duplicate() {
    let row = row(&findings(vec![taken(), taken()], vec![]));

    assert_eq!(row, with_receipt(Row { duplicated: 1, ..SOUND }));
}

#[test]
fn a_message_under_another_id_is_a_duplicate_and_altered() {
    let again = Note::Taken(format!("[antiphon:bbbbbbbbbb] {MARK} stay"));

    let row = row(&findings(vec![taken(), again], vec![]));

    assert_eq!(row, with_receipt(Row { duplicated: 1, altered: 1, ..SOUND }));
}

#[test]
fn a_message_in_the_diary_of_another_is_in_the_wrong_session() {
    let row = row(&findings(vec![], vec![taken()]));

    assert_eq!(row, with_receipt(Row { wrong_session: 1, ..SOUND }));
}

#[test]
fn what_a_strangers_terminal_got_is_in_the_wrong_session() {
    let findings = Findings { strangers: vec![prompt()], ..findings(vec![taken()], vec![]) };

    assert_eq!(row(&findings), with_receipt(Row { wrong_session: 1, ..SOUND }));
}

#[test]
fn acknowledged_without_an_arrival_is_unaccounted() {
    assert_eq!(row(&findings(vec![], vec![])), with_receipt(Row { unaccounted: 1, ..SOUND }));
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

        assert_eq!(row, with_receipt(Row { executed: 1, ..SOUND }));
    }
}

#[test]
fn a_message_that_a_shell_ran_is_executed() {
    let findings = Findings { run: BTreeSet::from([MARK.to_owned()]), ..findings(vec![taken()], vec![]) };

    assert_eq!(row(&findings), with_receipt(Row { executed: 1, ..SOUND }));
}

#[test]
fn other_words_than_were_composed_are_altered() {
    let altered = Note::Taken(format!("can you {}", prompt()));

    assert_eq!(row(&findings(vec![altered], vec![])), with_receipt(Row { altered: 1, ..SOUND }));
}
