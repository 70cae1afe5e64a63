//! Secrets out of logs and outgoing comments.
//!
//! The last net, not the first: what an agent cannot reach it cannot print. A text that was built to get past patterns
//! gets past these too.

use std::{ops::Range, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use regex::{Captures, Regex};

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// A known secret shorter than this would make holes into ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// What secrets look like. A group `keep` stays in front of the redacted part, a group `tail` behind it.
///
/// No form has a fixed length: GitHub has changed the lengths of its tokens, and will again.
const FORMS: [&str; 12] = [
    // GitHub: classic, OAuth, user, installation (also `ghs_APPID_JWT`) and refresh tokens.
    r"(?P<keep>^|[^A-Za-z])gh[pousr]_[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]+)*",
    // The same glued to a letter; long enough to be no word such as `laughs_at`.
    r"gh[pousr]_[A-Za-z0-9]{30,}",
    r"github_pat_[A-Za-z0-9_]{4,}",
    // A key ends with its last line; one that is cut off must not take the rest of a log with it.
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[ \t\r]*(?:\n|\\r|\\n)[ \t>|]*(?:(?:Proc-Type|DEK-Info|Version|Comment)[^\n\\]*|[A-Za-z0-9+/=]*)|[ \t]+[A-Za-z0-9+/=]{32,})*(?:[ \t]*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    // JSON web tokens, signed or encrypted: base64 of `{"`.
    r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}",
    r#"(?P<keep>(?i:authorization)["']?[ \t]*[:=][ \t]*["']?)(?:(?i:basic|bearer|token|digest|negotiate)[ \t]+)?[^\s"',;\[]+"#,
    // Amazon: key ids, and the key itself by the name it is given.
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{12,}",
    r#"(?P<keep>(?i:aws_?secret_?access_?key|aws_?session_?token)["']?[ \t]*[:=][ \t]*["']?)[A-Za-z0-9/+=]{16,}"#,
    // Model providers, GitLab, npm, Hugging Face, Stripe, Slack, Google.
    r"\b(?:sk-(?:ant-|proj-|or-)?|glpat-|npm_|hf_|[rs]k_live_|xox[abeprs]-|xapp-)[A-Za-z0-9_-]{16,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"(?P<keep>hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)[A-Za-z0-9_/-]+",
    // Passwords in addresses.
    r"(?P<keep>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:)[^\s/@\[]{1,500}(?P<tail>@)",
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMS.iter().map(|form| Regex::new(form).expect("the pattern is constant")).collect());

/// `text` without secrets, and how many were replaced.
///
/// Finds tokens by their form, and each of `known` wherever it stands: word for word, line by line for keys of several
/// lines, and inside base64. Idempotent; run it on sanitised text, in which nothing invisible splits a token.
#[must_use]
pub fn redact(text: &str, known: &[&str]) -> (String, u32) {
    let mut count = 0;
    let mut redacted = text.to_owned();
    for needle in needles(known) {
        let found = redacted.matches(&needle).count();
        if found > 0 {
            redacted = redacted.replace(&needle, REDACTED);
            count += u32::try_from(found).unwrap_or(u32::MAX);
        }
    }
    for pattern in &*PATTERNS {
        let replaced = pattern.replace_all(&redacted, |found: &Captures<'_>| {
            count += 1;
            let part = |name| found.name(name).map_or("", |part| part.as_str());
            format!("{}{REDACTED}{}", part("keep"), part("tail"))
        });
        redacted = replaced.into_owned();
    }
    (redacted, count)
}

/// Finds secrets, by their form and by what is known, in text that comes in pieces. It is never printed.
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Beside what looks like a secret, `known` is one.
    #[must_use]
    pub fn new(known: &[&str]) -> Self {
        Self(needles(known))
    }

    /// Where secrets stand: ranges of bytes, in order, none of which touches another.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let known = self.0.iter().flat_map(|needle| text.match_indices(needle.as_str()));
        let mut found: Vec<_> = known.map(|(at, needle)| at..at + needle.len()).collect();
        for pattern in &*PATTERNS {
            found.extend(pattern.captures_iter(text).map(|captures| {
                let whole = captures.get_match().range();
                let start = captures.name("keep").map_or(whole.start, |keep| keep.end());
                start..captures.name("tail").map_or(whole.end, |tail| tail.start())
            }));
        }
        found.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut().filter(|last| range.start <= last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => merged.push(range),
            }
        }
        merged
    }

    /// From where on the end of `text` may be the beginning of a known secret; the length of `text` if it is none.
    #[must_use]
    pub fn may_begin_at(&self, text: &str) -> usize {
        let begun = |needle: &String| {
            let lengths = (1..needle.len().min(text.len() + 1)).rev();
            lengths.into_iter().find(|length| text.as_bytes().ends_with(&needle.as_bytes()[..*length]))
        };
        text.len() - self.0.iter().filter_map(begun).max().unwrap_or(0)
    }
}

