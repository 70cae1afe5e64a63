//! One request to the API, and its answer, without HTTP around them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{error::Error, world::Refusal};

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    /// In upper case.
    pub(crate) method: String,
    /// Without the API's root, still encoded.
    pub(crate) path: String,
    /// The decoded parts of the path.
    pub(crate) segments: Vec<String>,
    /// The decoded query.
    pub(crate) query: BTreeMap<String, String>,
    /// The JSON body; `null` if there is none.
    pub(crate) body: Value,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Headers beside the usual ones.
    pub(crate) headers: Vec<(String, String)>,
    /// The JSON body; nothing is sent for `null`.
    pub(crate) body: Value,
}

impl Call {
    /// Splits a path and a query.
    pub(crate) fn new(method: &str, path: &str, query: &str, body: Value) -> Self {
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let segments = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        Self { method: method.to_owned(), path: path.to_owned(), segments, query, body }
    }

    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Makes pages hold so many entries at most.
    pub(crate) fn limit_pages(&mut self, max: usize) {
        let asked = self.param("per_page").and_then(|asked| asked.parse().ok()).unwrap_or(max);
        self.query.insert("per_page".to_owned(), asked.min(max).to_string());
    }

    /// A text in the body.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.body[name].as_str().map(ToOwned::to_owned)
    }

    /// A text in the body that must be there.
    pub(crate) fn required(&self, resource: &'static str, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::unprocessable(resource, format!("\"{name}\" wasn't supplied.")))
    }

    /// The name under which requests like this are counted: numbers and SHAs are left open.
    pub(crate) fn endpoint(&self) -> String {
        let open = |part: &String| {
            if part.chars().all(|c| c.is_ascii_digit()) {
                "{number}".to_owned()
            } else if part.len() == 40 && part.chars().all(|c| c.is_ascii_hexdigit()) {
                "{sha}".to_owned()
            } else {
                part.clone()
            }
        };
        let parts: Vec<String> = self.segments.iter().map(open).collect();
        format!("{} /{}", self.method, parts.join("/"))
    }
}

impl Reply {
    /// 200 with a body.
    pub(crate) const fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    /// 201 with a body.
    pub(crate) const fn created(body: Value) -> Self {
        Self { status: 201, headers: Vec::new(), body }
    }

    /// A status without a body.
    pub(crate) const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Value::Null }
    }

    /// A refusal in GitHub's form.
    pub(crate) fn refusal(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Self { status, headers: Vec::new(), body }
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Whether the request took effect.
    pub(crate) const fn success(&self) -> bool {
        self.status < 300
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::refusal(404, "Not Found"),
            Refusal::NotAllowed(message) => Self::refusal(405, &message),
            Refusal::Conflict(message) => Self::refusal(409, &message),
            Refusal::Forbidden(message) => Self::refusal(403, &message),
            Refusal::Unprocessable { resource, message } => {
                let mut reply = Self::refusal(422, "Validation Failed");
                reply.body["errors"] = json!([{ "resource": resource, "code": "custom", "message": message }]);
                reply
            }
        }
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Other(error) => Self::refusal(500, &format!("{error:#}")),
        }
    }
}

/// Undoes the percent encoding of one part of a path.
fn decode(part: &str) -> String {
    let bytes = part.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%').then(|| part.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_slash_stays_inside_its_part_of_the_path() {
        let call = Call::new("GET", "/repos/o/r/branches/fix%2Fa+b", "per_page=5&q=a+b", Value::Null);

        assert_eq!(call.segments, ["repos", "o", "r", "branches", "fix/a+b"]);
        assert_eq!((call.param("per_page"), call.param("q")), (Some("5"), Some("a b")));
    }

    #[test]
    fn requests_for_different_numbers_are_counted_together() {
        let call = Call::new("GET", "/repos/o/r/pulls/17", "", Value::Null);

        assert_eq!(call.endpoint(), "GET /repos/o/r/pulls/{number}");
    }
}
