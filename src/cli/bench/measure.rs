//! The whole of a measurement: agents are seated, every message is sent under its fault, and what is there is collected.

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use anyhow::Context as _;
use futures_util::future::{join_all, try_join_all};

use super::{
    account::{Findings, Said},
    arguments::{Delivery, Home},
    fault::{Fault, Reach},
    house::{Door, House},
    outage,
    play::{Message, Sent, play},
    seat::Seat,
    tmux::Tmux,
    words,
};
use crate::{
    cli::{output, sandbox},
    journal::{self, Journal as _, SqliteJournal},
    simulator::Chance,
};

/// Late receipts may still come.
const LATE: Duration = Duration::from_secs(2);
/// After how many messages a word is said.
const WORD_EVERY: usize = 50;

/// What is to be sent in one runtime.
struct Program {
    home: Home,
    /// What befalls one agent, in the order of chance.
    single: Vec<Fault>,
    /// What befalls all of them, with how many messages.
    common: Vec<(Fault, usize)>,
}

/// Counts messages, and says how it goes on.
struct Progress {
    all: usize,
    next: usize,
    done: usize,
}

/// Measures.
pub(super) async fn all(house: &House, delivery: &Delivery) -> anyhow::Result<Findings> {
    house.start_daemon(&[], &[]).await?;
    let mut seats = Vec::new();
    for home in delivery.runtime.each() {
        seats.push(house.seat(*home, delivery.sessions).await?);
    }
    output::remark(&format!("{} agents wait for messages", seats.iter().map(Vec::len).sum::<usize>()));
    let mut chance = Chance::new(delivery.seed);
    let programs = programs(delivery, &mut chance);
    let progress = RefCell::new(Progress { all: delivery.prompts, next: 1, done: 0 });
    let mut sent = Vec::new();
    let mut chances: Vec<Chance> = programs.iter().map(|_| chance.fork()).collect();
    let single = programs.iter().zip(&mut seats).zip(&mut chances);
    let single = single.map(|((program, seats), chance)| one_by_one(house, seats, program, (&progress, chance)));
    for each in try_join_all(single.map(Box::pin)).await? {
        sent.extend(each);
    }
    for (program, seats) in programs.iter().zip(&mut seats) {
        for (fault, many) in &program.common {
            let messages = (0..*many).map(|_| progress.borrow_mut().message(house, *fault, &mut chance));
            let messages = messages.collect::<anyhow::Result<VecDeque<Message>>>()?;
            let all = outage::all(house, seats, messages, (*fault, &mut chance));
            sent.extend(
                Box::pin(all).await.with_context(|| format!("{} in {}", fault.words().0, program.home.name()))?,
            );
            progress.borrow_mut().done(*many);
        }
    }
    collect(house, sent, seats.into_iter().flatten().collect()).await
}

/// Spreads the messages evenly over all faults and runtimes.
fn programs(delivery: &Delivery, chance: &mut Chance) -> Vec<Program> {
    let homes = delivery.runtime.each();
    let cells: Vec<(Fault, Home)> = delivery
        .wanted()
        .into_iter()
        .flat_map(|fault| homes.iter().map(move |home| (fault, *home)))
        .filter(|(fault, home)| fault.is_possible(*home))
        .collect();
    let share = |index: usize| {
        let (each, rest) = (delivery.prompts / cells.len().max(1), delivery.prompts % cells.len().max(1));
        each + usize::from(index < rest)
    };
    let program = |home: &Home| {
        let mut program = Program { home: *home, single: Vec::new(), common: Vec::new() };
        for (index, (fault, _)) in cells.iter().enumerate().filter(|(_, (_, it))| it == home) {
            match fault.reach(*home) {
                Reach::One => program.single.extend(std::iter::repeat_n(*fault, share(index))),
                Reach::All => program.common.push((*fault, share(index))),
            }
        }
        chance.shuffle(&mut program.single);
        program
    };
    homes.iter().map(program).collect()
}

