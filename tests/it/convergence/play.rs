//! One run of one seed: the acts of the script, the answers of agents and CI, and the passing of time.

use std::collections::{BTreeMap, BTreeSet};

use antiphon::{
    background::Tasks,
    event::{self, Hook},
    model::{Evidence, MachineKey, Receipt},
    simulator::{
        Chance, Conclusion, Glance, LineComment, NewIssue, NewReview, Options, Post, PostTroubles, Push,
        ServiceTroubles, Simulator, Verdict, Webhook,
    },
};

use super::{
    Hand,
    house::{House, Kills, LABEL, REPO, TOKEN, session},
    judge::{self, Answers},
    script::{Act, Finale, Script, TASKS},
    terminal::{Terminal, Typed},
};
use crate::recorder::Recorder;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// Our own account in the play.
pub(super) const OWN: &str = "antiphon-app";
/// Who asks, approves and pushes.
const PERSON: &str = "maya";

/// What came of a run.
pub(super) struct Played {
    /// How every task that could be compared was answered at the end, by its name.
    pub(super) answers: BTreeMap<String, Answers>,
    pub(super) kills: u64,
    pub(super) lost: u64,
    pub(super) befallen: u64,
    pub(super) prompts: u64,
    /// What happened, for whoever has to understand a failure.
    pub(super) story: String,
}

/// What is true of the world and needs no client to be known: facts that were so at some time.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Commits on which something failed.
    pub(super) red: BTreeSet<String>,
    /// Commits on which the run passed.
    pub(super) green: BTreeSet<String>,
    /// What was asked, by its mark: of which task, and how often it became new again.
    pub(super) asked: BTreeMap<String, (usize, u64)>,
    /// What the base branch has put where a task works, so that its pull request conflicted.
    pub(super) on_base: BTreeMap<usize, String>,
    /// Commits that a person approved.
    pub(super) approved: BTreeSet<String>,
    /// Tasks whose pull request was closed by a person at some time.
    pub(super) closed: BTreeSet<usize>,
}

/// Something that is due.
#[derive(Debug, Clone)]
enum Due {
    Act(Act),
    Taken(Typed),
    Commit(usize),
    TurnEnd(Typed),
    Finish(usize),
}

/// A run.
pub(super) struct Play {
    pub(super) github: Simulator,
    pub(super) terminal: Terminal,
    pub(super) house: House,
    pub(super) ledger: Ledger,
    pub(super) hand: Hand,
    pub(super) client: reqwest::Client,
    kills: Kills,
    post: Post,
    lost: u64,
    agenda: BTreeMap<(u64, u64), Due>,
    number: u64,
    manners: Chance,
    finales: Option<Vec<Finale>>,
    story: Vec<String>,
    recorder: Option<Recorder>,
}

/// Plays a seed; the error says what is wrong.
pub(super) async fn play(seed: u64, disturbed: bool) -> Result<Played, String> {
    let mut chance = Chance::new(seed);
    let script = Script::draw(&mut chance);
    let dir = scratch();
    let tasks = Tasks::new();
    let mut play = Play::begin(dir.path(), &tasks, &mut chance).await;
    let played = play.acts(&script, disturbed.then(|| chance.fork())).await;
    let story = play.told().await;
    if let Some(recorder) = &play.recorder {
        recorder.end(&play.github);
    }
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
    let befallen = played.map_err(|why| format!("{why}\n{story}"))?;
    let (answers, befallen) = befallen;
    let prompts = play.terminal.typed().len() as u64;
    Ok(Played { answers, kills: play.kills.happened, lost: play.lost, befallen, prompts, story })
}

