//! What was used, in words.

use crate::model::Usage;

/// Everything that is known: `1.4k in, 1k cached, 68 out, $0.01, 12% of the context`.
#[must_use]
pub fn words(usage: &Usage) -> String {
    let counts = [
        (usage.input, "in"),
        (usage.cached, "cached"),
        (usage.cache_written, "written to the cache"),
        (usage.output, "out"),
    ];
    let mut parts: Vec<String> = counts
        .into_iter()
        .filter_map(|(count, what)| Some((count.filter(|count| *count > 0)?, what)))
        .map(|(count, what)| format!("{} {what}", tokens(count)))
        .collect();
    parts.extend(usage.cost.map(dollars));
    parts.extend(share(usage).map(|share| format!("{share}% of the context")));
    parts.join(", ")
}

/// The one number that a person wants: dollars where they are known, else tokens; `None` if nothing is.
#[must_use]
pub fn brief(usage: &Usage) -> Option<String> {
    let counts = [usage.input, usage.cached, usage.cache_written, usage.output];
    let sum = counts.iter().flatten().sum::<u64>();
    let counted = counts.iter().any(Option::is_some).then(|| format!("{} tokens", tokens(sum)));
    usage.cost.map(dollars).or(counted)
}

/// How many percent of the model's context are filled, if both are known.
#[must_use]
pub fn share(usage: &Usage) -> Option<u64> {
    let (used, max) = (usage.context_used?, usage.context_max.filter(|max| *max > 0)?);
    Some(used.saturating_mul(100) / max)
}

fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => tenths(count, 1_000, "k"),
        1_000_000.. => tenths(count, 1_000_000, "M"),
    }
}

fn tenths(count: u64, unit: u64, sign: &str) -> String {
    match (count / unit, count % unit * 10 / unit) {
        (whole, 0) => format!("{whole}{sign}"),
        (whole, tenth) => format!("{whole}.{tenth}{sign}"),
    }
}

fn dollars(micros: u64) -> String {
    let cents = micros.saturating_add(5_000) / 10_000;
    if micros > 0 && cents == 0 {
        return "<$0.01".to_owned();
    }
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_nothing_else() {
        let usage = Usage {
            input: Some(1_400),
            cached: Some(2_050_000),
            cache_written: Some(0),
            output: Some(68),
            cost: Some(10_960),
            context_used: Some(25_840),
            context_max: Some(258_400),
            ..Usage::default()
        };
        assert_eq!(words(&usage), "1.4k in, 2M cached, 68 out, $0.01, 10% of the context");
        assert_eq!(brief(&usage).unwrap(), "$0.01");
        assert_eq!(brief(&Usage { cost: None, ..usage }).unwrap(), "2M tokens");
        assert_eq!((words(&Usage::default()), brief(&Usage::default())), (String::new(), None));
    }

    #[test]
    fn dollars_are_rounded_and_little_is_not_nothing() {
        assert_eq!([0, 1, 4_999, 5_000, 1_234_999].map(dollars), ["$0.00", "<$0.01", "<$0.01", "$0.01", "$1.23"]);
    }
}
