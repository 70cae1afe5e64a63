//! The ledger of what people ask for: one entry for each thread and each review, from open to resolved.
//!
//! It keeps what GitHub does not tell: what was handed to the agent, and what the agent answered it with. Whether a
//! request stands is for the snapshot to say. An entry is answered by the first commit that comes after it was handed over,
//! whoever pushed it and whatever it changed: nobody but the reviewer can say whether that is the right one. A turn that ends
//! without a commit answers in words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reviews;
use crate::model::{IncidentKind, Login, Review, Sha, Snapshot, Thread};

/// Everything that was asked for, by its subject: `thread:ID` or `review:ID`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// What the round of each incident is about: if nobody tells the agent, people were told.
    offered: BTreeMap<IncidentKind, Vec<String>>,
    /// When anything was last said to the agent about this pull request.
    prompted_at: Option<Timestamp>,
}

/// One thread or review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which of its items were handed over: a thread has a new one when a person adds to it.
    items: BTreeSet<String>,
    /// When that was done last.
    pub handed_at: Option<Timestamp>,
    /// What came of it.
    pub answer: Option<Answer>,
    /// How it ended.
    pub resolved: Option<Resolved>,
    /// Whether the rule's replies to the answer were ordered.
    pub acknowledged: bool,
}

/// What the agent answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// With which commit; none if it answered in words.
    pub commit: Option<Sha>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When that was seen.
    pub at: Timestamp,
    /// Who resolved the thread, if GitHub says so.
    pub by: Option<Login>,
    /// The commit that answered it; else the newest one at that time.
    pub commit: Sha,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nobody has told the agent yet.
    Open,
    /// The agent has it.
    HandedOver,
    /// The agent has answered, with a commit or in words.
    Answered,
    /// Whoever asked has closed it or taken it back.
    Resolved,
}

