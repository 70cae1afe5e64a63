//! What an agent used, read from its own record of the conversation by the rules of its adapter.
//!
//! Numbers are those of the last line of a message, never sums over turns: programs repeat a message's numbers on each of its
//! lines, and the totals that some print include what was cached.

use std::{collections::BTreeMap, io, path::Path};

use serde_json::Value;

use super::transcript::{each_line, holds};
use crate::{
    config::{Transcript, UsageLine},
    model::Usage,
};

/// What was used for the whole conversation in a file.
///
/// # Errors
///
/// When the file cannot be read.
pub fn used(path: &Path, format: &Transcript) -> io::Result<Usage> {
    let (mut messages, mut totals) = (BTreeMap::<String, Usage>::new(), Usage::default());
    let (mut newest, mut count) = (Usage::default(), 0_u64);
    each_line(path, 0, |line| {
        count += 1;
        for rule in format.usage.iter().filter(|rule| may_hold(line, rule)) {
            let Some(parsed) = serde_json::from_str::<Value>(line).ok().filter(|parsed| holds(parsed, &rule.when))
            else {
                continue;
            };
            let used = numbers(&parsed, rule);
            if rule.total {
                totals = over(&totals, used);
            } else {
                newest = newest.plus(&Usage { context_used: filled(&used), ..only_words(&used) });
                messages.insert(key(&parsed, rule, count), Usage { model: None, ..used });
            }
        }
        true
    })?;
    let sum = messages.values().fold(Usage::default(), |sum, message| sum.plus(message));
    Ok(over(&over(&sum, newest), totals))
}

/// Most lines do not even hold the words, and are not parsed.
fn may_hold(line: &str, rule: &UsageLine) -> bool {
    rule.when.values().filter_map(Value::as_str).all(|word| line.contains(word))
}

fn numbers(line: &Value, rule: &UsageLine) -> Usage {
    let at = |pointer: &Option<String>| line.pointer(pointer.as_deref()?);
    let number = |pointer: &Option<String>| at(pointer).and_then(Value::as_u64);
    let cached = number(&rule.cached);
    let input = number(&rule.input);
    let own = if rule.input_includes_cached { input.map(|all| all.saturating_sub(cached.unwrap_or(0))) } else { input };
    // Programs name answers of their own making, such as errors, in angle brackets.
    let model = at(&rule.model).and_then(Value::as_str).filter(|name| !name.starts_with('<'));
    Usage {
        input: own,
        cached,
        cache_written: number(&rule.cache_written),
        output: number(&rule.output),
        cost: at(&rule.cost).and_then(Value::as_f64).and_then(micros),
        model: model.map(str::to_owned),
        context_used: number(&rule.context_used),
        context_max: number(&rule.context),
    }
}

/// Millionths of a dollar.
fn micros(dollars: f64) -> Option<u64> {
    // Written out and read again, since a cast could lose what does not fit.
    (dollars >= 0.0).then(|| format!("{:.0}", dollars * 1e6).parse().ok()).flatten()
}

/// How much of the context the prompt of a message fills; an answer without a prompt tells nothing.
fn filled(used: &Usage) -> Option<u64> {
    let parts = [used.input, used.cached, used.cache_written];
    let sum = parts.iter().flatten().sum::<u64>();
    used.context_used.or((sum > 0).then_some(sum))
}

fn only_words(used: &Usage) -> Usage {
    Usage { model: used.model.clone(), context_max: used.context_max, ..Usage::default() }
}

/// `above`, and where it says nothing `below`.
fn over(below: &Usage, above: Usage) -> Usage {
    Usage {
        input: above.input.or(below.input),
        cached: above.cached.or(below.cached),
        cache_written: above.cache_written.or(below.cache_written),
        output: above.output.or(below.output),
        cost: above.cost.or(below.cost),
        model: above.model.or_else(|| below.model.clone()),
        context_used: above.context_used.or(below.context_used),
        context_max: above.context_max.or(below.context_max),
    }
}

fn key(line: &Value, rule: &UsageLine, number: u64) -> String {
    let parts: Vec<_> = rule.key.iter().filter_map(|pointer| line.pointer(pointer)?.as_str()).collect();
    if parts.is_empty() { format!("line {number}") } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn of(agent: &str, lines: &[&str]) -> Usage {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{}", lines.join("\n")).unwrap();
        let format = crate::config::shipped_adapters()[agent].transcript.clone().unwrap();
        used(file.path(), &format).unwrap()
    }

    /// As Claude Code 2.1.328 wrote it, shortened: a message in two lines, an error of its own, another message.
    #[test]
    fn the_numbers_of_claude_code_count_once_for_each_message() {
        let message = |id: &str, output: u64| {
            format!(
                r#"{{"type":"assistant","requestId":"r","message":{{"id":"{id}","model":"opus","usage":{{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,"output_tokens":{output}}}}}}}"#
            )
        };
        let error = r#"{"type":"assistant","message":{"id":"e","model":"<synthetic>","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}}"#;
        let cost = |dollars: &str| format!(r#"{{"type":"cost-state","totalCostUSD":{dollars}}}"#);
        let quoted = r#"{"type":"user","message":{"role":"user","content":"{\"type\":\"assistant\"}"}}"#;

        let used = of(
            "claude",
            &[&message("a", 1), &message("a", 20), &cost("0.01"), &message("b", 3), error, &cost("0.01096"), quoted],
        );

        let expected = Usage {
            input: Some(20),
            cached: Some(200),
            cache_written: Some(10),
            output: Some(23),
            cost: Some(10_960),
            model: Some("opus".into()),
            context_used: Some(115),
            context_max: None,
        };
        assert_eq!(used, expected);
    }

    /// As Codex 0.169 wrote it, shortened: its totals include what was cached, and the last one says all.
    #[test]
    fn the_totals_of_codex_are_not_added_up() {
        let count = |input: u64, cached: u64, output: u64| {
            format!(
                r#"{{"type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output}}},"last_token_usage":{{"input_tokens":1200}},"model_context_window":258400}}}}}}"#
            )
        };
        let context = r#"{"type":"turn_context","payload":{"model":"gpt-6"}}"#;

        let used = of(
            "codex",
            &[
                context,
                &count(1200, 0, 34),
                r#"{"type":"event_msg","payload":{"type":"token_count","info":null}}"#,
                &count(2400, 1000, 68),
            ],
        );

        let expected = Usage {
            input: Some(1400),
            cached: Some(1000),
            output: Some(68),
            model: Some("gpt-6".into()),
            context_used: Some(1200),
            context_max: Some(258_400),
            ..Usage::default()
        };
        assert_eq!(used, expected);
    }

    #[test]
    fn what_a_record_does_not_say_is_unknown() {
        assert!(of("claude", &["not json", r#"{"type":"user"}"#]).is_unknown());
        assert!(of("droid", &[r#"{"type":"assistant"}"#]).is_unknown());
    }

    #[test]
    fn dollars_become_millionths() {
        assert_eq!([0.0, 0.01096, 12.5].map(micros), [Some(0), Some(10_960), Some(12_500_000)]);
        assert_eq!([-1.0, f64::NAN, f64::INFINITY].map(micros), [None; 3]);
    }
}
