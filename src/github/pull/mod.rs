//! Pull requests: looked at, listed, opened and merged.

mod checks;
mod list;
mod merge;
mod opening;
mod query;
mod snapshot;

pub use list::{OpenPull, OpenPulls};
pub use merge::{Merge, MergeMethod};
pub use opening::NewPull;
