//! Short names for branches, directories and sessions, made of titles by strangers.
//!
//! It does not make them unique: the caller adds a number.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// What a text without a single usable letter is called.
const NAMELESS: &str = "untitled";

/// Names that Windows keeps for devices, whatever the extension.
const RESERVED: [&str; 24] = [
    "con", "prn", "aux", "nul", "conin", "conout", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A name of at most `max` bytes (at least 1): lower-case ASCII letters, digits, and single dashes between them.
///
/// Safe as part of a branch, a file name on every system and a tmux session name; never a device name of Windows and
/// never something that git reads as a commit id. Idempotent.
#[must_use]
pub fn slug(text: &str, max: usize) -> String {
    let max = max.max(1);
    let mut slug = String::new();
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        // Enough is read to cut at a word; a long text is not read to its end.
        if slug.len() > max {
            break;
        }
        match spelling(c) {
            Some(letters) => slug.push_str(letters),
            None if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            None if slug.is_empty() || slug.ends_with('-') => {}
            None => slug.push('-'),
        }
    }
    let slug = shorten(slug, max);
    match slug.as_str() {
        "" => shorten(NAMELESS.to_owned(), max),
        name if RESERVED.contains(&name) || is_commit_id(name) => shorten(format!("x-{name}"), max),
        _ => slug,
    }
}

/// How a letter that does not decompose is written in ASCII.
const fn spelling(c: char) -> Option<&'static str> {
    match c {
        'ß' | 'ẞ' => Some("ss"),
        'æ' | 'Æ' => Some("ae"),
        'œ' | 'Œ' => Some("oe"),
        'ø' | 'Ø' => Some("o"),
        'đ' | 'Đ' | 'ð' | 'Ð' => Some("d"),
        'ħ' | 'Ħ' => Some("h"),
        'ı' => Some("i"),
        'ł' | 'Ł' => Some("l"),
        'þ' | 'Þ' => Some("th"),
        // An apostrophe joins: `don't` is one word.
        '\'' | '’' => Some(""),
        _ => None,
    }
}

/// Cuts at a dash if that keeps more than half, and never ends with one.
fn shorten(mut slug: String, max: usize) -> String {
    if slug.len() > max {
        let cut = if slug.as_bytes()[max] == b'-' { max } else { slug[..max].rfind('-').unwrap_or(0) };
        slug.truncate(if cut > max / 2 { cut } else { max });
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn is_commit_id(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_become_names() {
        for (title, name) in [
            ("Fix the login page", "fix-the-login-page"),
            ("  Größe & Maß: ½ Łódź — don't!  ", "grosse-mass-1-2-lodz-dont"),
            ("ﬁle №5", "file-no5"),
            ("Crash in `Vec::push()`", "crash-in-vec-push"),
            ("a very long title that goes on and on and on", "a-very-long-title-that-goes-on"),
            ("abcdefghijklmnopqrstuvwxyzabcdefghijkl", "abcdefghijklmnopqrstuvwxyzabcd"),
        ] {
            assert_eq!(slug(title, 30), name);
        }
    }

    #[test]
    fn hostile_titles_are_harmless() {
        for (title, name) in [
            ("", "untitled"),
            ("../../etc/passwd", "etc-passwd"),
            ("#(touch /tmp/x)", "touch-tmp-x"),
            ("-rf", "rf"),
            ("--upload-pack=x", "upload-pack-x"),
            ("a.lock", "a-lock"),
            ("CON", "x-con"),
            ("com1.txt", "com1-txt"),
            ("$(id)`id`;id|id&id", "id-id-id-id-id"),
            ("修复登录", "untitled"),
            ("\u{202E}\u{0}\n", "untitled"),
        ] {
            assert_eq!(slug(title, 40), name, "{title:?}");
        }
        assert_eq!(slug(&"a".repeat(41), 40), format!("x-{}", "a".repeat(38)));
    }

    proptest! {
        #[test]
        fn every_text_becomes_a_name(text in any::<String>(), max in 1_usize..64) {
            let name = slug(&text, max);
            prop_assert!((1..=max).contains(&name.len()), "{}", name);
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", name);
            prop_assert!(!name.starts_with('-') && !name.ends_with('-') && !name.contains("--"), "{}", name);
            prop_assert_eq!(slug(&name, max), name);
        }
    }
}
