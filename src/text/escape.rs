//! Escape sequences of terminals (ECMA-48): where one ends, and the few that change what is seen.
//!
//! It never carries one out; that is `screen`'s business.

use std::{iter::Peekable, str::Chars};

/// What a sequence means for the reader of a captured text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// The cursor moves up so many rows, and to the first column if `start`.
    Up { rows: usize, start: bool },
    /// The cursor moves down so many rows, and to the first column if `start`.
    Down { rows: usize, start: bool },
    /// The cursor moves left.
    Left { columns: usize },
    /// The cursor moves right.
    Right { columns: usize },
    /// The cursor moves to this column, counted from 0.
    Column { column: usize },
    /// Part of the row is erased.
    EraseRow(Erase),
    /// Everything after the cursor is erased, in this row and below.
    EraseBelow,
    /// What follows is drawn invisibly, or visibly again.
    Conceal(bool),
    /// It changes colours, titles, modes: nothing that a reader of text misses.
    Other,
    /// It was no sequence, only a lone introducer.
    Lone,
}

/// Which part of a row is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erase {
    /// From the cursor to the end.
    After,
    /// From the start to the cursor.
    Before,
    /// All of it.
    Whole,
}

/// Reads the rest of the sequence that `introducer` (ESC or a C1 control) began. `None`: `introducer` begins none.
///
/// A sequence that another control character cuts off ends before it, so that no text is swallowed beyond its line and
/// every character is read once.
pub(super) fn read(introducer: char, rest: &mut Peekable<Chars<'_>>) -> Option<Escape> {
    match introducer {
        '\u{1B}' => Some(read_seven_bit(rest)),
        '\u{9B}' => Some(read_control(rest)),
        '\u{90}' | '\u{98}' | '\u{9D}'..='\u{9F}' => {
            skip_string(rest);
            Some(Escape::Other)
        }
        _ => None,
    }
}

fn read_seven_bit(rest: &mut Peekable<Chars<'_>>) -> Escape {
    if rest.next_if_eq(&'[').is_some() {
        return read_control(rest);
    }
    if rest.next_if(|c| matches!(c, ']' | 'P' | 'X' | '^' | '_')).is_some() {
        skip_string(rest);
        return Escape::Other;
    }
    let mut intermediates = 0;
    while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {
        intermediates += 1;
    }
    match rest.next_if(|c| matches!(c, '0'..='~')) {
        Some('M') if intermediates == 0 => Escape::Up { rows: 1, start: false },
        Some('D') if intermediates == 0 => Escape::Down { rows: 1, start: false },
        Some('E') if intermediates == 0 => Escape::Down { rows: 1, start: true },
        Some(_) => Escape::Other,
        None => Escape::Lone,
    }
}

fn read_control(rest: &mut Peekable<Chars<'_>>) -> Escape {
    let mut parameters = String::new();
    while let Some(c) = rest.next_if(|c| matches!(c, ' '..='?')) {
        // Nothing that matters here has longer parameters; the rest is read and dropped.
        if parameters.len() < 64 {
            parameters.push(c);
        }
    }
    match rest.next_if(|c| matches!(c, '@'..='~')) {
        Some(last) => meaning(last, &parameters),
        None => Escape::Lone,
    }
}

fn meaning(last: char, parameters: &str) -> Escape {
    let first = parameters.split(';').next().unwrap_or_default().parse::<usize>().ok();
    let times = first.unwrap_or(1).max(1);
    match (last, first.unwrap_or(0)) {
        ('A', _) => Escape::Up { rows: times, start: false },
        ('F', _) => Escape::Up { rows: times, start: true },
        ('B', _) => Escape::Down { rows: times, start: false },
        ('E', _) => Escape::Down { rows: times, start: true },
        ('C', _) => Escape::Right { columns: times },
        ('D', _) => Escape::Left { columns: times },
        ('G', _) => Escape::Column { column: times - 1 },
        ('K', 0) => Escape::EraseRow(Erase::After),
        ('K', 1) => Escape::EraseRow(Erase::Before),
        ('K', 2) => Escape::EraseRow(Erase::Whole),
        ('J', 0) => Escape::EraseBelow,
        ('m', _) => concealment(parameters),
        _ => Escape::Other,
    }
}

fn concealment(parameters: &str) -> Escape {
    let mut codes = parameters.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
    let mut effect = Escape::Other;
    while let Some(code) = codes.next() {
        match code {
            8 => effect = Escape::Conceal(true),
            0 | 28 => effect = Escape::Conceal(false),
            // The numbers after these choose a colour: `38;5;8` conceals nothing.
            38 | 48 | 58 => {
                let skipped = if codes.next() == Some(5) { 1 } else { 3 };
                codes.by_ref().take(skipped).for_each(drop);
            }
            _ => {}
        }
    }
    effect
}

/// Skips a title, link or device string with its terminator.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| !c.is_control()).is_some() {}
    match rest.peek() {
        Some('\u{07}' | '\u{9C}') => drop(rest.next()),
        Some('\u{1B}') => {
            let mut ahead = rest.clone();
            ahead.next();
            if ahead.next_if_eq(&'\\').is_some() {
                *rest = ahead;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> (Option<Escape>, String) {
        let mut rest = text.chars().peekable();
        let introducer = rest.next().unwrap();
        let escape = read(introducer, &mut rest);
        (escape, rest.collect())
    }

    #[test]
    fn sequences_end_where_the_standard_says() {
        let other = Some(Escape::Other);
        assert_eq!(after("\u{1B}[1;31mred"), (other, "red".into()));
        assert_eq!(after("\u{9B}38;5;8mgrey"), (other, "grey".into()));
        assert_eq!(after("\u{1B}]0;title\u{07}text"), (other, "text".into()));
        assert_eq!(after("\u{1B}]8;;https://x\u{1B}\\link"), (other, "link".into()));
        assert_eq!(after("\u{90}q#0;2\u{9C}text"), (other, "text".into()));
        assert_eq!(after("\u{1B}(Btext"), (other, "text".into()));
        assert_eq!(after("\u{1B}\ntext"), (Some(Escape::Lone), "\ntext".into()));
        assert_eq!(after("\u{84}text"), (None, "text".into()));
    }

    #[test]
    fn an_open_title_hides_no_more_than_its_line() {
        assert_eq!(after("\u{1B}]0;title\nerror: x"), (Some(Escape::Other), "\nerror: x".into()));
    }

    #[test]
    fn only_code_8_conceals() {
        assert_eq!(after("\u{1B}[1;8mx").0, Some(Escape::Conceal(true)));
        assert_eq!(after("\u{1B}[38;2;8;8;8mx").0, Some(Escape::Other));
        assert_eq!(after("\u{1B}[mx").0, Some(Escape::Conceal(false)));
    }
}