impl Ledger {
    /// Nothing was asked for.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), offered: BTreeMap::new(), prompted_at: None }
    }

    /// Whether this very item was handed over.
    #[must_use]
    pub fn was_handed(&self, item: &str) -> bool {
        self.entries.get(reviews::subject(item)).is_some_and(|entry| entry.items.contains(item))
    }

    /// The entry of a thread.
    #[must_use]
    pub fn of_thread(&self, thread: &Thread) -> Option<&Entry> {
        self.entries.get(&format!("thread:{}", thread.id))
    }

    /// The entry of a review.
    #[must_use]
    pub fn of_review(&self, review: &Review) -> Option<&Entry> {
        self.entries.get(&reviews::review_item(review))
    }

    /// What the newest of a thread was answered with.
    #[must_use]
    pub fn answer_to(&self, thread: &Thread) -> Option<&Answer> {
        let answered = self.standing(thread) == Standing::Answered;
        self.of_thread(thread).filter(|_| answered)?.answer.as_ref()
    }

    /// Where a thread stands.
    #[must_use]
    pub fn standing(&self, thread: &Thread) -> Standing {
        if thread.resolved {
            return Standing::Resolved;
        }
        let handed = reviews::thread_item(thread).is_some_and(|item| self.was_handed(&item));
        standing(self.of_thread(thread).filter(|_| handed))
    }

    /// Where a review that asks for changes stands.
    #[must_use]
    pub fn standing_of_review(&self, review: &Review) -> Standing {
        standing(self.of_review(review))
    }

    /// A round of an incident begins about these items.
    pub(super) fn offer(&mut self, kind: IncidentKind, items: Vec<String>) {
        self.offered.insert(kind, items);
    }

    /// A round ended without a word to the agent: its rule does not hand these items over, and they are open until whoever
    /// asked adds something or takes them back.
    pub(super) fn leave_to_people(&mut self, kind: IncidentKind) {
        for item in self.offered.remove(&kind).unwrap_or_default() {
            self.entries.entry(reviews::subject(&item).to_owned()).or_default().items.insert(item);
        }
    }

    /// The agent was told something about this pull request: what came before is answered as it is.
    pub(super) fn prompted(&mut self, now: Timestamp) {
        self.prompted_at = Some(now);
    }

    /// The agent has these items now.
    pub(super) fn hand_over(&mut self, items: Vec<String>, now: Timestamp) {
        for item in items {
            let entry = self.entries.entry(reviews::subject(&item).to_owned()).or_default();
            entry.items.insert(item);
            entry.handed_at = Some(now);
            (entry.answer, entry.acknowledged) = (None, false);
        }
    }

    /// The agent's turn about these requests ended: what no commit has answered is answered in words, so far.
    pub(super) fn turn_ended(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut().filter(|entry| entry.handed_at.is_some()) {
            entry.answer.get_or_insert(Answer { at: now, commit: None });
        }
    }

    /// There is a new head. GitHub may show it some time after the turn has ended; but once something else was said to the
    /// agent, a commit answers that.
    pub(super) fn pushed(&mut self, head: &Sha, now: Timestamp) {
        let prompted_at = self.prompted_at;
        for entry in self.entries.values_mut().filter(|entry| entry.handed_at.is_some()) {
            match &mut entry.answer {
                None => entry.answer = Some(Answer { at: now, commit: Some(head.clone()) }),
                Some(Answer { at, commit: commit @ None }) if prompted_at.is_none_or(|prompted| prompted <= *at) => {
                    *commit = Some(head.clone());
                }
                Some(_) => {}
            }
        }
    }

    /// What GitHub shows of the requests now. What was resolved is new again when somebody opens it again. That something is
    /// not shown takes nothing back: GitHub may show for a while what was so before it was asked for.
    pub(super) fn observe(&mut self, snapshot: &Snapshot, now: Timestamp) {
        for thread in &snapshot.threads {
            let subject = format!("thread:{}", thread.id);
            match (thread.resolved, self.entries.get_mut(&subject)) {
                (true, Some(Entry { resolved: Some(_), .. })) | (false, None) => {}
                (true, _) => {
                    let entry = self.entries.entry(subject).or_default();
                    let commit = entry.answer.as_ref().and_then(|answer| answer.commit.clone());
                    let commit = commit.unwrap_or_else(|| snapshot.head.sha.clone());
                    entry.resolved = Some(Resolved { at: now, by: thread.resolved_by.clone(), commit });
                    entry.items.clear();
                    entry.handed_at = None;
                }
                (false, Some(entry)) if entry.resolved.is_some() => *entry = Entry::default(),
                (false, Some(_)) => {}
            }
        }
    }

    /// Forgets what was handed over; what is resolved stays so.
    pub(super) fn forget_handed(&mut self) {
        self.offered.clear();
        self.entries.retain(|_, entry| entry.resolved.is_some());
    }

    /// Notes that the replies to an answer are ordered; false if they were before or if there is nothing to reply to.
    pub(super) fn acknowledge(&mut self, thread: &Thread) -> bool {
        let answered = self.standing(thread) == Standing::Answered;
        match self.entries.get_mut(&format!("thread:{}", thread.id)) {
            Some(entry) if answered && !entry.acknowledged => {
                entry.acknowledged = true;
                true
            }
            Some(_) | None => false,
        }
    }
}

