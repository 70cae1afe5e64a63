//! What GitHub should deliver: one list for hooks of repositories, for Apps and for forwarders.

/// The events that a webhook of ours subscribes to, sorted by name.
///
/// An App gets those of its installation without asking. Left out are `deployment_protection_rule` and
/// `deployment_review`: the jobs that wait for them say so themselves, and an App would need one more permission.
pub const EVENTS: [&str; 20] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "issue_comment",
    "issues",
    "label",
    "member",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "repository",
    "repository_ruleset",
    "status",
    "workflow_job",
    "workflow_run",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::webhook::route;

    #[test]
    fn whatever_is_subscribed_to_is_understood() {
        for event in EVENTS {
            let actions =
                ["", "created", "edited", "completed", "submitted", "opened", "resolved", "renamed", "destroyed"];
            let known = actions.iter().any(|action| {
                let body = if action.is_empty() { "{}".to_owned() } else { format!("{{\"action\":\"{action}\"}}") };
                route(event, body.as_bytes()).is_ok_and(|routed| routed.known)
            });
            assert!(known, "{event}");
        }
        assert!(EVENTS.is_sorted());
    }
}
