//! The agent's mind: what it does with keys, and what each order changes about that.

use std::time::Duration;

use serde_json::Value;

use super::{
    diary::Note,
    mind::{Deed, Mind},
    misdeed::{Misdeed, Moment},
    picture::draw,
};

const TURN: Duration = Duration::from_millis(100);

/// An agent that is up, and the time that passes for it.
struct Agent {
    mind: Mind,
    now: Duration,
}

impl Agent {
    fn up() -> Self {
        let mut agent = Self { mind: Mind::new(Duration::from_millis(10), TURN), now: Duration::ZERO };
        agent.pass(10);
        agent
    }

    fn ordered(misdeed: Misdeed) -> Self {
        let mut agent = Self::up();
        agent.mind.obey(misdeed, agent.now);
        agent
    }

    fn pass(&mut self, ms: u64) -> Vec<String> {
        self.now += Duration::from_millis(ms);
        words(self.mind.tick(self.now))
    }

    fn gets(&mut self, bytes: &str) -> Vec<String> {
        let now = self.now;
        let deeds = bytes.bytes().flat_map(|byte| self.mind.press(byte, now)).collect();
        words(deeds)
    }

    fn shows(&self, what: &str) -> bool {
        draw(&self.mind, 0).contains(what)
    }
}

/// Deeds in short words.
fn words(deeds: Vec<Deed>) -> Vec<String> {
    let name = |event: &Value| event["hook_event_name"].as_str().unwrap_or_default().to_owned();
    let word = |deed| match deed {
        Deed::Note(Note::Taken(text)) => format!("takes {text}"),
        Deed::Note(Note::Executed(text)) => format!("executes {text}"),
        Deed::Note(Note::Dropped(text)) => format!("drops {text}"),
        Deed::Note(Note::Pasted(bytes)) => format!("reads {bytes}"),
        Deed::Note(note @ (Note::Started | Note::Obeys(_))) => format!("{note:?}"),
        Deed::Tell(event) => name(&event),
        Deed::ChangeSession | Deed::End | Deed::Die | Deed::BecomeShell | Deed::StopReading(_) => format!("{deed:?}"),
    };
    deeds.into_iter().map(word).collect()
}

const HELLO: &str = "\u{1b}[200~hello\u{1b}[201~";
const HELLO_AND_ENTER: &str = "\u{1b}[200~hello\u{1b}[201~\r";
const TAKEN: [&str; 3] = ["reads 5", "takes hello", "UserPromptSubmit"];
const NOTHING: [&str; 0] = [];

#[test]
fn a_message_is_taken_told_and_answered_in_one_turn() {
    let mut agent = Agent::up();

    assert_eq!(agent.gets(HELLO), ["reads 5"]);
    assert!(agent.shows("> hello"));
    assert_eq!(agent.gets("\r"), ["takes hello", "UserPromptSubmit"]);
    assert!(agent.shows("Working…"));
    assert_eq!(agent.pass(100), ["Stop"]);
    assert!(agent.shows("? for shortcuts") && !agent.shows("Working…"));
}

#[test]
fn what_is_typed_while_it_comes_up_is_lost() {
    let mut agent = Agent { mind: Mind::new(Duration::from_millis(10), TURN), now: Duration::ZERO };

    assert_eq!(agent.gets(HELLO_AND_ENTER), ["drops hello", "drops hello"]);
    assert!(!agent.shows("? for shortcuts"));
    assert_eq!(agent.pass(10), ["SessionStart"]);
    assert!(agent.shows("? for shortcuts"));
}

#[test]
fn a_lost_enter_leaves_the_text_and_a_second_one_submits_it() {
    let mut agent = Agent::ordered(Misdeed::LoseEnter);

    assert_eq!(agent.gets(HELLO_AND_ENTER), ["reads 5", "drops Enter"]);
    assert!(agent.shows("> hello"));
    assert_eq!(agent.gets("\r"), ["takes hello", "UserPromptSubmit"]);
}