/// Each agent takes the next message as soon as it is through with the one before.
async fn one_by_one(
    house: &House,
    seats: &mut [Seat],
    program: &Program,
    (progress, chance): (&RefCell<Progress>, &mut Chance),
) -> anyhow::Result<Vec<Sent>> {
    let faults = RefCell::new(program.single.iter().copied());
    let faults = &faults;
    let sit = |seat, mut chance: Chance| async move {
        let mut sent = Vec::new();
        let seat: &mut Seat = seat;
        loop {
            let Some(fault) = faults.borrow_mut().next() else { return anyhow::Ok(sent) };
            let message = progress.borrow_mut().message(house, fault, &mut chance)?;
            let played = play(house, seat, message, &mut chance).await;
            sent.push(played.with_context(|| format!("{} in {}", fault.words().0, program.home.name()))?);
            progress.borrow_mut().done(1);
        }
    };
    let all = try_join_all(seats.iter_mut().map(|seat| Box::pin(sit(seat, chance.fork())))).await?;
    Ok(all.into_iter().flatten().collect())
}

impl Progress {
    fn message(&mut self, house: &House, fault: Fault, chance: &mut Chance) -> anyhow::Result<Message> {
        let number = self.next;
        self.next += 1;
        Message::new(house, number, fault, chance)
    }

    fn done(&mut self, many: usize) {
        let words = self.done / WORD_EVERY;
        self.done += many;
        if self.done / WORD_EVERY != words || self.done == self.all {
            output::remark(&format!("{} of {} messages came to their end", self.done, self.all));
        }
    }
}

/// What the daemon, the agents and the machine have to say.
async fn collect(house: &House, sent: Vec<Sent>, seats: Vec<Seat>) -> anyhow::Result<Findings> {
    tokio::time::sleep(LATE).await;
    let mut daemon = house.daemon.lock().await;
    if let Some(daemon) = daemon.as_mut() {
        daemon.end().await?;
    }
    let journal = SqliteJournal::open_read_only(&house.sandbox.state_dir())?;
    let board = house.board.borrow().clone();
    let said = join_all(sent.iter().map(|sent| said(&journal, &board, sent))).await;
    let said = said.into_iter().collect::<Result<Vec<_>, journal::Error>>()?;
    let mut findings = Findings { messages: sent.into_iter().zip(said).collect(), ..Findings::default() };
    for mut seat in seats {
        let diary = seat.diary()?.to_vec();
        findings.diaries.insert(seat.session().to_string(), diary);
    }
    for entry in std::fs::read_dir(house.canaries())? {
        findings.run.insert(words::mark_of(&entry?.file_name().to_string_lossy()));
    }
    for entry in std::fs::read_dir(house.strangers())? {
        findings.strangers.push(String::from_utf8_lossy(&std::fs::read(entry?.path())?).into_owned());
    }
    Ok(findings)
}

async fn said(journal: &SqliteJournal, board: &super::board::Board, sent: &Sent) -> Result<Said, journal::Error> {
    let prompt = board.messages.get(&sent.words).and_then(|prompt| board.prompts.get(prompt));
    let Some(prompt) = prompt.filter(|_| sent.door == Door::Open) else { return Ok(Said::default()) };
    let text = match &prompt.text {
        Some(hash) => journal.text(hash.clone()).await?,
        None => None,
    };
    Ok(Said { end: prompt.end, text })
}

/// Ends everything that was started.
pub(super) async fn clear_up(house: &House) -> anyhow::Result<()> {
    // Killed, if it has not ended yet.
    drop(house.daemon.lock().await.take());
    let people = house.people.all_leave().await;
    drop(Tmux::stranger(house.sandbox.dir(), house.sandbox.environment_of_daemon()).run(["kill-server"]).await);
    people.and(sandbox::clear_up(&house.sandbox).await)
}
