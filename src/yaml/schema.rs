//! JSON schemas for editors, in agreement with what the reader takes.

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// The JSON schema of `T`. What may be left out may not be `null`, because the reader refuses `null` everywhere.
#[must_use]
pub fn schema<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    forbid_null(&mut schema);
    schema
}

fn forbid_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            forbid_null_here(object);
            object.values_mut().for_each(forbid_null);
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn forbid_null_here(object: &mut Map<String, Value>) {
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Sample {
        word: Option<String>,
        inner: Option<Inner>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Inner {
        number: u8,
    }

    #[test]
    fn what_may_be_left_out_may_not_be_null() {
        let schema = schema::<Sample>();

        assert_eq!(schema["properties"]["word"], serde_json::json!({ "type": "string" }));
        assert_eq!(schema["properties"]["inner"], serde_json::json!({ "$ref": "#/$defs/Inner" }));
        assert!(!schema.to_string().contains("null"));
    }
}
