//! The account as people and programs read it. Pure.

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{
    account::{Row, Rows},
    arguments::Home,
    fault::Fault,
};

/// What stands above the table.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Head {
    /// The version of this program.
    pub(super) version: &'static str,
    /// What decided the order.
    pub(super) seed: u64,
    /// How messages reached the agents.
    pub(super) channel: &'static str,
    /// By what every duration of the daemon was divided.
    pub(super) time_scale: u32,
    /// Agents in each runtime.
    pub(super) sessions: u32,
    /// How long it took.
    pub(super) seconds: u64,
}

/// The table in Markdown: a row for each fault and runtime, and for each runtime the sum.
pub(super) fn markdown(head: &Head, homes: &[Home], faults: &[Fault], rows: &Rows) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "#",
        "fault",
        "runtime",
        "sent",
        "acknowledged",
        "indeterminate (arrived)",
        "refused",
        "duplicated",
        "wrong session",
        "executed",
        "altered",
        "unaccounted",
        "p50 ms",
        "p99 ms",
    ]);
    for fault in faults {
        for home in homes {
            let what = [fault.number().map(|it| it.to_string()).unwrap_or_default(), fault.words().1.to_owned()];
            match rows.get(&(*fault, *home)) {
                Some(row) => table.add_row(cells(what, home.name(), row)),
                None if fault.is_possible(*home) => continue,
                None => table
                    .add_row([what.as_slice(), &[home.name().to_owned(), "not possible there".to_owned()]].concat()),
            };
        }
    }
    for home in homes {
        table.add_row(cells([String::new(), "**all**".to_owned()], home.name(), &sum(rows, Some(*home))));
    }
    if homes.len() > 1 {
        table.add_row(cells([String::new(), "**all**".to_owned()], "both", &sum(rows, None)));
    }
    format!("{}\n\n{}\n", sentence(head, &sum(rows, None)), table)
}

/// The sum over one runtime, or over all.
pub(super) fn sum(rows: &Rows, home: Option<Home>) -> Row {
    let mut sum = Row::default();
    for (_, row) in rows.iter().filter(|((_, it), _)| home.is_none_or(|home| *it == home)) {
        sum.add(row);
    }
    sum
}

fn sentence(head: &Head, all: &Row) -> String {
    format!(
        "{} prompts by the {} in {} s (antiphon {}, seed {}, {} agents in each runtime, every wait divided by {}): {} acknowledged, \
         {} indeterminate, {} refused before a byte was typed; {} duplicated, {} in a wrong session, {} executed, {} \
         altered, {} unaccounted for.",
        all.sent,
        head.channel,
        head.seconds,
        head.version,
        head.seed,
        head.sessions,
        head.time_scale,
        all.acknowledged,
        all.indeterminate,
        all.refused,
        all.duplicated,
        all.wrong_session,
        all.executed,
        all.altered,
        all.unaccounted,
    )
}

fn cells([number, what]: [String; 2], home: &str, row: &Row) -> Vec<String> {
    let ms = |percent| row.receipt_ms(percent).map(|ms| ms.to_string()).unwrap_or_default();
    let indeterminate = match row.indeterminate {
        0 => "0".to_owned(),
        many => format!("{many} ({})", row.arrived),
    };
    let counts = [row.duplicated, row.wrong_session, row.executed, row.altered, row.unaccounted];
    let mut cells = vec![number, what, home.to_owned(), row.sent.to_string(), row.acknowledged.to_string()];
    cells.extend([indeterminate, row.refused.to_string()]);
    cells.extend(counts.map(|count| if count == 0 { "0".to_owned() } else { format!("**{count}**") }));
    cells.extend([ms(50), ms(99)]);
    cells
}

/// The account as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// The shape of this object.
    schema: u32,
    head: &'a Head,
    rows: Vec<Line<'a>>,
    all: Line<'a>,
    /// Everything that must not happen, one by one.
    wrongs: &'a [String],
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    fault: &'a str,
    number: Option<u8>,
    runtime: &'a str,
    counts: Row,
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
}

impl<'a> Report<'a> {
    /// The report of these rows.
    pub(super) fn new(head: &'a Head, rows: &Rows, wrongs: &'a [String]) -> Self {
        let line = |fault: &'static str, number, runtime: &'static str, row: Row| Line {
            fault,
            number,
            runtime,
            p50_ms: row.receipt_ms(50),
            p99_ms: row.receipt_ms(99),
            counts: row,
        };
        let each =
            rows.iter().map(|((fault, home), row)| line(fault.words().0, fault.number(), home.name(), row.clone()));
        Self { schema: 1, head, rows: each.collect(), all: line("all", None, "all", sum(rows, None)), wrongs }
    }
}
