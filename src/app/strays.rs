//! At the start: ends what launches left behind that nobody will ever stop.

use std::{collections::BTreeSet, time::Duration};

use tracing::{info, warn};

use crate::{
    journal::{self, Journal},
    machine::{
        State,
        session::{self, Life},
    },
    model::MachineKind,
    places::Places,
    runtime::{Address, strays},
};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The launches of which something runs and nothing should. To be asked before anything is launched.
///
/// # Errors
///
/// When the journal cannot tell which sessions there are.
pub(super) async fn find(journal: &dyn Journal, places: &Places) -> Result<BTreeSet<Address>, journal::Error> {
    let running = strays::running(places).await;
    if running.is_empty() {
        return Ok(running);
    }
    let sessions: Vec<_> = journal.machines(Some(MachineKind::Session)).await?;
    let known: Vec<Box<session::State>> = sessions
        .iter()
        .filter_map(|(_, stored)| match serde_json::from_str(&stored.state) {
            Ok(Some(State::Session(session))) => Some(session),
            _ => None,
        })
        .collect();
    Ok(running.into_iter().filter(|launch| !is_wanted(launch, &known)).collect())
}

/// Ends them all.
pub(super) async fn end(strays: BTreeSet<Address>, places: Places) {
    for launch in strays {
        match strays::end(&places, &launch, GRACE).await {
            Ok(()) => info!(session.launch = %launch, "Ended what {launch} had left behind"),
            Err(left) => warn!(session.launch = %launch, ?left, "Processes that {launch} left behind do not end"),
        }
    }
}

/// Whether somebody still has to do with a launch: it runs, or it is being started or stopped.
fn is_wanted(launch: &Address, known: &[Box<session::State>]) -> bool {
    known.iter().any(|session| {
        let under_way = match session.life {
            Life::Launching | Life::Running { .. } | Life::Stopping => true,
            Life::Exited { .. } | Life::Ended => false,
        };
        session.session == launch.session
            && (session.generation < launch.generation || (session.generation == launch.generation && under_way))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Session,
        machine::testing::{Desk, rules},
        model::Generation,
    };

    #[test]
    fn a_launch_is_wanted_while_it_runs_and_no_longer() {
        let mut desk = Desk::idle(rules());
        let wanted = |desk: &Desk, generation| {
            let launch = Address { session: desk.state().session.clone(), generation: Generation(generation) };
            is_wanted(&launch, &[Box::new(desk.state().clone())])
        };
        assert_eq!([0, 1, 2].map(|generation| wanted(&desk, generation)), [false, true, true]);

        desk.feed(Session::EndWanted);
        assert!(wanted(&desk, 1), "it is being stopped");
        desk.feed(Session::Stopped { generation: Generation(1) });
        assert!(!wanted(&desk, 1));
        let stranger = Address { session: "stranger".parse().unwrap(), generation: Generation(1) };
        assert!(!is_wanted(&stranger, &[Box::new(desk.state().clone())]));
    }
}
