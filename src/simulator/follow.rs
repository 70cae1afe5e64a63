//! What GitHub's background jobs do after branches moved: tell of pushes, compute mergeability, start CI.

use tracing::warn;

use super::{
    ci,
    error::Error,
    shared::Shared,
    world::{Mergeability, Moved, Refusal, Thread},
};

/// Compares what git has with what was known, tells everybody, and has the consequences computed in the background.
/// The caller holds the repository's turn.
pub(crate) async fn refs_moved(shared: &Shared, repo: &str, actor: &str) -> Result<Vec<String>, Error> {
    let now = shared.git.branches(repo).await?;
    let home = shared.look(|world| world.home(repo));
    let mut changes = Vec::new();
    for moved in shared.look(|world| world.moved_branches(repo, &now))? {
        changes.push(shared.git.change(repo, moved).await?);
    }
    let branches = changes.iter().map(|change| change.branch.clone()).collect();
    if home != repo {
        shared.git.share(repo, &home).await?;
    }
    let moved = shared.change(|world| world.refs_moved(repo, actor, changes))?;
    settle_all(shared, &home, actor, moved);
    Ok(branches)
}

/// Computes everything about these pull requests in the background.
fn settle_all(shared: &Shared, repo: &str, actor: &str, moved: Moved) {
    for number in moved.heads {
        settle_later(shared, repo, number, Some(actor));
    }
    for number in moved.bases {
        settle_later(shared, repo, number, None);
    }
}

/// Computes in the background whether a pull request can be merged, and starts its CI if `ci_for` caused a new head.
pub(crate) fn settle_later(shared: &Shared, repo: &str, number: u64, ci_for: Option<&str>) {
    let (owned, repo, actor) = (shared.clone(), repo.to_owned(), ci_for.map(ToOwned::to_owned));
    shared.change(|world| world.busy += 1);
    shared.tasks.spawn("simulated mergeability", move |stop| async move {
        tokio::select! {
            () = stop.cancelled() => {}
            done = settle(&owned, &repo, number, actor.as_deref()) => {
                if let Err(error) = done {
                    warn!(%error, repo, pr.number = number, "Could not compute mergeability");
                }
            }
        }
        owned.change(|world| world.busy -= 1);
    });
}

async fn settle(shared: &Shared, repo: &str, number: u64, ci_for: Option<&str>) -> Result<(), Error> {
    loop {
        let Some((head, base)) = shared.look(|world| ends(world, repo, number)) else { return Ok(()) };
        mark_outdated(shared, repo, number).await?;
        let (found, diff) = shared.git.mergeability(repo, &base, &head).await?;
        let pull_ref = format!("refs/pull/{number}/head");
        shared.git.update_ref(repo, (&pull_ref, &head, None)).await?;
        let tested = shared.git.holds(repo, &head, ci::SCRIPT).await?;
        let recorded = shared.change(|world| world.set_mergeability(repo, number, (&head, &base), (found, diff)));
        if !recorded {
            continue;
        }
        // GitHub runs no workflow for a pull request that conflicts with its base.
        if let Some(actor) = ci_for.filter(|_| tested && found != Mergeability::Conflicting)
            && let Some(started) = shared.change(|world| world.request_run(repo, number, actor))?
        {
            ci::run_later(shared, started);
        }
        return Ok(());
    }
}

/// Head and tip of the base of an open pull request.
fn ends(world: &super::world::World, repo: &str, number: u64) -> Option<(String, String)> {
    let repository = world.repository(repo).ok()?;
    let (issue, pull) = repository.pull(number).ok()?;
    let tip = repository.branches.get(&pull.base)?;
    issue.open.then(|| (pull.head_sha.clone(), tip.clone()))
}

/// A thread is outdated once the line that it stands on reads differently.
async fn mark_outdated(shared: &Shared, repo: &str, number: u64) -> Result<(), Error> {
    let (head, threads) = shared.look(|world| -> Result<(String, Vec<Thread>), Refusal> {
        let (_, pull) = world.repository(repo)?.pull(number)?;
        Ok((pull.head_sha.clone(), pull.threads.clone()))
    })?;
    for thread in threads.into_iter().filter(|thread| !thread.outdated && thread.sha != head) {
        let before = shared.git.line(repo, (&thread.sha, &thread.path, thread.line)).await?;
        let after = shared.git.line(repo, (&head, &thread.path, thread.line)).await?;
        if before != after {
            shared.change(|world| -> Result<(), Refusal> {
                let pull = world.repository_mut(repo)?.pull_mut(number)?;
                for found in pull.threads.iter_mut().filter(|found| found.id == thread.id) {
                    found.outdated = true;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