fn standing(entry: Option<&Entry>) -> Standing {
    match entry {
        Some(Entry { answer: Some(_), .. }) => Standing::Answered,
        Some(Entry { handed_at: Some(_), .. }) => Standing::HandedOver,
        Some(_) | None => Standing::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::testing::{Pr, START, Sketch as _, green, mins, person, red, secs, sha, snapshot},
        model::ReviewState::ChangesRequested,
    };

    const REVIEW: IncidentKind = IncidentKind::ChangesRequested;

    /// Where the thread stands, and the commit that answered it.
    fn thread(pr: &Pr) -> (Standing, Option<Sha>) {
        let pull = pr.one.pull();
        let thread = &pull.snapshot.as_ref().unwrap().threads[0];
        (pull.ledger.standing(thread), pull.ledger.answer_to(thread).and_then(|answer| answer.commit.clone()))
    }

    fn asking(letter: char) -> Snapshot {
        green(letter).thread("T1", &[("C1", person("ada"))])
    }

    fn handed_over() -> Pr {
        let mut pr = Pr::shipped();
        pr.shows(asking('a'));
        assert_eq!(thread(&pr), (Standing::Open, None));
        pr.pass(secs(20));
        assert_eq!(thread(&pr), (Standing::Open, None));
        pr.submitted(REVIEW);
        assert_eq!(thread(&pr), (Standing::HandedOver, None));
        pr
    }

    #[test]
    fn the_first_commit_after_it_answers_a_thread() {
        let mut pr = handed_over();

        pr.shows(asking('b'));
        assert_eq!(thread(&pr), (Standing::Answered, Some(sha('b'))));
        pr.turn_ended(REVIEW);
        pr.shows(asking('c'));

        assert_eq!(thread(&pr), (Standing::Answered, Some(sha('b'))));
    }

    #[test]
    fn a_turn_without_a_commit_answers_in_words_until_github_shows_one() {
        let mut pr = handed_over();

        pr.turn_ended(REVIEW);
        assert_eq!(thread(&pr), (Standing::Answered, None));
        pr.shows(asking('b'));

        assert_eq!(thread(&pr), (Standing::Answered, Some(sha('b'))));
    }

    #[test]
    fn a_commit_that_answers_something_else_is_not_the_threads() {
        let mut pr = handed_over();
        pr.turn_ended(REVIEW);
        pr.shows(red('a').thread("T1", &[("C1", person("ada"))]));
        pr.pass(mins(1));
        pr.submitted(IncidentKind::ChecksFailed);

        pr.shows(asking('b'));

        assert_eq!(thread(&pr), (Standing::Answered, None));
    }

    #[test]
    fn githubs_own_merge_of_the_base_answers_nothing() {
        let mut pr = handed_over();
        let mut updated = asking('b');
        updated.head.merged = Some((sha('a'), sha('0')));

        pr.shows(updated);

        assert_eq!(thread(&pr), (Standing::HandedOver, None));
    }

    // G099
    #[test]
    fn who_resolved_a_thread_stays_with_the_commit_that_answered_it() {
        let mut pr = handed_over();
        pr.shows(asking('b'));
        let mut resolved = asking('c').resolved("T1");
        resolved.threads[0].resolved_by = Some("ada".parse().unwrap());

        pr.shows(resolved);

        let pull = pr.one.pull();
        let entry = pull.ledger.of_thread(&pull.snapshot.as_ref().unwrap().threads[0]).unwrap();
        let expected = Resolved { at: START + secs(20), by: Some("ada".parse().unwrap()), commit: sha('b') };
        assert_eq!(entry.resolved, Some(expected));
        pr.shows(asking('c'));
        assert_eq!(thread(&pr), (Standing::Open, None));
    }

    #[test]
    fn a_thread_to_which_a_person_adds_is_open_again() {
        let mut pr = handed_over();
        pr.shows(asking('b'));

        pr.shows(green('b').thread("T1", &[("C1", person("ada")), ("C2", person("ada"))]));

        assert_eq!(thread(&pr), (Standing::Open, None));
    }

    // G098: what is gone when its turn comes is not said
    #[test]
    fn a_comment_that_is_deleted_while_it_waits_is_withdrawn() {
        let mut pr = Pr::shipped();
        pr.shows(asking('a'));
        pr.pass(secs(20));

        pr.shows(green('a'));

        assert!(!pr.has(REVIEW));
        assert_eq!(pr.withdrawn(REVIEW), [""; 0]);
        assert_eq!(pr.pass(mins(60)), [""; 0]);
    }

    // G098: and what is left of it is said
    #[test]
    fn of_two_threads_that_wait_the_one_that_is_left_is_handed_over() {
        let mut pr = Pr::shipped();
        pr.shows(asking('a').thread("T2", &[("C2", person("ada"))]));
        pr.pass(secs(20));

        pr.shows(asking('a'));

        assert_eq!(crate::machine::pull::covers(pr.one.pull(), REVIEW), ["thread:T1@C1"]);
        pr.submitted(REVIEW);
    }

    #[test]
    fn a_review_is_answered_as_a_thread_is() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().review(person("ada"), ChangesRequested));
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        pr.turn_ended(REVIEW);

        let pull = pr.one.pull();
        let review = &pull.snapshot.as_ref().unwrap().reviews[0];
        assert_eq!(pull.ledger.standing_of_review(review), Standing::Answered);
    }
}
