//! What an agent may do without asking a person. Pure.

use agent_client_protocol::v1::schema::{PermissionOption, PermissionOptionKind, ToolKind};

use crate::config::Permissions;

/// The option that is chosen without a person; none: a person has to choose.
///
/// Options are told apart by their kind, never by place or name: those are the agent's words. What is allowed is allowed once,
/// so that the agent writes no rule of ours into its own settings.
pub(super) fn without_asking(permissions: Permissions, kind: ToolKind, options: &[PermissionOption]) -> Option<usize> {
    let allowed = match permissions {
        Permissions::Ask => false,
        Permissions::Edits => is_edit(kind),
        Permissions::All => true,
    };
    let once = options.iter().position(|option| option.kind == PermissionOptionKind::AllowOnce);
    once.filter(|_| allowed)
}

/// Reading, and changing files. Commands can do anything, so they are none.
const fn is_edit(kind: ToolKind) -> bool {
    matches!(kind, ToolKind::Read | ToolKind::Edit | ToolKind::Move | ToolKind::Search | ToolKind::Think)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kinds: &[PermissionOptionKind]) -> Vec<PermissionOption> {
        kinds.iter().map(|kind| PermissionOption::new("id", "Yes, always, I am sure", *kind)).collect()
    }

    #[test]
    fn what_the_operator_allowed_is_allowed_once_and_the_rest_is_asked() {
        use PermissionOptionKind::{AllowAlways, AllowOnce, RejectOnce};
        let usual = options(&[AllowAlways, RejectOnce, AllowOnce]);
        for (permissions, kind, expected) in [
            (Permissions::Ask, ToolKind::Read, None),
            (Permissions::Edits, ToolKind::Edit, Some(2)),
            (Permissions::Edits, ToolKind::Execute, None),
            (Permissions::Edits, ToolKind::Other, None),
            (Permissions::Edits, ToolKind::Fetch, None),
            (Permissions::All, ToolKind::Execute, Some(2)),
        ] {
            assert_eq!(without_asking(permissions, kind, &usual), expected, "{permissions:?} {kind:?}");
        }
        assert_eq!(without_asking(Permissions::All, ToolKind::Edit, &options(&[AllowAlways, RejectOnce])), None);
    }
}
