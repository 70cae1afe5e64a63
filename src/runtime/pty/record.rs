//! What was typed, on disk before it is typed: a small file in the launch's directory, one line per step.
//!
//! `placing ID` is on disk before the first byte of a text is typed, `submitted ID` after its Enter. Whoever reads the
//! file after the holder's death therefore knows: no line, nothing was typed; only the first, it cannot be told.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    model::{PromptId, Submission},
    runtime::os,
};

/// The record of one launch.
#[derive(Debug)]
pub(crate) struct Record {
    file: File,
    known: BTreeMap<PromptId, Submission>,
}

impl Record {
    /// Opens the record for writing; the holder is its only writer.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let known = read(path)?;
        let mut file = os::private_file().create(true).append(true).open(path)?;
        if file.metadata()?.len() > 0 {
            // Whatever was torn must not swallow the next line.
            file.write_all(b"\n")?;
        }
        Ok(Self { file, known })
    }

    /// What is known of a prompt.
    pub(crate) fn of(&self, prompt: &PromptId) -> Submission {
        self.known.get(prompt).copied().unwrap_or(Submission::Untouched)
    }

    /// On disk: the text of `prompt` may have been typed from now on.
    pub(crate) fn placing(&mut self, prompt: &PromptId) -> io::Result<()> {
        self.append("placing", prompt)?;
        self.known.insert(prompt.clone(), Submission::Indeterminate);
        Ok(())
    }

    /// In memory only: the text was typed, its Enter was not.
    pub(crate) fn placed(&mut self, prompt: &PromptId) {
        self.known.insert(prompt.clone(), Submission::Placed);
    }

    /// In memory only: the Enter may have been typed.
    pub(crate) fn submitting(&mut self, prompt: &PromptId) {
        self.known.insert(prompt.clone(), Submission::Indeterminate);
    }

    /// On disk: Enter was typed.
    pub(crate) fn submitted(&mut self, prompt: &PromptId) -> io::Result<()> {
        self.known.insert(prompt.clone(), Submission::Submitted);
        self.append("submitted", prompt)
    }

    fn append(&mut self, step: &str, prompt: &PromptId) -> io::Result<()> {
        self.file.write_all(format!("{step} {prompt}\n").as_bytes())?;
        self.file.sync_data()
    }
}

/// What the file says, for when nobody writes to it any more. No file: nothing was typed.
pub(crate) fn read(path: &Path) -> io::Result<BTreeMap<PromptId, Submission>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut known = BTreeMap::new();
    // A line without its end was torn before it was synced: what it announces was not done, or not surely.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some((step, prompt)) = line.split_once(' ') else { continue };
        let Ok(prompt) = prompt.parse::<PromptId>() else { continue };
        match step {
            "placing" => drop(known.entry(prompt).or_insert(Submission::Indeterminate)),
            "submitted" => drop(known.insert(prompt, Submission::Submitted)),
            _ => {}
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromptId {
        text.parse().unwrap()
    }

    #[test]
    fn each_step_is_known_to_the_writer_and_to_a_later_reader() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("typed");
        let (one, two) = (id("aaaaaaaaaa"), id("bbbbbbbbbb"));
        let mut record = Record::open(&path).unwrap();
        assert_eq!(record.of(&one), Submission::Untouched);

        record.placing(&one).unwrap();
        record.placed(&one);
        assert_eq!(record.of(&one), Submission::Placed);
        assert_eq!(read(&path).unwrap(), BTreeMap::from([(one.clone(), Submission::Indeterminate)]));

        record.submitting(&one);
        record.submitted(&one).unwrap();
        record.placing(&two).unwrap();
        assert_eq!((record.of(&one), record.of(&two)), (Submission::Submitted, Submission::Indeterminate));
        assert_eq!(
            read(&path).unwrap(),
            BTreeMap::from([(one, Submission::Submitted), (two, Submission::Indeterminate)])
        );
    }

    #[test]
    fn a_torn_line_announces_nothing_and_spoils_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("typed");
        std::fs::write(&path, "placing aaaaaaaaaa\nsubmitted aaaaaaaaaa").unwrap();
        assert_eq!(read(&path).unwrap(), BTreeMap::from([(id("aaaaaaaaaa"), Submission::Indeterminate)]));

        std::fs::write(&path, "placing aaaaaa").unwrap();
        assert_eq!(read(&path).unwrap(), BTreeMap::new());

        Record::open(&path).unwrap().placing(&id("bbbbbbbbbb")).unwrap();
        assert_eq!(read(&path).unwrap(), BTreeMap::from([(id("bbbbbbbbbb"), Submission::Indeterminate)]));
    }
}
