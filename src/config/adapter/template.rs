//! Templates of arguments, variables and files: Handlebars over the few facts of a launch.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson, no_escape,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

/// What a template may name.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// The private directory of the launch.
    pub session_dir: String,
    /// The workspace.
    pub workspace: String,
    /// The user's home directory; empty if there is none.
    pub home: String,
    /// The program and arguments that record what a hook is told.
    pub hook: Vec<String>,
    /// The same as one line for a shell.
    pub hook_line: String,
    /// Directories outside of the workspace that its commits go to.
    pub writable: Vec<String>,
    /// `ask`, `edits` or `all`.
    pub permissions: &'static str,
    /// The agent's own id of the conversation: of the one that is continued, or one that was made for a new one; empty if
    /// the program makes its own.
    pub agent_session: String,
    /// The id of the user's conversation that is copied; empty elsewhere.
    pub conversation: String,
    /// The directory of the launch's inbox.
    pub inbox: String,
    /// The words that are to be put into the program's own queue; empty elsewhere.
    pub prompt: String,
    /// The environment of the agent, as far as the user made it: some programs are told there where their files are.
    #[serde(skip)]
    pub env: BTreeMap<String, String>,
}

/// A template, compiled and tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    text: String,
    compiled: handlebars::Template,
}

/// A template that could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fill in {text:?}: {why}")]
pub struct BrokenTemplate {
    /// The template.
    pub text: String,
    /// What is wrong.
    pub why: String,
}

impl Template {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with the facts of a launch.
    ///
    /// # Errors
    ///
    /// [`BrokenTemplate`]; no template that was loaded does, for it was tried with samples.
    pub fn render(&self, facts: &Facts) -> Result<String, BrokenTemplate> {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(no_escape);
        for (name, make) in HELPERS {
            engine.register_helper(name, Box::new(Maker { facts, make }));
        }
        engine.register_template("it", self.compiled.clone());
        let broken = |error: RenderError| BrokenTemplate { text: self.text.clone(), why: error.reason().to_string() };
        engine.render("it", facts).map_err(broken)
    }

    fn parse(text: String) -> Result<Self, BrokenTemplate> {
        let compiled = match handlebars::Template::compile(&text) {
            Ok(compiled) => compiled,
            Err(error) => return Err(BrokenTemplate { text, why: format!("not a template: {}", error.reason()) }),
        };
        let template = Self { text, compiled };
        for permissions in ["ask", "edits", "all"] {
            template.render(&Facts::sample(permissions))?;
        }
        Ok(template)
    }
}

impl Facts {
    fn sample(permissions: &'static str) -> Self {
        Self {
            session_dir: "/s".to_owned(),
            workspace: "/w".to_owned(),
            home: "/home/me".to_owned(),
            hook: vec!["antiphon".to_owned(), "hook".to_owned()],
            hook_line: "antiphon hook".to_owned(),
            writable: vec!["/r/.git".to_owned()],
            permissions,
            agent_session: "0".to_owned(),
            conversation: "1".to_owned(),
            inbox: "/s/inbox".to_owned(),
            prompt: "hello".to_owned(),
            env: BTreeMap::new(),
        }
    }
}

/// Makes a text from the facts and the parameters of a helper; `None` if they do not fit.
type Make = fn(&Facts, &[&Value]) -> Option<String>;

/// What templates may call.
const HELPERS: [(&str, Make); 5] = [
    // A list of strings in JSON is one in TOML, too.
    ("json", |_, values| Some(values.first()?.to_string())),
    ("concat", |_, values| values.iter().map(|value| value.as_str()).collect()),
    ("file", |facts, values| Some(in_dir(&facts.session_dir, values.first()?.as_str()?))),
    ("file_url", |facts, values| Some(url_of(&in_dir(&facts.session_dir, values.first()?.as_str()?)))),
    ("dir", |facts, values| {
        let said = facts.env.get(values.first()?.as_str()?).filter(|dir| !dir.is_empty());
        Some(said.cloned().unwrap_or(in_dir(&facts.home, values.get(1)?.as_str()?)))
    }),
];

struct Maker<'f> {
    facts: &'f Facts,
    make: Make,
}

impl HelperDef for Maker<'_> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let wrong = || RenderErrorReason::Other(format!("`{}` does not take this", helper.name()));
        let known = helper.params().iter().all(|value| !value.is_value_missing());
        let values: Vec<_> = helper.params().iter().map(|value| value.value()).collect();
        let made = known.then(|| (self.make)(self.facts, &values)).flatten().ok_or_else(wrong)?;
        Ok(ScopedJson::Derived(Value::String(made)))
    }
}

fn in_dir(dir: &str, name: &str) -> String {
    Path::new(dir).join(name).display().to_string()
}

fn url_of(path: &str) -> String {
    url::Url::from_file_path(path).map_or_else(|()| path.to_owned(), String::from)
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Handlebars. It may name session_dir, workspace, home, hook, hook_line, writable, permissions, \
                inbox, agent_session, in `copy` conversation and in `queue` prompt. `{{json x}}` writes a value as JSON, \
                `{{concat x y}}` puts texts together, `{{file NAME}}` is the path of a file of the launch, \
                `{{file_url NAME}}` its URL, `{{dir VARIABLE NAME}}` the directory that the variable names, or NAME in the \
                home directory."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, BrokenTemplate> {
        Template::parse(text.to_owned())?.render(&Facts::sample("edits"))
    }

    #[test]
    fn facts_are_filled_in() {
        assert_eq!(rendered("--x={{session_dir}}/f").unwrap(), "--x=/s/f");
        assert_eq!(rendered("notify={{json hook}}").unwrap(), r#"notify=["antiphon","hook"]"#);
        assert_eq!(rendered(r#"{{#if (eq permissions "edits")}}yes{{/if}}"#).unwrap(), "yes");
    }

    #[cfg(unix)]
    #[test]
    fn files_lie_in_the_launchs_directory() {
        assert_eq!(
            rendered(r#"{{file "a b.json"}} {{file_url "a b.json"}}"#).unwrap(),
            "/s/a b.json file:///s/a%20b.json"
        );
        assert_eq!(rendered(r#"{{json (file "a")}}"#).unwrap(), r#""/s/a""#);
        assert_eq!(rendered(r#"{{dir "NOBODY_HOME" ".x"}}/y"#).unwrap(), "/home/me/.x/y");
    }

    #[cfg(windows)]
    #[test]
    fn files_lie_in_the_launchs_directory() {
        let facts = Facts { session_dir: r"C:\s".into(), ..Facts::sample("edits") };
        let rendered = |text: &str| Template::parse(text.to_owned()).unwrap().render(&facts).unwrap();

        assert_eq!(
            rendered(r#"{{file "a b.json"}} {{file_url "a b.json"}}"#),
            r"C:\s\a b.json file:///C:/s/a%20b.json"
        );
        assert_eq!(rendered(r#"{{json (file "a")}}"#), r#""C:\\s\\a""#);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in ["{{token}}", "{{json token}}", "{{#each x}}{{/each", "{{json}}", "{{file}}", "{{dir \"X\"}}"] {
            assert!(rendered(text).is_err(), "{text}");
        }
    }
}
