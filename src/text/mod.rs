//! Text from outside: everything that somebody else wrote passes here before it reaches a terminal, a template, a
//! command line, a file name, a log or a comment.
//!
//! Pure: no clock, no file, no environment. Whether a text may be shown at all is not decided here: that is the tier's
//! business (`model::Tier`).
//!
//! - [`sanitise`]: what a terminal would have shown, without anything that steers or hides.
//! - [`strip_hidden_markup`]: the same for Markdown by people, without what GitHub does not render.
//! - [`typable`]: what may be typed into an agent.
//! - [`fence`] and [`cap`]: quoting that the quoted text cannot end, in a bounded size.
//! - [`redact`] and [`Secrets`]: secrets out of logs, outgoing comments and recordings.
//! - [`slug`]: branch, directory and session names.
//! - [`inert`], [`split_comment`] and [`safe_comment`]: comments that mention, close and command nothing.

mod cap;
mod character;
mod comment;
mod escape;
mod fence;
mod markup;
mod redact;
mod sanitise;
mod screen;
mod slug;
mod typing;

pub use cap::cap;
pub use comment::{COMMENT_UNITS_MAX, inert, safe_comment, split_comment};
pub use fence::fence;
pub use markup::strip_hidden_markup;
pub use redact::{Secrets, redact};
pub use sanitise::{Removed, Sanitised, sanitise};
pub use slug::slug;
pub use typing::{TYPED_BYTES_MAX, WORDS_BYTES_MAX, spoken, typable};
