//! The guide to the rules knows every incident, every field and every action of the language.

use antiphon::model::IncidentKind;
use serde_json::Value;

use super::tree::Tree;

const GUIDE: &str = "docs/reactions.md";
const SCHEMA: &str = "config/reaction.schema.json";

/// The words of the language that the guide does not explain.
fn unexplained(guide: &str, schema: &Value) -> Vec<String> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let actions = schema["$defs"]["Step"]["properties"].as_object().into_iter().flatten();
    let words = fields.chain(actions).map(|(word, _)| word.clone());
    let words = words.chain(IncidentKind::ALL.map(|kind| kind.as_str().to_owned()));
    let is_row = |word: &String| ["`", ": "].iter().any(|end| guide.contains(&format!("| `{word}{end}")));
    words.filter(|word| !is_row(word)).collect()
}

#[test]
fn the_guide_explains_every_word_of_the_language() {
    let tree = Tree::repository();
    let schema = serde_json::from_str(tree.text(SCHEMA)).unwrap();

    assert_eq!(unexplained(tree.text(GUIDE), &schema), [""; 0]);
}

#[test]
fn a_word_that_the_guide_leaves_out_is_found() {
    let schema = serde_json::json!({
        "properties": { "name": {}, "mode": {} },
        "$defs": { "Step": { "properties": { "merge": {} } } },
    });
    let words = IncidentKind::ALL.map(|kind| format!("| `{}` |", kind.as_str())).join("\n");

    assert_eq!(unexplained(&format!("{words}\n| `name` |\n| `merge: {{}}` |"), &schema), ["mode"]);
}
