//! What went wrong in CI: from the material that GitHub has of one failed check to a `Failure`.
//!
//! Pure. It fetches nothing, stores nothing, and does not judge whose fault it was: the class is always
//! `FailureClass::Unknown`. All words that it returns have passed [`crate::text`] and hold no known form of a secret, except
//! the check's name, which is an identity.
//!
//! - [`read`]: the whole way.
//! - `log`: lines without timestamps, and the part of the failed step.
//! - `rule`: how compilers and test runners write down a place, as data.
//! - `finding`: the errors with their places.
//! - `window`: the lines around the first error.
//! - `fingerprint`: what makes two failures the same.

mod finding;
mod fingerprint;
mod log;
mod material;
mod read;
mod rule;
mod window;
mod words;

pub use material::{Annotation, AnnotationLevel, Material, Read};
pub use read::{FINDINGS_MAX, read};
