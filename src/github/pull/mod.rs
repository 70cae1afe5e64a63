//! Pull requests: looked at, listed, opened, brought up to date and merged.

mod checks;
mod list;
mod merge;
mod opening;
mod query;
mod snapshot;
mod update;

pub use list::OpenPull;
pub use merge::{Merge, MergeMethod};
pub use opening::NewPull;
pub use update::Update;
