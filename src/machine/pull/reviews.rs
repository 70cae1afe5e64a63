//! What people ask for: which reviews and threads are handed over, which are withheld.

use std::collections::BTreeSet;

use crate::model::{Author, IncidentKind, Review, ReviewState, Sha, Snapshot, Thread, ThreadComment, Tier};

/// Whether this person's words may reach the agent: not our own, not a bot's, and from somebody who may write.
pub(crate) fn is_heard(author: &Author) -> bool {
    !author.own && !author.bot && author.tier >= Tier::Collaborator
}

/// On which incident the words of this author are answered, if at all.
pub(crate) fn asks_as(author: &Author) -> Option<IncidentKind> {
    if is_heard(author) {
        return Some(IncidentKind::ChangesRequested);
    }
    (author.bot && author.reviewer && !author.own).then_some(IncidentKind::BotReview)
}

/// Reviews that ask for changes and were neither replaced nor dismissed, by people who are heard or by named bots.
pub(crate) fn standing(snapshot: &Snapshot, kind: IncidentKind) -> impl Iterator<Item = &Review> {
    let asks =
        move |review: &&Review| review.state == ReviewState::ChangesRequested && asks_as(&review.author) == Some(kind);
    snapshot.reviews.iter().filter(asks)
}

/// Open threads that are answered on this incident: those in which somebody who is heard spoke last or first are people's,
/// and of the others those in which a named bot did are the bots'.
pub(crate) fn open_threads(snapshot: &Snapshot, kind: IncidentKind) -> impl Iterator<Item = &Thread> {
    let asks = move |thread: &&Thread| !thread.resolved && asked_in(thread).is_some_and(|(by, _)| by == kind);
    snapshot.threads.iter().filter(asks)
}

/// Who asks in a thread, and the newest comment of theirs. A person who joins a bot's thread makes it their own.
pub(crate) fn asked_in(thread: &Thread) -> Option<(IncidentKind, &ThreadComment)> {
    let newest = |kind| thread.comments.iter().rev().find(|comment| asks_as(&comment.author) == Some(kind));
    [IncidentKind::ChangesRequested, IncidentKind::BotReview]
        .into_iter()
        .find_map(|kind| newest(kind).map(|comment| (kind, comment)))
}

/// What people or named bots ask for, as the keys of the ledger: a thread is a new item when one of them adds to it.
pub(crate) fn outstanding(snapshot: &Snapshot, kind: IncidentKind) -> BTreeSet<String> {
    let threads = open_threads(snapshot, kind).filter_map(thread_item);
    standing(snapshot, kind).map(review_item).chain(threads).collect()
}

/// The ledger's key of a review.
pub(crate) fn review_item(review: &Review) -> String {
    format!("review:{}", review.id)
}

/// The ledger's key of a thread: with the newest comment of whoever asks in it.
pub(crate) fn thread_item(thread: &Thread) -> Option<String> {
    asked_in(thread).map(|(_, comment)| format!("thread:{}@{}", thread.id, comment.id))
}

/// What an item of the ledger is about: the thread, whoever spoke last in it, or the review.
pub(crate) fn subject(item: &str) -> &str {
    item.split_once('@').map_or(item, |(thread, _)| thread)
}

/// How many reviews and comments are withheld, because their authors may not write to the repository.
pub(crate) fn withheld(snapshot: &Snapshot) -> u32 {
    let is_withheld = |author: &Author| !author.own && !author.bot && author.tier < Tier::Collaborator;
    let reviews = snapshot
        .reviews
        .iter()
        .filter(|review| review.state == ReviewState::ChangesRequested && is_withheld(&review.author))
        .count();
    let comments = snapshot
        .threads
        .iter()
        .filter(|thread| !thread.resolved)
        .flat_map(|thread| &thread.comments)
        .filter(|comment| is_withheld(&comment.author))
        .count();
    u32::try_from(reviews + comments).unwrap_or(u32::MAX)
}

