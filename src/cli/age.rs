//! How long something lasts, in the largest unit that fits: `25s`, `4m`, `3h`, `2d`. Pure.

use jiff::Timestamp;

/// The time from `since` to `now`; `now` if that is less than a second, or if the clock went back.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs();
    match seconds {
        ..1 => "now".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_that_fits_is_named() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let ages: Vec<String> = [-5, 0, 59, 60, 7_199, 172_800].map(|it| age(at(0), at(it))).into();

        assert_eq!(ages, ["now", "now", "59s", "1m", "1h", "2d"]);
    }
}
