//! Finds the commands in a comment. Pure; who may give them is not decided here.
//!
//! A command is a line of plain text that begins with `/antiphon`. What stands in a quotation, a list, a table, code or
//! HTML is somebody else's words or an example, and counts for nothing.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::{
    github::texts::Texts,
    model::{Command, Tier},
    text,
};

const CALL: &str = "/antiphon";
/// More commands than this in one comment are no conversation.
const COMMANDS_MAX: usize = 8;
/// An unknown word is repeated to its author, as far as this.
const SHOWN_CHARS: usize = 40;

/// The commands of a comment, in order. The words of `ask` are kept in `texts`.
pub(in crate::github) fn commands(body: &str, tier: Tier, texts: &mut Texts) -> Vec<Command> {
    if !is_call(body) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for paragraph in plain_paragraphs(body) {
        let mut lines = paragraph.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let Some(said) = called(line) else { continue };
            let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
            let mut words = rest.trim().to_owned();
            // What is asked may go on over several lines.
            while let Some(more) = lines.next_if(|line| word == "ask" && called(line).is_none()) {
                words.push('\n');
                words.push_str(more);
            }
            found.push(command(word, words.trim(), tier, texts));
        }
    }
    found.truncate(COMMANDS_MAX);
    found
}

/// Whether a comment can hold a command at all; most do not.
pub(in crate::github) fn is_call(body: &str) -> bool {
    body.contains(CALL)
}

/// What follows the call, if the line is one.
fn called(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(CALL)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

fn command(word: &str, rest: &str, tier: Tier, texts: &mut Texts) -> Command {
    match (word, rest) {
        ("retry", "") => Command::Retry,
        ("pause", "") => Command::Pause,
        ("resume", "") => Command::Resume,
        ("stop", "") => Command::Stop,
        ("status", "") => Command::Status,
        ("budget", "") => Command::Budget(None),
        ("budget", more) => match more.strip_prefix('+').unwrap_or(more).parse() {
            Ok(more @ 1..=100) => Command::Budget(Some(more)),
            Ok(_) | Err(_) => unknown(word, rest),
        },
        ("handoff", agent) => agent.parse().map_or_else(|_| unknown(word, rest), Command::Handoff),
        ("ask", words) if !words.is_empty() => Command::Ask(texts.keep(words, tier)),
        _ => unknown(word, rest),
    }
}

fn unknown(word: &str, rest: &str) -> Command {
    let said = text::sanitise(&format!("{word} {rest}")).text;
    Command::Unknown(said.trim().chars().take(SHOWN_CHARS).collect())
}

/// The text of every paragraph that stands in nothing else, without its marks, line by line.
fn plain_paragraphs(body: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut inside: Vec<TagEnd> = Vec::new();
    let mut current = None;
    for event in Parser::new_ext(body, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(tag) => {
                if tag == Tag::Paragraph && inside.is_empty() {
                    current = Some(String::new());
                }
                inside.push(tag.to_end());
            }
            Event::End(tag) => {
                inside.pop();
                if tag == TagEnd::Paragraph && inside.is_empty() {
                    paragraphs.extend(current.take());
                }
            }
            // Marked words are no part of a command line: a link or emphasis in it makes it prose.
            Event::Text(words) if inside == [TagEnd::Paragraph] => append(&mut current, &words),
            Event::SoftBreak | Event::HardBreak => append(&mut current, "\n"),
            Event::Code(words) => append(&mut current, &format!("`{words}`")),
            Event::Text(words) => append(&mut current, &words),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }
    paragraphs
}

fn append(current: &mut Option<String>, words: &str) {
    if let Some(current) = current {
        current.push_str(words);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Vec<Command> {
        commands(body, Tier::Collaborator, &mut Texts::default())
    }

    fn asks(body: &str) -> Option<String> {
        let mut texts = Texts::default();
        let found = commands(body, Tier::Collaborator, &mut texts);
        assert!(matches!(found.as_slice(), [Command::Ask(_)]), "{found:?}");
        texts.beside(()).texts.pop()
    }

    #[test]
    fn every_command_is_read() {
        let body = "/antiphon retry\n/antiphon pause\n/antiphon resume\n/antiphon stop\n\n/antiphon status\n\
                    /antiphon budget\n/antiphon budget +3\n/antiphon handoff codex";
        assert_eq!(
            read(body),
            [
                Command::Retry,
                Command::Pause,
                Command::Resume,
                Command::Stop,
                Command::Status,
                Command::Budget(None),
                Command::Budget(Some(3)),
                Command::Handoff("codex".parse().unwrap()),
            ]
        );
    }

    #[test]
    fn a_command_stands_among_other_words_on_a_line_of_its_own() {
        assert_eq!(read("Thanks a lot!\n\n  /antiphon retry  \n\nThis should do."), [Command::Retry]);
        assert_eq!(read("I would say\n/antiphon retry"), [Command::Retry]);
        assert_eq!(read("please run /antiphon retry"), []);
        assert_eq!(read("/antiphonal singing"), []);
    }

    #[test]
    fn what_is_asked_goes_on_until_its_paragraph_ends() {
        assert_eq!(asks("/antiphon ask why is it\nso slow?\n\nThanks."), Some("why is it\nso slow?".to_owned()));
        assert_eq!(read("/antiphon ask"), [Command::Unknown("ask".to_owned())]);
    }

    // github.md §7.5: quoted text, code and examples
    #[test]
    fn quotations_code_and_examples_command_nothing() {
        for body in [
            "> /antiphon stop",
            "```\n/antiphon stop\n```",
            "    /antiphon stop",
            "`/antiphon stop`",
            "- /antiphon stop",
            "<!-- \n/antiphon stop\n-->",
            "<details>\n/antiphon stop\n</details>",
            "| a |\n|---|\n| /antiphon stop |",
            "# /antiphon stop",
            "**/antiphon stop**, they said `once`",
        ] {
            let found = read(body);
            assert!(!found.contains(&Command::Stop), "{body:?}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said_back_shortly_and_cleanly() {
        assert_eq!(read("/antiphon dance"), [Command::Unknown("dance".to_owned())]);
        assert_eq!(read("/antiphon retry now"), [Command::Unknown("retry now".to_owned())]);
        assert_eq!(read("/antiphon budget 0"), [Command::Unknown("budget 0".to_owned())]);
        assert_eq!(read("/antiphon handoff ../x"), [Command::Unknown("handoff ../x".to_owned())]);
        let [Command::Unknown(said)] = &read(&format!("/antiphon {}\u{202e}", "x".repeat(500)))[..] else { panic!() };
        assert_eq!(said.chars().count(), SHOWN_CHARS);
    }

    #[test]
    fn a_flood_of_commands_is_cut() {
        assert_eq!(read(&"/antiphon status\n\n".repeat(100)).len(), COMMANDS_MAX);
    }

    proptest! {
        #[test]
        fn no_comment_breaks_the_reader(body in "(/antiphon |> |```|\\PC|\n|<|-){0,60}") {
            read(&body);
        }
    }
}
