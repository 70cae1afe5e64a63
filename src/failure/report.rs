//! What test runners and scanners report in files: the XML of `JUnit`, and SARIF.
//!
//! Nobody checks these files before they come here: what cannot be read ends the reading, and what was read until then
//! counts. Entities are not expanded beyond XML's own five, and nothing is fetched.

use std::borrow::Cow;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use serde::Deserialize;

use crate::model::Finding;

use super::{
    finding::{EXAMINED_MAX, in_workspace},
    rule,
    words::one_line,
};

/// How much of a test's own words is looked at, in bytes.
const WORDS_BYTES_MAX: usize = 16 << 10;

/// One failed test, or one result of a scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    /// The test's name.
    pub(super) test: Option<String>,
    pub(super) finding: Finding,
}

/// What a report says has failed; empty for a file that is no report.
pub(super) fn read(text: &str) -> Vec<Reported> {
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    match text.as_bytes().first() {
        Some(b'<') => junit(text),
        Some(b'{') => sarif(text),
        Some(_) | None => Vec::new(),
    }
}

/// A test while it is read.
#[derive(Default)]
struct Test {
    name: String,
    file: Option<String>,
    line: Option<u32>,
    /// What is wrong, and what else it said about that.
    message: Option<String>,
    words: String,
    /// Whether the reader is inside of `failure` or `error`.
    inside: bool,
}

fn junit(xml: &str) -> Vec<Reported> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    let mut test = Test::default();
    while found.len() < EXAMINED_MAX {
        let Ok(event) = reader.read_event() else { break };
        match event {
            Event::Eof => break,
            Event::Start(tag) if tag.name().as_ref() == "testcase" => test = Test::begin(&tag),
            Event::Start(tag) if is_failure(&tag) => test.fails(&tag, true),
            Event::Empty(tag) if is_failure(&tag) => test.fails(&tag, false),
            Event::Text(text) if test.inside => test.says(&text.xml10_content()),
            Event::CData(text) if test.inside => test.says(&text.xml10_content()),
            Event::End(tag) if matches!(tag.name().as_ref(), "failure" | "error") => test.inside = false,
            Event::End(tag) if tag.name().as_ref() == "testcase" => found.extend(std::mem::take(&mut test).end()),
            Event::Start(_)
            | Event::Empty(_)
            | Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    found
}

fn is_failure(tag: &BytesStart<'_>) -> bool {
    matches!(tag.name().as_ref(), "failure" | "error")
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).ok()??;
    let value = value.normalized_value(XmlVersion::Implicit1_0).unwrap_or(Cow::Borrowed(""));
    Some(one_line(&value)).filter(|value| !value.is_empty())
}

impl Test {
    fn begin(tag: &BytesStart<'_>) -> Self {
        let name = attribute(tag, "name").unwrap_or_default();
        let name = match attribute(tag, "classname") {
            Some(class) if !name.starts_with(&class) => format!("{class} › {name}"),
            Some(_) | None => name,
        };
        let line = attribute(tag, "line").and_then(|line| line.parse().ok());
        Self { name, file: attribute(tag, "file"), line, ..Self::default() }
    }

    fn fails(&mut self, tag: &BytesStart<'_>, inside: bool) {
        let words = attribute(tag, "message").or_else(|| attribute(tag, "type")).unwrap_or_default();
        self.message.get_or_insert(words);
        self.inside = inside;
    }

    fn says(&mut self, words: &str) {
        let room = WORDS_BYTES_MAX.saturating_sub(self.words.len());
        self.words.push_str(&words[..words.floor_char_boundary(room)]);
    }

    fn end(self) -> Option<Reported> {
        let mut message = self.message?;
        if message.is_empty() {
            message = self.words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("failed").to_owned();
        }
        let place = self.file.map(|file| (file, self.line)).or_else(|| place_in(&self.words));
        let (file, line) = place.map_or((None, None), |(file, line)| (Some(file), line));
        let whole = if self.name.is_empty() { message } else { format!("{}: {message}", self.name) };
        let file = file.map(|file| one_line(in_workspace(&file)));
        let finding = Finding { file, line, message: one_line(&whole) };
        Some(Reported { test: Some(one_line(&self.name)).filter(|name| !name.is_empty()), finding })
    }
}

/// The first place in the project that a test's words name.
fn place_in(words: &str) -> Option<(String, Option<u32>)> {
    words.lines().find_map(|line| {
        let found = rule::matching(&line[..line.floor_char_boundary(rule::LINE_BYTES_MAX)])?;
        let file = found.file.filter(|file| !rule::is_foreign(file))?;
        found.line.map(|line| (file.to_owned(), Some(line)))
    })
}

