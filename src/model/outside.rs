//! Text from outside: who wrote it, how far they are trusted, and where the text itself is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Login, TextHash};

/// How far the author of a text is trusted on its repository, least first.
///
/// It comes from the permission endpoint, never from `author_association`; when that cannot be asked, the tier is
/// [`Tier::Stranger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// May not write to the repository, or nobody could say.
    Stranger,
    /// Program output, such as a CI log: shown as data, but anybody's code may have printed it.
    Machine,
    /// May write to the repository.
    Collaborator,
    /// May maintain or administer the repository.
    Maintainer,
}

/// The account behind a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about an account")]
pub struct Author {
    /// The account name.
    pub login: Login,
    /// How far it is trusted.
    pub tier: Tier,
    /// Whether this is Antiphon's own account: own texts never trigger a reaction.
    pub own: bool,
    /// Whether GitHub says that this account is a bot.
    pub bot: bool,
    /// Whether it is a bot whose reviews the settings have handed over.
    #[serde(default)]
    pub reviewer: bool,
}

/// A text from outside. The words lie in the journal's text store under `hash`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outside {
    /// Where the words are.
    pub hash: TextHash,
    /// How many bytes they have.
    pub bytes: u32,
    /// How far they are trusted.
    pub tier: Tier,
}
