//! What went wrong in CI: from the material that GitHub has of one failed check to a `Failure`.
//!
//! Pure. It fetches nothing and stores nothing. All words that it returns have passed [`crate::text`] and hold no known form of a secret, except
//! the check's name, which is an identity.
//!
//! - [`read`]: the whole way.
//! - `log`: lines without timestamps, and the part of the failed step.
//! - `report`: the files of test runners and scanners.
//! - `rule`: how compilers and test runners write down a place, as data.
//! - `finding`: the errors with their places.
//! - `class`: whose fault it is.
//! - [`Sieve`]: what is kept of a log of any length while it streams by.
//! - `history`: what is known to be flaky.
//! - `window`: the lines around the first error.
//! - `fingerprint`: what makes two failures the same.

mod class;
mod finding;
mod fingerprint;
mod history;
mod log;
mod material;
mod read;
mod report;
mod rule;
mod sieve;
mod window;
mod words;

pub use history::{is_known, with_history};
pub use material::{Annotation, AnnotationLevel, Material, Read};
pub use read::{FINDINGS_MAX, read};
pub use sieve::Sieve;