/// Memory is quicker than a disk, and nobody is to survive the loss of power here.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Play {
    async fn begin(dir: &std::path::Path, tasks: &Tasks, chance: &mut Chance) -> Self {
        let hand = Hand::new();
        let options = Options {
            dir: dir.join("github"),
            clock: hand.clock(),
            token: TOKEN.to_owned(),
            webhook: Some(Webhook { url: "http://127.0.0.1:1".to_owned(), secret: "unused".to_owned() }),
            own_login: OWN.to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start_on_paper(options, tasks).await.unwrap();
        github.deliveries().hold();
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        github.create_repository(REPO, &[file("test.sh", "true\n"), file("base.txt", "0\n")]).await.unwrap();
        github.set_permission(REPO, PERSON, "write").unwrap();
        let terminal = Terminal::new(hand.clone());
        let recorder = Recorder::begin(&github, tasks).await;
        let api_url = recorder.as_ref().map_or_else(|| github.api_url(), |recorder| recorder.url.clone());
        let house = House::build(&dir.join("state"), &api_url, (&hand, &terminal), chance.fork()).await;
        Self {
            github,
            terminal,
            house,
            ledger: Ledger::default(),
            hand,
            client: reqwest::Client::new(),
            kills: Kills::none(),
            post: Post::new(chance.fork(), PostTroubles::default()),
            lost: 0,
            agenda: BTreeMap::new(),
            number: 0,
            manners: chance.fork(),
            finales: None,
            story: Vec::new(),
            recorder,
        }
    }

    /// Chaos, a pause in which all is well, what is asked at the end, and peace.
    async fn acts(
        &mut self,
        script: &Script,
        disturbed: Option<Chance>,
    ) -> Result<(BTreeMap<String, Answers>, u64), String> {
        let mut chance = disturbed;
        let (begin, early) = script.early.split_at(script.calm);
        self.perform(begin).await;
        self.trouble(&mut chance);
        self.perform(early).await;
        let mut befallen = self.recover();
        self.heal().await;
        self.reconcile_and_pass(30 * MINUTE).await;
        judge::facts(self).await?;
        judge::justified(self)?;

        let begun = judge::begin(self).await;
        self.finales = Some(script.finales.clone());
        self.trouble(&mut chance);
        self.perform(&script.late).await;
        self.pass(10 * MINUTE).await;
        befallen += self.recover();
        // A limit that GitHub named lasts a while longer, and a reconcile that is refused is none.
        self.pass(20 * MINUTE).await;
        self.reconcile_and_pass(8 * HOUR).await;
        judge::facts(self).await?;
        judge::justified(self)?;
        judge::at_rest(self).await?;
        let written = self.github.write_log().len();
        self.reconcile_and_pass(10 * MINUTE).await;
        judge::nothing_written_since(self, written)?;
        Ok((judge::answers(self, &begun), befallen))
    }

    fn trouble(&mut self, chance: &mut Option<Chance>) {
        let Some(chance) = chance else { return };
        self.note("troubles begin");
        self.github.trouble(chance.fork(), ServiceTroubles::ALL);
        self.post = Post::new(chance.fork(), PostTroubles::ALL);
        self.terminal.moods(Some(chance.fork()));
        self.kills.draw(Some(chance.fork()));
    }

    fn recover(&mut self) -> u64 {
        self.note("troubles end");
        self.terminal.moods(None);
        self.kills.draw(None);
        self.post.recover();
        // What is still on its way is lost.
        for delivery in self.github.deliveries().held() {
            self.lose(delivery.id);
        }
        self.github.recover()
    }

    async fn reconcile_and_pass(&mut self, millis: u64) {
        self.github.quiet().await;
        self.house.reconcile().await;
        self.pass(millis).await;
    }

    async fn perform(&mut self, acts: &[(u64, Act)]) {
        for (pause, act) in acts {
            self.pass(*pause).await;
            self.agenda(0, Due::Act(act.clone()));
            self.pass(0).await;
        }
    }

    /// Lets time pass, from one thing that is due to the next.
    async fn pass(&mut self, millis: u64) {
        let until = self.hand.millis() + millis;
        loop {
            self.rest().await;
            let deadline = self.house.next_deadline().await.map(|at| u64::try_from(at.as_millisecond()).unwrap() + 1);
            let due = self.agenda.keys().next().map(|(at, _)| *at);
            let Some(next) = deadline.into_iter().chain(due).min().filter(|at| *at <= until) else { break };
            self.hand.set(next);
            while let Some(entry) = self.agenda.first_entry().filter(|it| it.key().0 <= self.hand.millis()) {
                let due = entry.remove();
                self.happen(due).await;
            }
        }
        self.hand.set(until);
        self.rest().await;
    }

    /// Nothing more happens at this moment: GitHub has computed, the post came, the house has worked, agents have read.
    async fn rest(&mut self) {
        let mut late = BTreeSet::new();
        loop {
            self.github.quiet().await;
            let mut held = self.github.deliveries().held();
            // What is late comes at another moment.
            held.retain(|delivery| late.insert(delivery.id));
            let round = self.post.round(&held);
            for carried in &round.carried {
                self.house.take(carried).await;
                self.github.deliveries().handed_over(carried.delivery);
            }
            for lost in &round.lost {
                self.lose(*lost);
            }
            self.house.settle(&mut self.kills).await;
            let typed = self.terminal.news();
            for typed in &typed {
                self.read(typed);
            }
            if held.is_empty() && typed.is_empty() {
                return;
            }
        }
    }

    fn lose(&mut self, delivery: u64) {
        self.github.deliveries().lose(delivery);
        self.lost += 1;
    }

    fn agenda(&mut self, after: u64, due: Due) {
        self.number += 1;
        self.agenda.insert((self.hand.millis() + after, self.number), due);
    }

    /// An agent reads a prompt: it says so, works for a while, maybe commits, and ends its turn.
    fn read(&mut self, typed: &Typed) {
        let first = typed.text.lines().next().unwrap_or_default();
        self.note(&format!("{} reads {first}", typed.address));
        let work = 5_000 + self.manners.below(20_000) as u64;
        self.agenda(500, Due::Taken(typed.clone()));
        if let Some(of) = index(&typed.address.session.to_string())
            && self.commits(of, &typed.text)
        {
            self.agenda(work, Due::Commit(of));
        }
        self.agenda(work + 1_000, Due::TurnEnd(typed.clone()));
    }

    /// Whether the agent of a task answers these words with a commit.
    fn commits(&mut self, of: usize, words: &str) -> bool {
        if words.contains(judge::ISSUE) {
            return true;
        }
        let Some(finale) = self.finales.as_ref().map(|finales| finales[of]) else { return self.manners.percent(50) };
        finale.repairs && !finale.conflict && words.contains(judge::RED)
            || finale.repairs && !finale.red && words.contains(judge::CONFLICT)
    }

    async fn happen(&mut self, due: Due) {
        if !matches!(due, Due::Act(_)) {
            self.note(&format!("{due:?}").chars().take(90).collect::<String>());
        }
        match due {
            Due::Act(act) => {
                self.note(&format!("{act:?}"));
                self.act(&act).await;
            }
            Due::Taken(typed) => {
                let prompt = typed.prompt.clone();
                let quote = typed.text.chars().take(80).collect();
                let evidence = Evidence { prompt, receipt: Receipt::Hook, quote, at: self.hand.now() };
                self.hook(&typed, "taken", Hook::PromptTaken { evidence: Some(evidence) }).await;
            }
            Due::TurnEnd(typed) => self.hook(&typed, "ended", Hook::TurnEnded).await,
            Due::Commit(of) => self.commit(of, true).await,
            Due::Finish(of) => self.finish(of, true),
        }
    }

    async fn hook(&self, typed: &Typed, what: &str, hook: Hook) {
        let to = MachineKey::Session(typed.address.session.clone());
        let cause = format!("hook/{}/{}/{what}", typed.address, typed.prompt);
        let event = event::Session::Hooked { generation: typed.address.generation, hook }.into();
        self.house.post(cause, to, event).await;
    }

    /// The agent of a task pushes a commit to its branch; at the end of a play CI passes it.
    async fn commit(&mut self, of: usize, by_agent: bool) {
        let Some(branch) = self.house.branch(&name(of)).map(ToOwned::to_owned) else { return };
        // What was merged or given up is nobody's branch any more.
        if self.pull(of).is_some_and(|pull| !pull.open) {
            return;
        }
        // What the base has put where a task works, word for word, ends a conflict.
        let own = self.ledger.on_base.get(&of).cloned().unwrap_or_else(|| format!("work of {of}\n"));
        let own = (work(of), Some(own));
        let files = vec![own, (format!("note-{of}.txt"), Some(format!("{}\n", self.number)))];
        let person = if by_agent { OWN } else { PERSON };
        self.number += 1;
        let push = Push { person: person.to_owned(), branch, files, message: format!("Change {}", self.number) };
        self.github.push_as(REPO, push).await.unwrap();
        if self.finales.is_some() && by_agent {
            self.agenda(20_000, Due::Finish(of));
        }
    }

    fn finish(&mut self, of: usize, passed: bool) {
        let Some(pull) = self.pull(of) else { return };
        let (conclusion, log) = if passed {
            (Conclusion::Success, "ok\n")
        } else {
            (
                Conclusion::Failure,
                "##[error]tests/a.rs:3: left is not right\n##[error]Process completed with exit code 1.\n",
            )
        };
        let finished = self.github.finish_runs(REPO, &pull.head, conclusion, log).unwrap();
        if finished > 0 {
            let book = if passed { &mut self.ledger.green } else { &mut self.ledger.red };
            book.insert(pull.head);
        }
    }

    /// The pull request of a task, as a person sees it.
    pub(super) fn pull(&self, of: usize) -> Option<Glance> {
        let branch = self.house.branch(&name(of))?;
        self.github.pulls(REPO).into_iter().rfind(|pull| pull.branch == branch)
    }

    async fn act(&mut self, act: &Act) {
        let github = self.github.clone();
        if let Act::OpenIssue { index } = act {
            let (title, body) = (format!("Work {index}"), "Do it.".to_owned());
            let issue = NewIssue { author: PERSON.to_owned(), title, body, labels: vec![LABEL.to_owned()] };
            github.create_issue(REPO, &issue).unwrap();
            return;
        }
        if *act == Act::MoveBase {
            self.move_base(vec![("base.txt".to_owned(), Some(format!("{}\n", self.number)))]).await;
            return;
        }
        let of = act.of();
        let Some(pull) = self.pull(of) else { return };
        let number = pull.number;
        // What GitHub refuses has not happened.
        match act {
            Act::OpenIssue { .. } | Act::MoveBase => {}
            Act::Finish { passed, .. } => self.finish(of, *passed),
            Act::Rerun { .. } => drop(github.rerun_failed(REPO, &pull.head, PERSON)),
            Act::Status { passed, .. } => {
                github.report_status(REPO, &pull.head, (PERSON, "lint"), *passed).unwrap();
                if *passed == Some(false) {
                    self.ledger.red.insert(pull.head);
                }
            }
            Act::Ask { marker, verdict, .. } => self.ask(of, number, (*marker, *verdict)),
            Act::Reply { marker, .. } => self.reply(of, number, *marker),
            Act::Resolve { resolved, .. } => self.resolve(of, number, *resolved),
            Act::Dismiss { .. } => {
                for opinion in &pull.opinions {
                    github.dismiss(REPO, number, *opinion).unwrap();
                }
            }
            Act::Approve { .. } => {
                if github.approve(REPO, number, PERSON).is_ok() {
                    self.ledger.approved.insert(pull.head);
                }
            }
            Act::Conflict { .. } => {
                let text = format!("the base has this: {}\n", self.number);
                self.ledger.on_base.insert(of, text.clone());
                self.move_base(vec![(work(of), Some(text))]).await;
            }
            Act::Push { .. } => self.commit(of, false).await,
            Act::Draft { draft, .. } => drop(github.set_draft(REPO, number, PERSON, *draft)),
            Act::Open { open: true, .. } => drop(github.reopen(REPO, number, PERSON)),
            Act::Open { open: false, .. } => {
                self.ledger.closed.insert(of);
                drop(github.close(REPO, number, PERSON));
            }
            Act::Label { on: true, .. } => drop(github.label(REPO, number, PERSON, "later")),
            Act::Label { on: false, .. } => drop(github.unlabel(REPO, number, PERSON, "later")),
            Act::Comment { .. } => drop(github.comment(REPO, number, PERSON, "Interesting.")),
            Act::Merge { .. } => drop(github.merge_as(REPO, number, PERSON).await),
        }
    }

    fn ask(&mut self, of: usize, number: u64, (marker, verdict): (u64, bool)) {
        let mark = |kind: &str| format!("ask-{kind}{marker}");
        let comment = LineComment { path: work(of), line: 1, body: format!("Please do {}.", mark("t")) };
        let verdict = if verdict { Verdict::RequestChanges } else { Verdict::Comment };
        let body = format!("See {}.", mark("r"));
        let review = NewReview { author: PERSON.to_owned(), verdict, body, comments: vec![comment] };
        self.github.review(REPO, number, &review).unwrap();
        self.ledger.asked.insert(mark("t"), (of, 0));
        // A comment without a verdict asks nothing beside its threads.
        if verdict == Verdict::RequestChanges {
            self.ledger.asked.insert(mark("r"), (of, 0));
        }
    }

    fn reply(&mut self, of: usize, number: u64, marker: u64) {
        let Some((_, first)) = self.github.threads(REPO, number).first().copied() else { return };
        let mark = format!("ask-p{marker}");
        let said = format!("And do {mark}.");
        self.github.reply_in_thread(REPO, number, first, (PERSON, &said)).unwrap();
        self.ledger.asked.insert(mark, (of, 0));
        self.asked_anew(of);
    }

    fn resolve(&mut self, of: usize, number: u64, resolved: bool) {
        for (thread, _) in self.github.threads(REPO, number) {
            let done = if resolved {
                self.github.resolve_thread(REPO, number, thread, PERSON)
            } else {
                self.github.unresolve_thread(REPO, number, thread, PERSON)
            };
            done.unwrap();
        }
        if !resolved {
            self.asked_anew(of);
        }
    }

    /// A thread that is opened again or added to is handed over again with everything in it.
    fn asked_anew(&mut self, of: usize) {
        for (_, times) in self.ledger.asked.values_mut().filter(|(whose, _)| *whose == of) {
            *times += 1;
        }
    }

    async fn move_base(&mut self, files: Vec<(String, Option<String>)>) {
        let (person, branch) = (PERSON.to_owned(), "main".to_owned());
        self.number += 1;
        let push = Push { person, branch, files, message: format!("Base {}", self.number) };
        self.github.push_as(REPO, push).await.unwrap();
    }

    /// People put everything right: no conflict, no request, a green head that is no draft.
    async fn heal(&mut self) {
        self.note("people heal");
        // An agent that is still at work commits once more.
        for _ in 0..2 {
            for of in 0..TASKS {
                let Some(pull) = self.pull(of).filter(|pull| pull.open) else { continue };
                for opinion in &pull.opinions {
                    self.github.dismiss(REPO, pull.number, *opinion).unwrap();
                }
                self.resolve(of, pull.number, true);
                self.github.set_draft(REPO, pull.number, PERSON, false).unwrap();
                drop(self.github.unlabel(REPO, pull.number, PERSON, judge::NEEDS_HUMAN));
                self.commit(of, false).await;
                self.github.quiet().await;
                self.finish(of, true);
            }
            self.reconcile_and_pass(10 * MINUTE).await;
        }
    }

    pub(super) fn note(&mut self, what: &str) {
        self.story.push(format!("{} {what}", self.hand.now()));
    }

    async fn told(&self) -> String {
        let mut told = self.story.clone();
        for of in 0..TASKS {
            for key in [self.pull(of).map(|pull| judge::machine(pull.number)), Some(session(&name(of)))] {
                let Some(key) = key else { continue };
                let state = self.house.states(key.kind()).await.into_iter().find(|(it, _)| *it == key);
                let state = state.map(|(_, state)| state.to_string()).unwrap_or_default();
                told.push(format!("--- {key} {state}"));
                told.extend(self.house.history(key.clone()).await);
            }
        }
        told.join("\n")
    }
}

impl Act {
    const fn of(&self) -> usize {
        match self {
            Self::OpenIssue { .. } | Self::MoveBase => 0,
            Self::Finish { of, .. }
            | Self::Rerun { of }
            | Self::Status { of, .. }
            | Self::Ask { of, .. }
            | Self::Reply { of, .. }
            | Self::Resolve { of, .. }
            | Self::Dismiss { of }
            | Self::Approve { of }
            | Self::Conflict { of }
            | Self::Push { of }
            | Self::Draft { of, .. }
            | Self::Open { of, .. }
            | Self::Label { of, .. }
            | Self::Comment { of }
            | Self::Merge { of } => *of,
        }
    }
}

/// The name of a task: issues are numbered as they are opened.
pub(super) fn name(of: usize) -> String {
    format!("pages-{}", of + 1)
}

fn index(task: &str) -> Option<usize> {
    (0..TASKS).find(|of| name(*of) == task)
}

/// The file that a task is about.
fn work(of: usize) -> String {
    format!("work-{of}.txt")
}