#[derive(Deserialize)]
struct Sarif {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    results: Vec<ScanResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScanResult {
    level: Option<String>,
    rule_id: Option<String>,
    message: Message,
    #[serde(default)]
    locations: Vec<Location>,
}

#[derive(Deserialize)]
struct Message {
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Option<Physical>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Option<Artifact>,
    region: Option<Region>,
}

#[derive(Deserialize)]
struct Artifact {
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<u32>,
}

/// The results of level `error`. SARIF 2.1.0, 3.27.10: a result without a level is a warning.
fn sarif(json: &str) -> Vec<Reported> {
    let Ok(sarif) = serde_json::from_str::<Sarif>(json) else { return Vec::new() };
    let results = sarif.runs.into_iter().flat_map(|run| run.results);
    let errors = results.filter(|result| result.level.as_deref() == Some("error"));
    errors.take(EXAMINED_MAX).map(of_result).collect()
}

fn of_result(result: ScanResult) -> Reported {
    let physical = result.locations.into_iter().find_map(|location| location.physical_location);
    let (file, line) = physical.map_or((None, None), |physical| {
        let file = physical.artifact_location.and_then(|artifact| artifact.uri);
        (file, physical.region.and_then(|region| region.start_line))
    });
    let words: Vec<String> = result.rule_id.into_iter().chain(result.message.text).collect();
    let file = file.map(|file| one_line(in_workspace(&file)));
    Reported { test: None, finding: Finding { file, line, message: one_line(&words.join(": ")) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(text: &str) -> Vec<(Option<String>, String)> {
        let shown = |it: Reported| {
            let Finding { file, line, message } = it.finding;
            let line = line.map_or_else(|| "-".to_owned(), |line| line.to_string());
            (it.test, format!("{}:{line}: {message}", file.as_deref().unwrap_or("-")))
        };
        read(text).into_iter().map(shown).collect()
    }

    #[test]
    fn failed_tests_of_junit_files_are_read() {
        let xml = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="2" tests="4">
  <testcase classname="tests.test_cart" name="test_ok" time="0.1"/>
  <testcase classname="tests.test_cart" name="test_total" time="0.2">
    <failure message="assert 25 == 20 &amp; more">def test_total():
&gt;       assert total() == 20
tests/test_cart.py:11: AssertionError</failure>
  </testcase>
  <testcase classname="Cart" name="Cart takes &lt;all&gt;" file="/home/runner/work/shop/shop/cart.test.js" line="9">
    <failure type="Error"><![CDATA[Error: expected 3]]></failure>
  </testcase>
  <testcase name="setup"><error/><system-out>x.py:1: no</system-out></testcase>
  <testcase name="later"><skipped message="not now"/></testcase>
</testsuite></testsuites>"#;

        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            reported(xml),
            [
                (
                    some("tests.test_cart › test_total"),
                    "tests/test_cart.py:11: tests.test_cart › test_total: assert 25 == 20 & more".to_owned()
                ),
                (some("Cart takes <all>"), "cart.test.js:9: Cart takes <all>: Error".to_owned()),
                (some("setup"), "-:-: setup: failed".to_owned()),
            ]
        );
    }

    #[test]
    fn errors_of_sarif_files_are_read() {
        let json = r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scan"}}, "results": [
            {"ruleId": "js/sql", "level": "error", "message": {"text": "Depends on a user."},
             "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/db.js"}, "region": {"startLine": 7}}}]},
            {"level": "warning", "message": {"text": "old"}},
            {"message": {"text": "no level"}}
        ]}]}"#;

        assert_eq!(reported(json), [(None, "src/db.js:7: js/sql: Depends on a user.".to_owned())]);
    }

    #[test]
    fn what_is_no_report_says_nothing() {
        for text in ["", "x", "<html>", "<testcase", "{", "[]", "{\"runs\": 3}", "<a>&lol;</b>"] {
            assert_eq!(reported(text), [], "{text}");
        }
    }

    // An entity that stands for more of itself is never expanded.
    #[test]
    fn entities_of_the_files_own_are_not_expanded() {
        let xml = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
            <testsuite><testcase name="t"><failure message="&b;">&b;</failure></testcase></testsuite>"#;

        assert_eq!(reported(xml), [(Some("t".to_owned()), "-:-: t: failed".to_owned())]);
    }

    #[test]
    fn a_report_that_breaks_off_counts_as_far_as_it_goes() {
        let xml = "<testsuite><testcase name=\"a\"><failure message=\"no\"/></testcase><testcase name=\"b";

        assert_eq!(reported(xml), [(Some("a".to_owned()), "-:-: a: no".to_owned())]);
    }
}
