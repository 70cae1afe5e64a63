//! Conditions: CEL expressions over a context, compiled and tried on the samples before they are let in.

use std::{collections::BTreeSet, fmt, sync::Arc};

use cel::{
    ExecutionError, Program, Value as Cel,
    common::ast::{Expr, LiteralValue, operators},
    parser::Expression,
};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::Value as Json;

use crate::{
    model::IncidentKind,
    yaml::{Diagnostic, Node, nearest},
};

use super::{Broken, Context, samples::samples, variation::Variations};

/// How long a condition may be, in bytes.
const LENGTH_MAX: usize = 1_000;
/// How deep brackets may nest, and how many `!` and `-` a condition may hold: the parser recurses for each.
const DEPTH_MAX: usize = 16;

/// A compiled condition. Two are equal if they are written the same.
#[derive(Clone)]
pub struct Condition {
    text: String,
    program: Arc<Program>,
}

impl Condition {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compiles the text at `node` and tries it on the samples of the incidents.
    pub(super) fn load(node: &Node, text: &str, kinds: &[IncidentKind]) -> Result<Self, Diagnostic> {
        if text.len() > LENGTH_MAX {
            return Err(node.complain(format!("a condition has at most {LENGTH_MAX} bytes")));
        }
        if too_deep(text) {
            return Err(node.complain(format!("brackets or `!` nest deeper than {DEPTH_MAX} levels in this condition")));
        }
        let program = Program::compile(text).map_err(|errors| not_cel(node, &errors))?;
        let condition = Self { text: text.to_owned(), program: Arc::new(program) };
        let contexts: Vec<Json> = kinds.iter().flat_map(|kind| samples(*kind)).map(|it| it.for_conditions()).collect();
        for context in &contexts {
            condition.evaluate(context).map_err(|error| failing(node, text, &error, context))?;
        }
        condition.refuse_constants(node, &contexts)?;
        Ok(condition)
    }

    fn evaluate(&self, context: &Json) -> Result<bool, ExecutionError> {
        decide(self.program.expression(), context)
    }

    /// Every part between `&&`, `||` and `!` must be able to be true and to be false.
    fn refuse_constants(&self, node: &Node, contexts: &[Json]) -> Result<(), Diagnostic> {
        let mut parts = Vec::new();
        split(self.program.expression(), &mut parts);
        let mut known = Literals::default();
        known.collect(self.program.expression());
        for part in parts.into_iter().filter(|part| !uses_pattern(part)) {
            let seen: BTreeSet<bool> = outcomes(part, contexts, &known);
            if seen.len() < 2 {
                return Err(self.constant(node, part, seen.first().copied()));
            }
        }
        Ok(())
    }

    fn constant(&self, node: &Node, part: &Expression, always: Option<bool>) -> Diagnostic {
        let (start, stop) = self.span(part);
        let message = match always {
            Some(always) => format!("this is always {always} for the incident of this rule"),
            None => "this cannot be evaluated for the incident of this rule".to_owned(),
        };
        let place = position(&self.text, start);
        node.complain_inside(place, stop - start, message).hint("compare with a value that can occur, or remove it")
    }

