//! Whether there is room for more work.

use super::need::{Need, Severity};
use crate::config::Size;

/// What people are told when less than `wanted` bytes are free; `None` when there is room, or nobody can tell.
#[must_use]
pub fn full_disk(free: Option<u64>, wanted: Size) -> Option<String> {
    let free = free.filter(|free| *free < wanted.0)?;
    Some(format!("only {} MB are free; no task begins below {wanted} (`limits.free_disk`)", free / 1_000_000))
}

/// The same as something that waits for a person.
#[must_use]
pub fn disk_need(free: Option<u64>, wanted: Size) -> Option<Need> {
    let hint = "`antiphon gc` removes the workspaces of ended tasks".to_owned();
    let what = full_disk(free, wanted)?;
    Some(Need { severity: Severity::Urgent, since: None, subject: "disk".to_owned(), what, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_said_and_enough_is_not() {
        let wanted = Size(2_000_000_000);

        assert_eq!(full_disk(Some(2_000_000_000), wanted), None);
        assert_eq!(full_disk(None, wanted), None);
        let said = "only 1999 MB are free; no task begins below 2GB (`limits.free_disk`)";
        assert_eq!(full_disk(Some(1_999_999_999), wanted).as_deref(), Some(said));
        assert_eq!(disk_need(Some(1_999_999_999), wanted).map(|need| need.what).as_deref(), Some(said));
    }
}
