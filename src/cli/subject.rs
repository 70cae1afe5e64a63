//! What people name on a command line: an issue or pull request by number, `owner/name#12` or address. Pure.

use crate::model::RepoName;

/// An issue or pull request as somebody named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    /// The repository, if it was named.
    pub(super) repo: Option<RepoName>,
    /// Which of the two, if it was said.
    pub(super) kind: Option<Kind>,
    /// The number.
    pub(super) number: u64,
}

/// What has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An issue.
    Issue,
    /// A pull request.
    Pull,
}

impl Numbered {
    /// `12`, `#12`, `owner/name#12`, or the address of an issue or pull request; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((_, rest)) = text.split_once("://") {
            return Self::of_address(rest);
        }
        let (repo, number) = match text.split_once('#') {
            Some(("", number)) => (None, number),
            Some((repo, number)) => (Some(repo.parse().ok()?), number),
            None => (None, text),
        };
        Some(Self { repo, kind: None, number: positive(number)? })
    }

    /// `HOST/owner/name/issues/12` with anything behind it.
    fn of_address(address: &str) -> Option<Self> {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let mut parts = path.split('/').skip(1);
        let (owner, name) = (parts.next()?, parts.next()?);
        let kind = match parts.next()? {
            "issues" => Kind::Issue,
            "pull" => Kind::Pull,
            _ => return None,
        };
        let number = positive(parts.next()?)?;
        Some(Self { repo: Some(format!("{owner}/{name}").parse().ok()?), kind: Some(kind), number })
    }
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(repo: Option<&str>, kind: Option<Kind>, number: u64) -> Numbered {
        Numbered { repo: repo.map(|repo| repo.parse().unwrap()), kind, number }
    }

    #[test]
    fn every_way_to_name_a_number_is_understood() {
        assert_eq!(Numbered::parse("12"), Some(numbered(None, None, 12)));
        assert_eq!(Numbered::parse("#12"), Some(numbered(None, None, 12)));
        assert_eq!(Numbered::parse("octo-org/hello#12"), Some(numbered(Some("octo-org/hello"), None, 12)));
        assert_eq!(
            Numbered::parse("https://github.com/octo-org/hello/issues/12#issuecomment-1"),
            Some(numbered(Some("octo-org/hello"), Some(Kind::Issue), 12))
        );
        assert_eq!(
            Numbered::parse("https://git.example.org/o/r/pull/3/files?w=1"),
            Some(numbered(Some("o/r"), Some(Kind::Pull), 3))
        );
    }

    #[test]
    fn words_and_other_addresses_are_not_numbers() {
        for text in ["", "0", "-1", "fix #12", "12 monkeys", "a#b", "../x#1", "https://github.com/o/r", "o/r"] {
            assert_eq!(Numbered::parse(text), None, "{text:?}");
        }
        assert_eq!(Numbered::parse("https://github.com/o/r/actions/runs/1"), None);
    }
}