    /// From the first to the last byte of a part.
    fn span(&self, part: &Expression) -> (usize, usize) {
        let (mut start, mut stop) = (self.text.len(), 0);
        walk(part, &mut |it| {
            if let Some((first, last)) = self.program.source_info().offset_for(it.id) {
                start = start.min(first as usize);
                stop = stop.max(last as usize + 1);
            }
        });
        (start, stop.max(start))
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

/// Whether the condition holds for these facts.
///
/// # Errors
///
/// [`Broken`] when it cannot be evaluated; the rule then counts as not fired.
pub fn holds(condition: &Condition, context: &Context) -> Result<bool, Broken> {
    condition
        .evaluate(&context.for_conditions())
        .map_err(|error| Broken { message: format!("the condition `{}` failed: {}", condition.text, plainly(&error)) })
}

/// How many variations are tried before a part counts as constant.
const VARIATIONS: u64 = 600;

fn outcomes(part: &Expression, contexts: &[Json], known: &Literals) -> BTreeSet<bool> {
    let mut seen = BTreeSet::new();
    let variations = Variations::new(contexts, &known.texts, &known.numbers);
    for context in contexts.iter().cloned().chain(variations.take(VARIATIONS)) {
        // A variation that never happens in life may be impossible to evaluate; it says nothing.
        if let Ok(outcome) = decide(part, &context) {
            seen.insert(outcome);
        }
        if seen.len() == 2 {
            break;
        }
    }
    seen
}

fn decide(expression: &Expression, context: &Json) -> Result<bool, ExecutionError> {
    let mut scope = cel::Context::default();
    for (name, value) in context.as_object().into_iter().flatten() {
        let value = cel::to_value(Whole(value)).map_err(|error| ExecutionError::InternalError(error.to_string()))?;
        scope.add_variable_from_value(name.as_str(), value);
    }
    let outcome = scope.resolve(expression)?;
    if let Cel::Bool(outcome) = outcome {
        return Ok(outcome);
    }
    Err(ExecutionError::UnexpectedType { got: format!("{:?}", outcome.type_of()), want: "bool".to_owned() })
}

/// Numbers in conditions are signed, as they are written there; so `attempt + 1` has one type.
struct Whole<'j>(&'j Json);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(it) => serializer.serialize_bool(*it),
            Json::Number(it) => match it.as_i64() {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(it.as_f64().unwrap_or_default()),
            },
            Json::String(it) => serializer.serialize_str(it),
            Json::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Whole(item)))?;
                list.end()
            }
            Json::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                object.iter().try_for_each(|(key, value)| map.serialize_entry(key, &Whole(value)))?;
                map.end()
            }
        }
    }
}

/// The parts that are truth values of their own.
fn split<'e>(expression: &'e Expression, parts: &mut Vec<&'e Expression>) {
    if let Expr::Call(call) = &expression.expr
        && is_connective(&call.func_name)
    {
        call.args.iter().for_each(|argument| split(argument, parts));
    } else {
        parts.push(expression);
    }
}

fn is_connective(name: &str) -> bool {
    [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT, operators::CONDITIONAL].contains(&name)
}

/// No sample text fits a pattern by chance, so a part with one cannot be judged.
fn uses_pattern(expression: &Expression) -> bool {
    let mut found = false;
    walk(expression, &mut |part| {
        if let Expr::Call(call) = &part.expr {
            found |= call.func_name == "matches";
        }
    });
    found
}

/// The constants that an expression compares with.
#[derive(Default)]
struct Literals {
    texts: Vec<String>,
    numbers: Vec<i64>,
}

impl Literals {
    fn collect(&mut self, expression: &Expression) {
        walk(expression, &mut |part| {
            if let Expr::Literal(LiteralValue::String(text)) = &part.expr {
                self.texts.push(text.inner().to_owned());
            }
            if let Expr::Literal(LiteralValue::Int(number)) = &part.expr {
                self.numbers.push(*number.inner());
            }
        });
    }
}

fn walk(expression: &Expression, visit: &mut dyn FnMut(&Expression)) {
    visit(expression);
    match &expression.expr {
        Expr::Call(call) => {
            call.target.iter().for_each(|target| walk(target, visit));
            call.args.iter().for_each(|argument| walk(argument, visit));
        }
        Expr::Comprehension(all) => {
            for part in [&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result] {
                walk(part, visit);
            }
        }
        Expr::List(list) => list.elements.iter().for_each(|element| walk(element, visit)),
        Expr::Select(select) => walk(&select.operand, visit),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) => {}
    }
}

fn not_cel(node: &Node, errors: &cel::ParseErrors) -> Diagnostic {
    let Some(first) = errors.errors.first() else { return node.complain("this is not a condition") };
    let at = |position: isize| usize::try_from(position).unwrap_or(1).max(1);
    let reason = first.msg.lines().next().unwrap_or_default();
    let reason = reason.trim_start_matches("Syntax error: ");
    node.complain_inside((at(first.pos.0), at(first.pos.1)), 1, format!("this is not a condition: {reason}"))
        .hint("conditions are written in CEL, for example `!pr.draft && attempt < 3`")
}

