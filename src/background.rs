//! The one place that spawns, names, stops and awaits async tasks.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Background tasks that are told to stop together and waited for. Cloning shares the set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    stop: CancellationToken,
    running: Arc<Mutex<JoinSet<&'static str>>>,
}

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The token that every task of this set watches.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Spawns a named task. It must end soon after its token is cancelled.
    pub fn spawn<F, Fut>(&self, name: &'static str, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let future = task(self.stop.clone());
        let mut running = self.running.lock().expect("no holder of this lock panics");
        // Reap what has ended, so that the set does not grow with the number of tasks ever spawned.
        while let Some(ended) = running.try_join_next() {
            report(ended);
        }
        running.spawn(async move {
            future.await;
            name
        });
    }

    /// Tells every task to stop and waits for them at most `grace`; what has not ended by then is aborted.
    pub async fn shut_down(&self, grace: Duration) {
        self.stop.cancel();
        let mut running = std::mem::take(&mut *self.running.lock().expect("no holder of this lock panics"));
        let drained = tokio::time::timeout(grace, async {
            while let Some(ended) = running.join_next().await {
                report(ended);
            }
        })
        .await;
        if drained.is_err() {
            warn!(tasks.left = running.len(), "Aborted background tasks that did not stop in time");
            running.shutdown().await;
        }
    }
}

fn report(ended: Result<&'static str, tokio::task::JoinError>) {
    match ended {
        Ok(name) => debug!(task.name = name, "Background task {name} ended"),
        Err(error) if error.is_panic() => tracing::error!(%error, "Background task panicked"),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn shutting_down_tells_and_awaits_every_task() {
        let tasks = Tasks::new();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        tasks.spawn("waiter", |stop| async move {
            stop.cancelled().await;
            seen.store(true, Ordering::SeqCst);
        });

        tasks.shut_down(Duration::from_secs(5)).await;

        assert!(ended.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ignores_the_stop_is_aborted() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", |_| std::future::pending());

        tasks.shut_down(Duration::from_secs(1)).await;
    }
}
