//! What goes in and what comes out: the material that GitHub has of a failed check, and what was read out of it.

use crate::model::{Attempt, CheckName, Conclusion, Failure, JobId, RunId};

/// Everything that is known of one failed check on one head. All texts are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// The check's name.
    pub check: CheckName,
    /// The workflow run, its attempt and its job, for checks of GitHub Actions.
    pub job: Option<(RunId, Attempt, JobId)>,
    /// How it ended, if GitHub says so.
    pub ended: Option<Conclusion>,
    /// The job's name, if it is not the check's.
    pub job_name: Option<String>,
    /// The first failed step, as the job names it.
    pub step: Option<String>,
    /// The job's log, invalid bytes replaced. Tens of megabytes are read in time, but should be cut before.
    pub log: Option<String>,
    /// What the check wrote beside files.
    pub annotations: Vec<Annotation>,
    /// Files of the run's artifacts that look like reports of tests or scanners, as they came.
    pub reports: Vec<String>,
    /// The Markdown that the check wrote about itself. Used when there is no log.
    pub summary: Option<String>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// One annotation of a check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file; GitHub says `.github` when the check named none.
    pub path: String,
    /// The first line, counted from 1.
    pub line: Option<u32>,
    /// What it says.
    pub message: String,
    /// How bad it is.
    pub level: AnnotationLevel,
}

/// How bad an annotation is. Only failures become findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    /// For information.
    Notice,
    /// Does not fail the check.
    Warning,
    /// Fails the check.
    Failure,
}

/// A failure, and the text that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What went wrong. Its `log` names [`Read::log_window`] by hash.
    pub failure: Failure,
    /// The lines around the first error, to be kept in the text store. `None`: there is neither log nor summary.
    pub log_window: Option<String>,
}
