//! The threads that read: two for what is quick, one for what takes long, so that neither waits for the other.

use std::{
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::journal::{Error, sqlite::writer::closed};

/// Questions that may wait before a caller has to.
const QUEUE: usize = 1024;
/// Threads for quick questions.
const QUICK: usize = 2;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// How long a question takes, as far as its asker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// An index answers it.
    Quick,
    /// It walks through tables.
    Slow,
}

/// The handle of the threads. Dropping it ends them and waits for them.
#[derive(Debug)]
pub(super) struct Readers {
    quick: Mutex<Option<mpsc::Sender<Question>>>,
    slow: Mutex<Option<mpsc::Sender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Starts the threads, each on a connection that `open` makes.
    pub(super) fn start(open: impl Fn() -> Result<Connection, Error>) -> Result<Self, Error> {
        let mut threads = Vec::new();
        let mut pool = |name: &'static str, size: usize| {
            let (queue, questions) = mpsc::channel::<Question>(QUEUE);
            let questions = Arc::new(Mutex::new(questions));
            for _ in 0..size {
                let (connection, questions) = (open()?, questions.clone());
                let thread = std::thread::Builder::new().name(name.to_owned());
                let thread = thread.spawn(move || serve(&connection, &questions));
                threads.push(thread.map_err(|error| Error::Other(error.into()))?);
            }
            Ok::<_, Error>(Mutex::new(Some(queue)))
        };
        let quick = pool("journal-reader", QUICK)?;
        let slow = pool("journal-walker", 1)?;
        Ok(Self { quick, slow, threads: Mutex::new(threads) })
    }

    /// Asks a question. The answer holds everything that was committed before the question was asked.
    pub(super) async fn ask<T, Q>(&self, pace: Pace, question: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let queue = match pace {
            Pace::Quick => &self.quick,
            Pace::Slow => &self.slow,
        };
        let queue = queue.lock().expect("no holder of this lock panics").clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| drop(answer.send(question(connection))));
        queue.send(question).await.map_err(|_| closed())?;
        drop(queue);
        answered.await.map_err(|_| closed())?
    }

    /// Takes no more questions, answers those that wait, and returns when the threads have ended.
    pub(super) fn close(&self) {
        for queue in [&self.quick, &self.slow] {
            drop(queue.lock().expect("no holder of this lock panics").take());
        }
        for thread in self.threads.lock().expect("no holder of this lock panics").drain(..) {
            if thread.join().is_err() {
                error!("A reader thread of the journal panicked");
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(connection: &Connection, questions: &Mutex<mpsc::Receiver<Question>>) {
    // One thread waits in the queue, the others for the lock: whoever gets a question leaves the place to the next.
    loop {
        let next = questions.lock().expect("receiving does not panic").blocking_recv();
        let Some(question) = next else { return };
        question(connection);
    }
}
