//! The messages that are sent. Each bears a mark of its own, and would leave a file behind if anything ran it. Pure.

use std::{path::Path, sync::LazyLock};

use regex::Regex;

use super::fault::Fault;
use crate::simulator::Chance;

/// What every mark begins with.
const MARKS: &str = "rig-";

/// What long messages are made of.
const LINE: &str = "All work and no play. \u{201c}quoted\u{201d} $HOME `id` #{pid}\n";

/// A message's mark.
static MARK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"rig-\d{6}\b").expect("the pattern is part of the source and tested"));

/// The mark of a message.
pub(super) fn mark(number: usize) -> String {
    format!("{MARKS}{number:06}")
}

/// What a shell would call the file that it makes of a message; the mark itself stands in the words only once.
pub(super) fn canary(mark: &str) -> &str {
    mark.trim_start_matches(MARKS)
}

/// The mark of the message that a shell made this file of.
pub(super) fn mark_of(canary: &str) -> String {
    format!("{MARKS}{canary}")
}

/// The marks that stand in a text, as often as they stand there.
pub(super) fn marks(text: &str) -> Vec<&str> {
    MARK.find_iter(text).map(|found| found.as_str()).collect()
}

/// The words of a message. `canary` is the file that a shell would make of them.
pub(super) fn words(mark: &str, fault: Fault, canary: &Path, chance: &mut Chance) -> String {
    let canary = canary.display();
    // Whichever way it fell apart, one of these would run.
    let trap = format!("; touch '{canary}'; \n touch '{canary}' \n");
    let filler = |bytes: usize| LINE.repeat(bytes / LINE.len());
    match fault {
        Fault::Escapes => format!(
            "!touch '{canary}'\n\u{1b}[201~\r!touch '{canary}'\r{mark} \u{9b}201~\u{3}\u{4}{trap}/quit\r@file #{{pid}} \u{1b}]52;c;eA==\u{7}"
        ),
        // The door lets 100 KiB in.
        Fault::Large => {
            let size = [30_000, 30_000, 100_000, 200_000][chance.below(4)];
            format!("{mark}{trap}{}", filler(size))
        }
        Fault::Letters => format!(
            "{mark} 𝒳 🦀👩\u{200d}🚀🏳\u{fe0f}\u{200d}🌈 e\u{301}\u{323} ﷺ שלום \u{202e}abc\u{202c} 한글 ｆｕｌｌ 𠜎 a\u{300}\u{301}\u{302}{trap}"
        ),
        Fault::Redraw => format!("{mark}{trap}{}", filler(2_000)),
        Fault::Nothing
        | Fault::LostEnter
        | Fault::DoubledEnter
        | Fault::PersonTypes
        | Fault::Suggestion
        | Fault::Dialog
        | Fault::DialogAtPaste
        | Fault::Shell
        | Fault::CopyMode
        | Fault::SlowStart
        | Fault::LimitMenu
        | Fault::BusyHolder
        | Fault::HolderKilled
        | Fault::WrongSocket
        | Fault::DaemonKilled
        | Fault::BothKilled
        | Fault::TwoClients
        | Fault::Compaction
        | Fault::NewSession
        | Fault::NotReading
        | Fault::AgentKilled
        | Fault::ReceiptLost => {
            let size = [0, 0, 100, 1_000, 4_000][chance.below(5)];
            format!("{mark} stay as you are{trap}{}", filler(size))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_is_just_small_enough_or_much_too_large() {
        let mut chance = Chance::new(1);
        let sizes: Vec<usize> =
            (0..20).map(|_| words("rig-000042", Fault::Large, Path::new("/c"), &mut chance).len()).collect();
        let fits = |size: &usize| *size < crate::text::WORDS_BYTES_MAX;

        assert!(sizes.iter().all(|size| (29_000..101_000).contains(size) || *size > 199_000), "{sizes:?}");
        assert!(sizes.iter().any(fits) && !sizes.iter().all(fits), "{sizes:?}");
    }

    #[test]
    fn every_message_bears_its_mark_once() {
        let mut chance = Chance::new(1);
        for fault in Fault::ALL {
            let words = words("rig-000042", fault, Path::new("/canaries/42"), &mut chance);

            assert_eq!(marks(&words), ["rig-000042"], "{fault:?}");
            assert!(words.contains("touch '/canaries/42'"), "{fault:?}");
        }
    }
}
