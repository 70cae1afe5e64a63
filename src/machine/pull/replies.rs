//! What a rule says and does in the threads that the agent has answered, each answer once.

use super::{Now, State, reviews};
use crate::{
    effect::{Act, Effect, List},
    model::{IncidentKind, RuleName, Thread},
};

const KIND: IncidentKind = IncidentKind::ChangesRequested;

impl State {
    /// Orders the replies to answers that nobody has replied to.
    pub(super) fn tick_replies(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some((rule, steps)) = self.replies(now) else { return };
        let threads: Vec<Thread> = self.snapshot.iter().flat_map(|snapshot| snapshot.threads.clone()).collect();
        // Nobody talks to bots: two that answer each other never end.
        let asked_by_people = |thread: &&Thread| reviews::asked_in(thread).is_some_and(|(by, _)| by == KIND);
        for thread in threads.iter().filter(|thread| thread.first.is_some()).filter(asked_by_people) {
            if self.is_final(thread, now) && self.ledger.acknowledge(thread) {
                effects.extend(steps.iter().map(|step| Effect::Act(self.reply(&rule, *step, thread))));
            }
        }
    }

    /// Wants the look that tells whether a turn that has just ended left a commit, if somebody replies to it.
    pub(super) fn look_for_replies(&mut self, now: &Now<'_>) {
        if self.replies(now).is_some() {
            self.look.want(now.at + now.rules.pace.no_change_grace);
        }
    }

    /// The rule that answers, and what it does in threads, if it does anything there.
    fn replies(&self, now: &Now<'_>) -> Option<(RuleName, Vec<u32>)> {
        let rule = &self.incidents.get(&KIND)?.plan.as_ref()?.rule;
        let steps = now.rules.replies(rule);
        (!steps.is_empty()).then(|| (rule.clone(), steps))
    }

    /// Whether an answer is known in full: it is a commit, or GitHub was asked long enough after the turn.
    fn is_final(&self, thread: &Thread, now: &Now<'_>) -> bool {
        let looked_at = self.look.ordered_at.filter(|_| !self.look.running);
        self.ledger.answer_to(thread).is_some_and(|answer| {
            let known_at = answer.at + now.rules.pace.no_change_grace;
            answer.commit.is_some() || looked_at.is_some_and(|looked_at| looked_at >= known_at)
        })
    }

    // It is no step of the ladder, which may be long over.
    fn reply(&self, rule: &RuleName, step: u32, thread: &Thread) -> Act {
        let (of, rule) = (self.key(), rule.clone());
        let (head, thread) = (self.head().cloned(), Some(thread.id.clone()));
        Act { of, incident: KIND, serial: 0, revision: 0, rule, list: List::Do, step, head, thread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{
        pull::still_wanted_act,
        testing::{Pr, Sketch as _, green, mins, own, person, rules_with, secs, snapshot},
    };

    const REPLYING: &str = "name: changes-requested\ndo:\n  - prompt: Do it.\n  - reply: \"{{#each threads}}{{#if commit}}Done in {{short commit}}.{{/if}}{{/each}}\"\n  - resolve: {}\n";
    const NOTHING: [&str; 0] = [];
    const REPLIES: [&str; 2] = ["act changes-requested do 1 in T1", "act changes-requested do 2 in T1"];

    /// Ada asks for something in a thread, and the agent has it.
    fn asked(rules: &[&str]) -> Pr {
        let mut pr = Pr::managed(rules_with(rules));
        pr.shows(green('a').thread("T1", &[("C1", person("ada"))]));
        pr.pass(secs(20));
        assert_eq!(pr.submitted(KIND), NOTHING);
        pr
    }

    fn acts(said: Vec<String>) -> Vec<String> {
        said.into_iter().filter(|said| said.starts_with("act changes-requested")).collect()
    }

    #[test]
    fn a_commit_is_replied_to_once_for_each_thread() {
        let mut pr = asked(&[REPLYING]);

        assert_eq!(acts(pr.shows(green('b').thread("T1", &[("C1", person("ada"))]))), REPLIES);
        pr.turn_ended(KIND);
        assert_eq!(acts(pr.pass(mins(60))), NOTHING);
        let replied = green('b').thread("T1", &[("C1", person("ada")), ("C2", own())]);
        assert_eq!(acts(pr.shows(replied)), NOTHING);
    }

    #[test]
    fn words_are_replied_to_after_github_was_asked_for_a_late_commit() {
        let mut pr = asked(&[REPLYING]);

        assert_eq!(acts(pr.turn_ended(KIND)), NOTHING);
        assert_eq!(acts(pr.pass(secs(19))), NOTHING);
        assert_eq!(acts(pr.pass(secs(1))), REPLIES);
        assert_eq!(acts(pr.shows(green('b').thread("T1", &[("C1", person("ada"))]))), NOTHING);
    }

    #[test]
    fn a_reviewer_who_adds_something_gets_a_reply_to_that() {
        let mut pr = asked(&[REPLYING]);
        pr.shows(green('b').thread("T1", &[("C1", person("ada"))]));
        let act = pr.newest_act();
        assert!(still_wanted_act(pr.one.pull(), &act));

        pr.shows(green('b').thread("T1", &[("C1", person("ada")), ("C2", person("ada"))]));
        assert!(!still_wanted_act(pr.one.pull(), &act), "what is open is not resolved");
        pr.pass(secs(20));
        pr.submitted(KIND);

        assert_eq!(acts(pr.shows(green('c').thread("T1", &[("C1", person("ada")), ("C2", person("ada"))]))), REPLIES);
    }

    #[test]
    fn the_shipped_rule_says_nothing_in_threads() {
        let mut pr = asked(&[]);
        pr.turn_ended(KIND);

        assert_eq!(acts(pr.shows(snapshot().head('b').thread("T1", &[("C1", person("ada"))]))), NOTHING);
        assert_eq!(acts(pr.pass(mins(60))), NOTHING);
    }

    // G099
    #[test]
    fn a_thread_that_was_resolved_meanwhile_is_left_alone() {
        let mut pr = asked(&[REPLYING]);

        assert_eq!(acts(pr.shows(green('b').thread("T1", &[("C1", person("ada"))]).resolved("T1"))), NOTHING);
    }
}