/// An error at the word that caused it, as far as it can be told.
fn failing(node: &Node, text: &str, error: &ExecutionError, context: &Json) -> Diagnostic {
    let (ExecutionError::NoSuchKey(word) | ExecutionError::UndeclaredReference(word)) = error else {
        let untrue = matches!(error, ExecutionError::UnexpectedType { .. });
        let absent = "test first for what may be absent, for example `pr != null && …`";
        return node.complain(plainly(error)).hint(if untrue { "compare it with something" } else { absent });
    };
    let complaint = match find_word(text, word) {
        Some(place) => node.complain_inside(position(text, place), word.len(), plainly(error)),
        None => node.complain(plainly(error)),
    };
    let mut known = BTreeSet::new();
    names(context, &mut known);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    complaint.hint(match nearest(word, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`antiphon reactions context` lists every name".to_owned(),
    })
}

/// Every name that stands in a context, for suggestions.
fn names(context: &Json, found: &mut BTreeSet<String>) {
    match context {
        Json::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                names(value, found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| names(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn plainly(error: &ExecutionError) -> String {
    if let ExecutionError::NoSuchKey(name) = error {
        return format!("there is no `{name}` here");
    }
    if let ExecutionError::UndeclaredReference(name) = error {
        return format!("there is no variable or function `{name}`");
    }
    if let ExecutionError::UnexpectedType { got, .. } = error {
        return format!("a condition must be true or false, this is {got}");
    }
    if let ExecutionError::NoSuchOverload(error) = error
        && error.argument_types().iter().any(|it| it == "null_type")
    {
        return "it needs something that is absent".to_owned();
    }
    // Other messages can quote whole values.
    error.to_string().chars().take(200).collect()
}

fn too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut deepest = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let signs = |sign: &str| text.contains(&sign.repeat(DEPTH_MAX));
    deepest > DEPTH_MAX || signs("!") || signs("-") || text.matches('?').count() > DEPTH_MAX
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(part_of_word) && !text[at + word.len()..].starts_with(part_of_word))
}

/// Line and column, counted from 1, of a byte in a text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(kind: IncidentKind, text: &str) -> Result<Condition, Diagnostic> {
        let node = Node::parse("r.yaml", &format!("if: {}\n", serde_json::to_string(text).unwrap())).unwrap();
        Condition::load(node.get(&["if"]).unwrap(), text, &[kind])
    }

    fn broken(text: &str) -> String {
        load(IncidentKind::ChecksFailed, text).unwrap_err().to_string()
    }

    #[test]
    fn conditions_that_people_write_load() {
        for text in [
            "!pr.draft",
            "failures.exists(f, f.class in ['code', 'unknown'])",
            "failures.all(f, f.class == 'flaky')",
            "pr.title.startsWith('WIP')",
            "'skip-agent' in pr.labels",
            "issue != null && issue.number > 100",
            "repo.name == 'octo-org/secret' || pr.author == 'renovate'",
            "attempt >= 2 && size(failures) > 3",
            "attempt + 1 < attempts_max",
            "pr.branch.matches('^dependabot/.*')",
            "failures.exists(f, f.job == 'lint' && f.step == 'clippy')",
            "repo.merge != 'none'",
            "pr.mergeable == 'conflicting'",
            "session.agent == 'codex' ? attempt > 1 : pr.draft",
            "failures.exists(f, f.log.contains('out of memory'))",
            "withheld > 0",
            "pr.number == 12345",
        ] {
            let loaded = load(IncidentKind::ChecksFailed, text);
            assert!(loaded.is_ok(), "{text}\n{}", loaded.unwrap_err());
        }
    }

    #[test]
    fn a_condition_sees_the_facts() {
        let mut context = samples(IncidentKind::ChecksFailed).remove(0);
        let condition = load(IncidentKind::ChecksFailed, "!pr.draft && 'good' in pr.labels").unwrap();
        assert_eq!(holds(&condition, &context), Ok(false));

        let label = super::super::Quoted::new("good", "label", crate::model::Tier::Stranger);
        context.pr.as_mut().unwrap().labels = vec![label];
        assert_eq!(holds(&condition, &context), Ok(true));
    }

    #[test]
    fn a_condition_that_fails_on_the_facts_is_broken() {
        let condition = load(IncidentKind::ChecksFailed, "pr.draft").unwrap();
        let without = samples(IncidentKind::IssueReady).remove(0);

        let message = "the condition `pr.draft` failed: it needs something that is absent".to_owned();
        assert_eq!(holds(&condition, &without), Err(Broken { message }));
    }

    #[test]
    fn a_syntax_error_is_pointed_at() {
        insta::assert_snapshot!(broken("pr.draft && (attempt > 1"), @r#"
        error: this is not a condition: missing ')' at '<EOF>'
         --> r.yaml:1:30
          |
        1 | if: "pr.draft && (attempt > 1"
          |                              ^
          |
          = hint: conditions are written in CEL, for example `!pr.draft && attempt < 3`
        "#);
    }

    #[test]
    fn an_unknown_variable_is_pointed_at() {
        insta::assert_snapshot!(broken("!pull.draft"), @r#"
        error: there is no variable or function `pull`
         --> r.yaml:1:7
          |
        1 | if: "!pull.draft"
          |       ^^^^
          |
          = hint: `antiphon reactions context` lists every name
        "#);
    }

    #[test]
    fn an_unknown_field_is_pointed_at() {
        insta::assert_snapshot!(broken("attempt < 2 && pr.drafted"), @r#"
        error: there is no `drafted` here
         --> r.yaml:1:24
          |
        1 | if: "attempt < 2 && pr.drafted"
          |                        ^^^^^^^
          |
          = hint: `antiphon reactions context` lists every name
        "#);
    }

    #[test]
    fn an_unknown_field_inside_a_loop_is_pointed_at() {
        insta::assert_snapshot!(broken("failures.exists(f, f.clas == 'code')"), @r#"
        error: there is no `clas` here
         --> r.yaml:1:27
          |
        1 | if: "failures.exists(f, f.clas == 'code')"
          |                           ^^^^
          |
          = hint: did you mean `class`?
        "#);
    }

    #[test]
    fn a_value_that_may_be_absent_needs_a_test() {
        insta::assert_snapshot!(broken("issue.number > 3"), @r#"
        error: it needs something that is absent
         --> r.yaml:1:5
          |
        1 | if: "issue.number > 3"
          |     ^^^^^^^^^^^^^^^^^^
          |
          = hint: test first for what may be absent, for example `pr != null && …`
        "#);
    }

    #[test]
    fn a_condition_that_is_no_truth_value_is_refused() {
        insta::assert_snapshot!(broken("attempt + 1"), @r#"
        error: a condition must be true or false, this is Int
         --> r.yaml:1:5
          |
        1 | if: "attempt + 1"
          |     ^^^^^^^^^^^^^
          |
          = hint: compare it with something
        "#);
    }

    #[test]
    fn a_misspelt_member_of_a_closed_set_makes_a_constant() {
        insta::assert_snapshot!(broken("!pr.draft && failures.exists(f, f.class == 'flakey')"), @r#"
        error: this is always false for the incident of this rule
         --> r.yaml:1:19
          |
        1 | if: "!pr.draft && failures.exists(f, f.class == 'flakey')"
          |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = hint: compare with a value that can occur, or remove it
        "#);
    }

    #[test]
    fn a_constant_is_refused() {
        insta::assert_snapshot!(broken("true || pr.draft"), @r#"
        error: this is always true for the incident of this rule
         --> r.yaml:1:6
          |
        1 | if: "true || pr.draft"
          |      ^^^^
          |
          = hint: compare with a value that can occur, or remove it
        "#);
        insta::assert_snapshot!(broken("size(failures) >= 0"), @r#"
        error: this is always true for the incident of this rule
         --> r.yaml:1:10
          |
        1 | if: "size(failures) >= 0"
          |          ^^^^^^^^^^^^^^^
          |
          = hint: compare with a value that can occur, or remove it
        "#);
    }

    #[test]
    fn what_cannot_vary_in_its_incident_is_refused() {
        let mistake = load(IncidentKind::Conflict, "pr.mergeable == 'conflicting'").unwrap_err();

        assert_eq!(mistake.message, "this is always true for the incident of this rule");
    }

    #[test]
    fn deep_and_long_conditions_are_refused() {
        assert!(load(IncidentKind::ChecksFailed, &format!("{}true", "!".repeat(900))).is_err());
        assert!(load(IncidentKind::ChecksFailed, &"(".repeat(900)).is_err());
        assert!(load(IncidentKind::ChecksFailed, &format!("{}pr.draft", "! ".repeat(400))).is_ok());
        assert!(load(IncidentKind::ChecksFailed, &format!("{}pr.draft", "pr.draft||".repeat(90))).is_ok());
        assert!(load(IncidentKind::ChecksFailed, &format!("'{}' == pr.url", "x".repeat(3_000))).is_err());
    }
}
