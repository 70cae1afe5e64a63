//! Faults that befall everybody at once: all agents of a runtime are sent a message, and go through it together.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context as _;
use futures_util::future::try_join_all;

use super::{
    arguments::Home,
    fault::Fault,
    house::{COME_UP, House},
    play::{Message, Sent, end, generation, holder, pause, play, ready, stand_still},
    seat::Seat,
    tmux::Tmux,
};
use crate::{
    process::{self, Force},
    simulator::Chance,
};

/// How long a daemon that is to die may live on, before it is killed by hand.
const SENTENCE: Duration = Duration::from_secs(15);
/// Where a daemon dies: between an order and its record, between a text and its Enter. A holder types whether or not the
/// daemon lives, so there the third death comes at any moment.
const DEATHS_PTY: [Death; 3] =
    [Death::At("executor: composed, not typed"), Death::At("executor: typed, not recorded"), Death::Sometime];
const DEATHS_TMUX: [Death; 5] = [
    Death::At("executor: composed, not typed"),
    Death::At("tmux.place"),
    Death::At("tmux.placed"),
    Death::At("tmux.submit"),
    Death::At("executor: typed, not recorded"),
];

/// When a daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// At the first boundary of this name.
    At(&'static str),
    /// While messages are on their way.
    Sometime,
}

/// Sends these messages to the agents of one runtime, one each at a time, under a fault that befalls all of them.
pub(super) async fn all(
    house: &House,
    seats: &mut [Seat],
    mut messages: VecDeque<Message>,
    (fault, chance): (Fault, &mut Chance),
) -> anyhow::Result<Vec<Sent>> {
    let Some(home) = seats.first().map(Seat::home) else { return Ok(Vec::new()) };
    let mut sent = Vec::new();
    while !messages.is_empty() {
        let many = messages.len().min(seats.len());
        let now: Vec<Message> = messages.drain(..many).collect();
        for seat in &mut seats[..many] {
            ready(house, seat).await?;
        }
        let doom = before(house, &seats[..many], fault, chance).await?;
        let mut chances: Vec<Chance> = now.iter().map(|_| chance.fork()).collect();
        let plays = seats.iter_mut().zip(now).zip(&mut chances);
        let plays = try_join_all(plays.map(|((seat, message), chance)| play(house, seat, message, chance)));
        let (played, befell) = tokio::join!(Box::pin(plays), befall(house, home, (fault, doom), chance));
        befell?;
        sent.extend(played?);
    }
    if fault == Fault::WrongSocket {
        house.start_daemon(&[], &[]).await?;
    }
    Ok(sent)
}

/// Who will die, and when.
struct Doom {
    daemon: Death,
    /// What holds terminals, and dies with it.
    holders: Vec<u32>,
}

/// What has to be so before the messages are sent; and who will die, if anybody.
async fn before(house: &House, seats: &[Seat], fault: Fault, chance: &mut Chance) -> anyhow::Result<Option<Doom>> {
    if fault == Fault::WrongSocket {
        strangers(house, seats).await?;
        let socket = Tmux::stranger_socket(house.sandbox.dir()).display().to_string();
        let place = [("TMUX", format!("{socket},1,0")), ("TMUX_PANE", "%0".to_owned())];
        house.start_daemon(&[], &place).await?;
    }
    if !matches!(fault, Fault::DaemonKilled | Fault::BothKilled) {
        return Ok(None);
    }
    let is_tmux = seats.first().is_some_and(|seat| seat.home() == Home::Tmux);
    let deaths: &[Death] = if is_tmux { &DEATHS_TMUX } else { &DEATHS_PTY };
    let daemon = chance.pick(deaths).copied().unwrap_or(Death::Sometime);
    let holders = match fault == Fault::BothKilled {
        true if is_tmux => vec![server(house).await?],
        true => seats.iter().filter_map(|seat| holder(house, seat).ok()).collect(),
        false => Vec::new(),
    };
    if let Death::At(boundary) = daemon {
        house.start_daemon(&["--die-at-boundary-named", boundary], &[]).await?;
    }
    Ok(Some(Doom { daemon, holders }))
}

/// What happens while they are sent.
async fn befall(
    house: &House,
    home: Home,
    (fault, doom): (Fault, Option<Doom>),
    chance: &mut Chance,
) -> anyhow::Result<()> {
    if let Some(doom) = doom {
        return die(house, doom, chance).await;
    }
    if home == Home::Pty || !matches!(fault, Fault::BusyHolder | Fault::HolderKilled) {
        return Ok(());
    }
    let pid = server(house).await?;
    pause(chance, 0, 300).await;
    if fault == Fault::BusyHolder {
        stand_still(pid, chance).await
    } else {
        end(pid);
        Ok(())
    }
}

/// The process of the daemon's tmux server. After a kill that the daemon has yet to notice there is none for a while.
async fn server(house: &House) -> anyhow::Result<u32> {
    let tmux = Tmux::of(&house.sandbox.state_dir(), house.sandbox.environment_of_daemon());
    let there = async {
        loop {
            match tmux.pid().await {
                Ok(pid) => return pid,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    tokio::time::timeout(COME_UP, there).await.context("the tmux server does not come back")
}

/// The daemon dies, and is started again.
async fn die(house: &House, doom: Doom, chance: &mut Chance) -> anyhow::Result<()> {
    let mut daemon = house.daemon.lock().await;
    if let Some(daemon) = daemon.as_mut() {
        let dies = async {
            match doom.daemon {
                Death::At(_) => daemon.ended().await,
                Death::Sometime => {
                    pause(chance, 0, 600).await;
                    daemon.kill().await
                }
            }
        };
        let died = tokio::time::timeout(SENTENCE, dies).await;
        if died.is_err() {
            daemon.kill().await?;
        }
    }
    *daemon = None;
    drop(daemon);
    for holder in doom.holders {
        // One that is gone already is what was wanted.
        drop(process::force(holder, Force::Kill));
    }
    house.start_daemon(&[], &[]).await
}

/// A stranger's server gets sessions of the same names, which write down what they are told.
async fn strangers(house: &House, seats: &[Seat]) -> anyhow::Result<()> {
    let tmux = Tmux::stranger(house.sandbox.dir(), house.sandbox.environment_of_daemon());
    for seat in seats {
        let name = format!("{}-{}", seat.session(), generation(house, seat)?);
        let target = format!("={name}:");
        if tmux.run(["has-session", "-t", &target]).await.is_ok() {
            continue;
        }
        let file = house.strangers().join(&name);
        let write = format!("exec cat > '{}'", file.display());
        tmux.run(["new-session", "-d", "-s", &name, "/bin/sh", "-c", &write]).await?;
        tmux.run(["set-option", "-p", "-t", &target, "@antiphon_launch", &name]).await?;
    }
    Ok(())
}
