//! Moments as people say them: `12 s ago`, `in 3 min`, `for 2 h`. The script on the page says them in the same words.

use jiff::{Timestamp, Unit};
use maud::{Markup, html};

/// A moment, seen from `now`, with the exact time for whoever wants it.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> Markup {
    let exact = at.round(Unit::Second).unwrap_or(at);
    html! { time datetime=(exact) title=(exact) { (words(at, now)) } }
}

/// How long something has been so.
pub(super) fn lasting(since: Timestamp, now: Timestamp) -> Markup {
    let exact = since.round(Unit::Second).unwrap_or(since);
    let seconds = now.duration_since(since).as_secs().max(0).unsigned_abs();
    html! { time.lasting datetime=(exact) title={ "since " (exact) } { "for " (distance(seconds)) } }
}

fn words(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.duration_since(now).as_secs();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", distance(seconds.unsigned_abs())),
        ..0 => format!("{} ago", distance(seconds.unsigned_abs())),
    }
}

fn distance(seconds: u64) -> String {
    match seconds {
        n @ 0..60 => format!("{n} s"),
        n @ 60..3_600 => format!("{} min", n / 60),
        n @ 3_600..172_800 => format!("{} h", n / 3_600),
        n => format!("{} days", n / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_in_one_unit() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        for (at, said) in [
            ("2026-01-01T12:00:00.4Z", "now"),
            ("2026-01-01T12:00:25Z", "in 25 s"),
            ("2026-01-01T11:59:48Z", "12 s ago"),
            ("2026-01-01T11:58:01Z", "1 min ago"),
            ("2026-01-01T15:10:00Z", "in 3 h"),
            ("2025-12-29T12:00:00Z", "3 days ago"),
        ] {
            assert_eq!(words(at.parse().unwrap(), now), said);
        }
        assert_eq!(
            moment("2026-01-01T12:00:25.7Z".parse().unwrap(), now).into_string(),
            r#"<time datetime="2026-01-01T12:00:26Z" title="2026-01-01T12:00:26Z">in 25 s</time>"#
        );
        assert_eq!(
            lasting("2026-01-01T11:29:00Z".parse().unwrap(), now).into_string(),
            r#"<time class="lasting" datetime="2026-01-01T11:29:00Z" title="since 2026-01-01T11:29:00Z">for 31 min</time>"#
        );
    }
}