/// The forms in which known secrets are looked for, longest first, so that no part hides the whole.
fn needles(known: &[&str]) -> Vec<String> {
    let mut needles = Vec::new();
    for secret in known.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SECRET_BYTES_MIN) {
        needles.push(secret.to_owned());
        if secret.contains('\n') {
            needles.extend(secret.lines().map(str::trim).filter(|line| is_key_material(line)).map(str::to_owned));
        }
        if secret.len() >= 12 {
            for coded in (0..3).map(|shift| inside_base64(secret, shift)) {
                needles.push(coded.replace('+', "-").replace('/', "_"));
                needles.push(coded);
            }
        }
    }
    // A secret that is part of the mark itself would be found again in every mark.
    needles.retain(|needle| !REDACTED.contains(needle.as_str()));
    needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    needles.dedup();
    needles
}

fn is_key_material(line: &str) -> bool {
    line.len() >= 16 && !line.starts_with("-----")
}

/// The letters that stand in every base64 text in which `secret` begins at a byte that is `shift` beyond a multiple of 3.
fn inside_base64(secret: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    // The first letters also hold bits of what stands before, the last those of what stands behind.
    let first = (shift * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    STANDARD_NO_PAD.encode(&bytes)[first..whole].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE;
    use proptest::prelude::*;

    use super::*;
    use crate::text::{sanitise, sanitise::tests::hostile};

    // G124: forms, not lengths.
    #[test]
    fn tokens_are_known_by_their_form() {
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "gho_abcd",
            "ghu_abcdefgh",
            "ghr_abcdefgh",
            "ghs_123456_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl-_x",
            "github_pat_11ABCDEFG0_abcdefgh",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,1\n\nMIIE\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nMIIE\n=ab12\n-----END PGP PRIVATE KEY BLOCK-----",
            "-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA\\n-----END PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
            "sk-ant-api03-abcdefghijklmnop",
            "xoxb-123456789012-abcdefgh",
        ] {
            assert_eq!(redact(&format!("a {secret}"), &[]), ("a [redacted]".into(), 1), "{secret}");
        }
    }

    #[test]
    fn what_is_around_a_secret_stays() {
        for (text, redacted) in [
            ("Authorization: Bearer abc.def/1", "Authorization: [redacted]"),
            ("{\"authorization\":\"basic eDp5\"}", "{\"authorization\":\"[redacted]\"}"),
            ("https://x-access-token:ghs_abcdef@github.com/o/r", "https://x-access-token:[redacted]@github.com/o/r"),
            ("git clone https://bob:pass@host/x", "git clone https://bob:[redacted]@host/x"),
            ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "AWS_SECRET_ACCESS_KEY=[redacted]"),
            ("token=ghp_abcdefgh.", "token=[redacted]."),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n*** x\nerror: y", "[redacted]*** x\nerror: y"),
            ("prefixghp_abcdefghijklmnopqrstuvwxyz0123456789", "prefix[redacted]"),
        ] {
            assert_eq!(redact(text, &[]), (redacted.into(), 1));
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "she laughs_at_me",
            "3ghz_clock",
            "the authorization of users",
            "http://localhost:80/x@y",
            "task-skipping-everything",
        ] {
            assert_eq!(redact(text, &[]), (text.into(), 0));
        }
    }

    #[test]
    fn a_known_secret_is_found_in_every_form() {
        let key = "-----BEGIN X-----\nabcdefghijklmnopqrstuvwxyz\n-----END X-----\n";
        let known = ["s3cret-value-of-mine", key, "", "ab"];

        assert_eq!(redact("a s3cret-value-of-mine ab", &known), ("a [redacted] ab".into(), 1));
        assert_eq!(redact("x abcdefghijklmnopqrstuvwxyz y", &known), ("x [redacted] y".into(), 1));
        for before in ["", "x", "xy", "xyz"] {
            let coded = STANDARD_NO_PAD.encode(format!("{before}s3cret-value-of-mine:z"));
            assert_eq!(redact(&coded, &known).1, 1, "{coded}");
            let coded = URL_SAFE.encode(format!("{before}?>?>?>?>?>?>?>"));
            assert_eq!(redact(&coded, &["?>?>?>?>?>?>?>"]).1, 1, "{coded}");
        }
    }

    #[test]
    fn secrets_are_found_where_they_stand() {
        let secrets = Secrets::new(&["s3cret-value"]);
        let found = |text| secrets.find(text).into_iter().map(|range| (range.start, range.end)).collect::<Vec<_>>();

        assert_eq!(found("a s3cret-value b"), [(2, 14)]);
        assert_eq!(found("token=ghp_abcdefgh. x"), [(6, 18)]);
        assert_eq!(found("https://bob:pass@host"), [(12, 16)]);
        // What two forms find is one place.
        assert_eq!(found("Authorization: Bearer ghp_abcdefgh x"), [(15, 34)]);
        assert_eq!(found("nothing"), []);
    }

    #[test]
    fn a_known_secret_that_has_only_begun_is_noticed() {
        let secrets = Secrets::new(&["s3cret-value"]);
        let begins = |text| secrets.may_begin_at(text);

        assert_eq!((begins("ab s3cret-"), begins("ab s"), begins("ab")), (3, 3, 2));
        assert_eq!((begins("s3cret-value"), begins("")), (12, 0), "it is whole");
    }

    proptest! {
        #[test]
        fn a_second_pass_finds_nothing(text in hostile(), secret in "[a-z]{4,8}") {
            let once = redact(&sanitise(&text).text, &[&secret]).0;
            prop_assert_eq!(redact(&once, &[&secret]), (once, 0));
        }
    }
}
