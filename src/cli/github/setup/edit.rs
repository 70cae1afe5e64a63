//! Adds lines to settings that somebody wrote, without touching what stands there; or says that it cannot.

use std::path::Path;

use crate::{cli::error::Error, config};

/// Lines of one section of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// The section: a key of the first level.
    pub(super) section: &'static str,
    /// Its lines, the first level of indentation left out.
    pub(super) lines: Vec<String>,
}

impl Lines {
    /// The section as it would stand in a file of its own.
    pub(super) fn text(&self) -> String {
        let lines: String = self.lines.iter().map(|line| format!("  {line}\n")).collect();
        format!("{}:\n{lines}", self.section)
    }
}

/// A path as a YAML value.
pub(super) fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}

/// Adds the lines to the settings file. False, and nothing is changed, if they cannot be added without touching more, or
/// the result would not load.
pub(super) fn add(path: &Path, all: &[Lines], environment: &config::Environment) -> Result<bool, Error> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let failed = |error: std::io::Error| Error::failed(format!("cannot change {}", path.display())).because(&error);
    let before = std::fs::read_to_string(&path).map_err(failed)?;
    let Some(after) = all.iter().try_fold(before, |text, lines| with(&text, lines)) else { return Ok(false) };
    // Beside the file, so that relative paths mean the same, and the file is never half written.
    let beside = path.with_extension("new");
    std::fs::write(&beside, after).map_err(failed)?;
    let loads = config::load_unconnected(&beside, environment).is_ok();
    if loads {
        let permissions = std::fs::metadata(&path).map_err(failed)?.permissions();
        std::fs::set_permissions(&beside, permissions).map_err(failed)?;
        std::fs::rename(&beside, &path).map_err(failed)?;
    } else {
        std::fs::remove_file(&beside).map_err(failed)?;
    }
    Ok(loads)
}

/// The text with the lines in it: at the top of their section if that is a block, else as a new section at the end.
/// `None` if the section is written in another way.
fn with(text: &str, lines: &Lines) -> Option<String> {
    let head = format!("{}:", lines.section);
    let Some(at) = text.lines().position(|line| line.starts_with(&head)) else {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{end}\n{}", lines.text()));
    };
    let rest = text.lines().nth(at)?.strip_prefix(&head)?.trim();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    let first =
        text.lines().skip(at + 1).find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    let indent: String = first.chars().take_while(|letter| *letter == ' ').collect();
    if indent.is_empty() {
        return None;
    }
    let mut after: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let new = lines.lines.iter().map(|line| format!("{indent}{line}"));
    after.splice(at + 1..at + 1, new);
    Some(after.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Lines {
        Lines { section: "webhook", lines: vec!["secret_file: /s".to_owned()] }
    }

    #[test]
    fn a_new_section_goes_to_the_end_and_a_commented_one_is_none() {
        let after = with("# webhook:\nlisten: x", &secret());

        assert_eq!(after.as_deref(), Some("# webhook:\nlisten: x\n\nwebhook:\n  secret_file: /s\n"));
    }

    #[test]
    fn lines_go_to_the_top_of_a_block_as_deep_as_the_others() {
        let after = with("webhook: # how\n    # why\n    enabled: true\na: b\n", &secret());

        let expected = "webhook: # how\n    secret_file: /s\n    # why\n    enabled: true\na: b\n";
        assert_eq!(after.as_deref(), Some(expected));
    }

    #[test]
    fn what_is_written_in_another_way_is_left_alone() {
        for text in ["webhook: { enabled: true }\n", "webhook:\n", "webhook:\nlisten: x\n"] {
            assert_eq!(with(text, &secret()), None, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_would_not_load_any_more_is_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("antiphon.yaml");
        let text = "webhook:\n  secret_file: /t\n";
        std::fs::write(&path, text).unwrap();

        let added = add(&path, &[secret()], &config::Environment::new("/", [])).unwrap();

        assert_eq!((added, std::fs::read_to_string(&path).unwrap().as_str()), (false, text));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
