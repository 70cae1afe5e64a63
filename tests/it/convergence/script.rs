//! What people, CI and agents do in a play: drawn from the seed before it begins, so that every run of it is the same.

use antiphon::simulator::Chance;

/// How many issues there are, and so how many pull requests.
pub(super) const TASKS: usize = 2;

/// One act of somebody who is not us. `of` is the task whose pull request it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    OpenIssue { index: usize },
    Finish { of: usize, passed: bool },
    Rerun { of: usize },
    Status { of: usize, passed: Option<bool> },
    Ask { of: usize, marker: u64, verdict: bool },
    Reply { of: usize, marker: u64 },
    Resolve { of: usize, resolved: bool },
    Dismiss { of: usize },
    Approve { of: usize },
    Conflict { of: usize },
    Push { of: usize },
    Draft { of: usize, draft: bool },
    Open { of: usize, open: bool },
    Label { of: usize, on: bool },
    Comment { of: usize },
    MoveBase,
    Merge { of: usize },
}

/// What is asked of one pull request at the end, all of it to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each cause holds or not, whatever the others do")]
pub(super) struct Finale {
    /// A check fails.
    pub(super) red: bool,
    /// The agent repairs it; otherwise it ends its turns without a commit.
    pub(super) repairs: bool,
    /// So many requests of a reviewer.
    pub(super) asks: u64,
    /// The base moves so that it conflicts.
    pub(super) conflict: bool,
    /// It is green, and approved.
    pub(super) approved: bool,
}

/// One play.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Pauses in milliseconds, each with the act after it.
    pub(super) early: Vec<(u64, Act)>,
    /// How many of them come before any trouble.
    pub(super) calm: usize,
    /// What every task's pull request is asked at the end.
    pub(super) finales: Vec<Finale>,
    /// The acts that bring this about, with pauses.
    pub(super) late: Vec<(u64, Act)>,
}

impl Script {
    pub(super) fn draw(chance: &mut Chance) -> Self {
        // At one moment, so that tasks and issues have the same numbers.
        let mut early: Vec<(u64, Act)> = (0..TASKS).map(|index| (0, Act::OpenIssue { index })).collect();
        // Mostly the agents have pushed and pull requests are open before the rest begins.
        let calm = if chance.percent(75) { 3 } else { 0 };
        early.push((if calm > 0 { 90_000 } else { 5_000 }, Act::MoveBase));
        let lasting = chance.percent(70);
        for marker in 0..4 + chance.below(10) as u64 {
            let act = any(chance, marker, lasting);
            early.push((pause(chance), act));
        }
        let finales: Vec<Finale> = (0..TASKS).map(|_| finale(chance)).collect();
        let mut late = Vec::new();
        for (of, finale) in finales.iter().enumerate() {
            late.extend(acts(of, *finale).into_iter().map(|act| (pause(chance) / 4, act)));
        }
        chance.shuffle(&mut late);
        // A pull request that conflicts starts no CI, and approval needs the green head: both are last.
        late.sort_by_key(|(_, act)| matches!(act, Act::Conflict { .. } | Act::Approve { .. }));
        late.splice(0..0, (0..TASKS).map(|of| (1_000, Act::Push { of })));
        Self { early, calm, finales, late }
    }
}

fn pause(chance: &mut Chance) -> u64 {
    let most = match chance.below(10) {
        0..3 => 1,
        3..8 => 40_000,
        8 => 150_000,
        _ => 700_000,
    };
    chance.below(most) as u64
}

fn any(chance: &mut Chance, marker: u64, lasting: bool) -> Act {
    let of = chance.below(TASKS);
    let passed = chance.percent(40);
    match chance.below(if lasting { 16 } else { 20 }) {
        0..3 => Act::Finish { of, passed },
        3 => Act::Rerun { of },
        4 => Act::Status { of, passed: Some(passed).filter(|_| chance.percent(80)) },
        5..7 => Act::Ask { of, marker, verdict: chance.percent(60) },
        7 => Act::Reply { of, marker },
        8 => Act::Resolve { of, resolved: chance.percent(60) },
        9 => Act::Dismiss { of },
        10 => Act::Conflict { of },
        11 => Act::Push { of },
        12 => Act::Draft { of, draft: chance.percent(50) },
        13 => Act::Label { of, on: passed },
        14 => Act::Comment { of },
        15 => Act::MoveBase,
        16 => Act::Approve { of },
        17 => Act::Merge { of },
        _ => Act::Open { of, open: chance.percent(60) },
    }
}

fn finale(chance: &mut Chance) -> Finale {
    if chance.percent(25) {
        return Finale { approved: true, ..Finale::default() };
    }
    Finale {
        red: chance.percent(60),
        repairs: chance.percent(50),
        asks: chance.below(3) as u64,
        conflict: chance.percent(35),
        approved: false,
    }
}

fn acts(of: usize, finale: Finale) -> Vec<Act> {
    let mut acts = vec![Act::Finish { of, passed: !finale.red }];
    let asks = (0..finale.asks).map(|n| Act::Ask { of, marker: 1_000 + 10 * of as u64 + n, verdict: n == 0 });
    acts.extend(asks);
    if finale.conflict {
        acts.push(Act::Conflict { of });
    }
    if finale.approved {
        acts.push(Act::Approve { of });
    }
    acts
}