#[test]
fn a_second_enter_while_the_first_is_delayed_submits_twice() {
    for (keys, takes) in [(HELLO_AND_ENTER.to_owned(), 1), (format!("{HELLO_AND_ENTER}\r"), 2)] {
        let mut agent = Agent::ordered(Misdeed::DelayEnter { ms: 500 });

        assert_eq!(agent.gets(&keys), ["reads 5"]);
        let mut deeds = agent.pass(500);
        deeds.extend(agent.pass(100));

        assert_eq!(deeds.iter().filter(|deed| *deed == "takes hello").count(), takes);
    }
}

#[test]
fn keys_on_a_question_are_its_answer_until_it_is_gone() {
    for misdeed in [Misdeed::Ask { ms: 500 }, Misdeed::ShowLimit { ms: 500 }] {
        let mut agent = Agent::ordered(misdeed);
        assert!(!agent.shows("? for shortcuts"));

        let deeds = agent.gets(HELLO_AND_ENTER);
        assert!(deeds.iter().all(|deed| deed.starts_with("executes")) && deeds.len() == 2, "{deeds:?}");
        assert_eq!(agent.pass(500), ["Stop"]);
        assert_eq!(agent.gets(HELLO_AND_ENTER), TAKEN);
    }
}

#[test]
fn a_question_that_comes_with_a_paste_gets_its_enter() {
    let mut agent = Agent::ordered(Misdeed::AskAtPaste { ms: 500 });

    assert_eq!(agent.gets(HELLO), ["reads 5"]);
    assert!(agent.shows("Do you want to proceed?"));
    assert_eq!(agent.gets("\r"), ["executes Enter: approved"]);
    agent.pass(500);
    assert!(agent.shows("> hello"));
}

#[test]
fn commands_and_suggestions_are_executed() {
    assert_eq!(Agent::up().gets("!ls\r"), ["executes !ls"]);
    assert_eq!(Agent::up().gets("/quit\r"), ["executes /quit"]);
    let suggests = || Agent::ordered(Misdeed::Suggest { ms: 500, dim: true });

    assert!(suggests().shows("\u{1b}[2mwrite a test"));
    assert_eq!(suggests().gets("\r"), ["executes write a test for the parser"]);
    assert_eq!(suggests().gets(HELLO_AND_ENTER), TAKEN);
}

#[test]
fn what_is_submitted_while_it_compacts_waits() {
    let mut agent = Agent::ordered(Misdeed::Compact { ms: 500 });

    assert_eq!(agent.gets(HELLO_AND_ENTER), ["reads 5"]);
    assert_eq!(agent.pass(500), ["SessionStart", "takes hello", "UserPromptSubmit"]);
}

#[test]
fn it_dies_at_the_moment_that_was_ordered() {
    let dies = |moment| Agent::ordered(Misdeed::Die(moment)).gets(HELLO_AND_ENTER);

    assert_eq!(dies(Moment::Paste)[..2], ["reads 5", "Die"]);
    assert_eq!(dies(Moment::Enter), ["reads 5", "Die"]);
    assert_eq!(dies(Moment::Taking), ["reads 5", "takes hello", "Die"]);
}

#[test]
fn a_receipt_can_be_lost_and_a_session_can_change() {
    assert_eq!(Agent::ordered(Misdeed::LoseReceipt).gets(HELLO_AND_ENTER), ["reads 5", "takes hello"]);
    assert_eq!(
        Agent::ordered(Misdeed::ChangeSession).gets(HELLO_AND_ENTER),
        ["reads 5", "takes hello", "SessionEnd", "ChangeSession", "SessionStart", "UserPromptSubmit"]
    );
}

#[test]
fn it_comes_to_itself_with_an_empty_composer() {
    let mut agent = Agent::ordered(Misdeed::LoseEnter);
    agent.gets(HELLO);

    assert_eq!(words(agent.mind.obey(Misdeed::Recover, agent.now)), ["Stop"]);
    assert_eq!(agent.pass(100), NOTHING);
    assert!(!agent.shows("> hello"));
    assert_eq!(agent.gets(HELLO_AND_ENTER), TAKEN);
}

#[test]
fn a_long_draft_is_shown_as_a_mark() {
    let mut agent = Agent::up();
    agent.gets(&format!("\u{1b}[200~{}\u{1b}[201~", "line\n".repeat(20)));

    assert!(agent.shows("> [Pasted text #1 +21 lines]"));
}
