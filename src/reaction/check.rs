//! What `antiphon reactions check` says: every mistake, or what the rules amount to.

use std::collections::BTreeSet;

use crate::{
    model::{AgentName, IncidentKind},
    yaml::Diagnostic,
};

use super::{Rule, Rules, Source};

/// The outcome of a check.
#[derive(Debug, Clone)]
pub struct Report {
    /// The rules, if they can be used.
    pub rules: Option<Rules>,
    /// Every mistake; empty if they can.
    pub mistakes: Vec<Diagnostic>,
    /// What they amount to; empty if they cannot be used.
    pub summary: Summary,
}

/// What a set of rules amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many files were read.
    pub files: usize,
    /// How many rules there are.
    pub rules: usize,
    /// For each incident the rules that can answer it, in the order in which they are asked.
    pub answering: Vec<(IncidentKind, Vec<String>)>,
    /// For each incident the rules that run alongside.
    pub alongside: Vec<(IncidentKind, Vec<String>)>,
}

/// Checks rule files as they would be loaded together, where there are these agents.
#[must_use]
pub fn check(sources: &[Source], agents: &BTreeSet<AgentName>) -> Report {
    let loaded = Rules::load(sources).and_then(|rules| {
        let strangers = rules.unknown_agents(agents);
        if strangers.is_empty() { Ok(rules) } else { Err(strangers) }
    });
    match loaded {
        Ok(rules) => {
            let summary = summarize(&rules, sources.len());
            Report { rules: Some(rules), mistakes: Vec::new(), summary }
        }
        Err(mistakes) => {
            Report { rules: None, mistakes, summary: Summary { files: sources.len(), ..Summary::default() } }
        }
    }
}

fn summarize(rules: &Rules, files: usize) -> Summary {
    let listed = |of: &dyn Fn(IncidentKind) -> Vec<String>| {
        IncidentKind::ALL.into_iter().map(|kind| (kind, of(kind))).filter(|(_, names)| !names.is_empty()).collect()
    };
    Summary {
        files,
        rules: rules.all().len(),
        answering: listed(&|kind| names(&rules.answering(kind))),
        alongside: listed(&|kind| names(&rules.alongside(kind))),
    }
}

fn names(rules: &[&Rule]) -> Vec<String> {
    rules.iter().map(|rule| rule.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Layer, shipped},
        *,
    };

    #[test]
    fn the_shipped_rules_answer_their_incidents() {
        let report = check(&shipped(), &BTreeSet::new());

        assert_eq!(report.mistakes, []);
        assert_eq!((report.summary.files, report.summary.rules), (18, 18));
        let answering: Vec<(&str, &str)> =
            report.summary.answering.iter().map(|(kind, names)| (kind.as_str(), names[0].as_str())).collect();
        assert_eq!(
            answering,
            [
                ("checks-failed", "ci-failed"),
                ("checks-missing", "checks-missing"),
                ("changes-requested", "changes-requested"),
                ("bot-review", "bot-review"),
                ("conflict", "conflict"),
                ("behind-base", "behind-base"),
                ("merge-queue-ejected", "merge-queue-ejected"),
                ("loop-stopped", "loop-stopped"),
                ("approved-and-green", "approved-and-green"),
                ("agent-stuck", "agent-stuck"),
                ("agent-looping", "agent-looping"),
                ("agent-exited", "agent-exited"),
                ("agent-needs-input", "agent-needs-input"),
                ("agents-lost", "agents-lost"),
                ("no-change", "no-change"),
                ("setup-failed", "setup-failed"),
                ("issue-ready", "issue-ready"),
                ("rule-broken", "rule-broken"),
            ]
        );
    }

    #[test]
    fn an_agent_that_is_not_there_can_be_handed_nothing() {
        let text = "name: agent-stuck\ndo:\n  - handoff: codex\n  - handoff: fallback\n";
        let own = Source { layer: Layer::Operator, name: "own.yaml".to_owned(), text: text.to_owned() };
        let sources: Vec<_> = shipped().into_iter().chain([own]).collect();
        let known = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();

        assert_eq!(check(&sources, &known(&["claude", "codex"])).mistakes, []);

        let found = check(&sources, &known(&["claude"]));
        assert!(found.rules.is_none());
        let [mistake] = found.mistakes.as_slice() else { panic!("{:?}", found.mistakes) };
        let shown = mistake.to_string();
        assert!(shown.contains("there is no agent `codex`") && shown.contains("own.yaml:3:14"), "{shown}");
    }

    #[test]
    fn mistakes_leave_no_rules() {
        let bad = Source { layer: Layer::Operator, name: "bad.yaml".to_owned(), text: "name: x".to_owned() };
        let report = check(&[bad], &BTreeSet::new());

        assert!(report.rules.is_none());
        assert_eq!((report.mistakes.len(), report.summary.files, report.summary.rules), (1, 1, 0));
    }
}