/// Whether somebody who is heard approved this very head, or one of those that it `stands_for`, and nobody who is heard
/// still asks for changes.
pub(crate) fn is_approved(snapshot: &Snapshot, stands_for: &BTreeSet<Sha>) -> bool {
    let counts = |commit: &Sha| *commit == snapshot.head.sha || stands_for.contains(commit);
    let approved = snapshot.reviews.iter().any(|review| {
        review.state == ReviewState::Approved && is_heard(&review.author) && review.commit.as_ref().is_some_and(counts)
    });
    approved && standing(snapshot, IncidentKind::ChangesRequested).next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::testing::{Sketch as _, bot, own, person, review_bot, snapshot, stranger},
        model::ReviewState::{Approved, ChangesRequested, Commented, Dismissed},
    };

    fn asked(snapshot: &Snapshot) -> Vec<String> {
        outstanding(snapshot, IncidentKind::ChangesRequested).into_iter().collect()
    }

    // S21, G093: a review and its comments are one set
    #[test]
    fn standing_reviews_and_open_threads_are_asked_together() {
        let pull = snapshot()
            .review(person("ada"), ChangesRequested)
            .thread("T1", &[("C1", person("ada"))])
            .thread("T2", &[("C2", person("ada"))]);

        assert_eq!(asked(&pull), ["review:R_ada_ChangesRequested", "thread:T1@C1", "thread:T2@C2"]);
    }

    // G102, S29
    #[test]
    fn our_own_words_and_those_of_bots_ask_for_nothing() {
        let pull = snapshot()
            .review(own(), ChangesRequested)
            .review(bot("coderabbit"), ChangesRequested)
            .thread("T1", &[("C1", bot("coderabbit"))])
            .thread("T2", &[("C2", own())]);

        assert_eq!(asked(&pull), [""; 0]);
        assert_eq!(withheld(&pull), 0);
    }

    // G102, S26
    #[test]
    fn a_bot_that_the_settings_name_asks_on_its_own_incident_until_a_person_joins() {
        let pull = snapshot()
            .review(review_bot("coderabbit"), ChangesRequested)
            .thread("T1", &[("C1", review_bot("coderabbit"))])
            .thread("T2", &[("C2", review_bot("coderabbit")), ("C3", person("ada"))])
            .thread("T3", &[("C4", bot("renovate"))]);

        let bots: Vec<_> = outstanding(&pull, IncidentKind::BotReview).into_iter().collect();
        assert_eq!(bots, ["review:R_coderabbit_ChangesRequested", "thread:T1@C1"]);
        assert_eq!(asked(&pull), ["thread:T2@C3"]);
        assert_eq!(withheld(&pull), 0);
    }

    // G104
    #[test]
    fn the_words_of_strangers_are_withheld_and_counted() {
        let pull = snapshot()
            .review(stranger("eve"), ChangesRequested)
            .thread("T1", &[("C1", stranger("eve")), ("C2", person("ada")), ("C3", stranger("eve"))]);

        assert_eq!(asked(&pull), ["thread:T1@C2"]);
        assert_eq!(withheld(&pull), 3);
    }

    // S30, G094
    #[test]
    fn a_thread_is_a_new_item_when_a_person_adds_to_it_and_not_when_we_do() {
        let asked_first = asked(&snapshot().thread("T1", &[("C1", person("ada"))]));
        let we_answered = asked(&snapshot().thread("T1", &[("C1", person("ada")), ("C2", own())]));
        let ada_replied =
            asked(&snapshot().thread("T1", &[("C1", person("ada")), ("C2", own()), ("C3", person("ada"))]));

        assert_eq!(asked_first, ["thread:T1@C1"]);
        assert_eq!(we_answered, asked_first);
        assert_eq!(ada_replied, ["thread:T1@C3"]);
        assert_eq!(subject(&asked_first[0]), subject(&ada_replied[0]));
    }

    // G099
    #[test]
    fn a_resolved_thread_asks_for_nothing() {
        let pull = snapshot().thread("T1", &[("C1", person("ada"))]).resolved("T1");

        assert_eq!(asked(&pull), [""; 0]);
    }

    // G086: GitHub keeps the earlier verdict when the same person only comments, and so does the snapshot
    #[test]
    fn only_a_verdict_takes_a_verdict_back() {
        let blocked = snapshot().review(person("ada"), ChangesRequested);
        assert!(!is_approved(&blocked.clone().review(person("bob"), Approved), &BTreeSet::new()));
        assert_eq!(asked(&blocked.clone().review(person("ada"), Dismissed)), [""; 0]);
        assert!(is_approved(&blocked.review(person("ada"), Approved), &BTreeSet::new()));
    }

    // G085
    #[test]
    fn an_approval_of_an_older_head_approves_nothing() {
        assert!(is_approved(&snapshot().head('b').approval_of(person("ada"), 'b'), &BTreeSet::new()));
        assert!(!is_approved(&snapshot().head('b').approval_of(person("ada"), 'a'), &BTreeSet::new()));
    }

    #[test]
    fn only_people_who_may_write_approve() {
        assert!(!is_approved(&snapshot().review(stranger("eve"), Approved), &BTreeSet::new()));
        assert!(!is_approved(&snapshot().review(own(), Approved), &BTreeSet::new()));
        assert!(!is_approved(&snapshot().review(bot("coderabbit"), Approved), &BTreeSet::new()));
        assert!(!is_approved(&snapshot().review(person("ada"), Commented), &BTreeSet::new()));
    }
}
