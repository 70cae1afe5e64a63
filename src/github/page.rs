//! How much a GraphQL query asks for at once: less when GitHub does not manage it in time, and slowly more again.

use std::sync::{Mutex, MutexGuard};

const SIZE_MAX: u32 = 100;
const SIZE_MIN: u32 = 10;
/// So many answers in a row are a reason to ask for more again.
const ANSWERS: u32 = 10;

/// The size of the pages that are asked for.
#[derive(Debug)]
pub(super) struct PageSize(Mutex<State>);

#[derive(Debug)]
struct State {
    size: u32,
    answers: u32,
}

impl Default for PageSize {
    fn default() -> Self {
        Self(Mutex::new(State { size: SIZE_MAX, answers: 0 }))
    }
}

impl PageSize {
    /// Entries per page, between 10 and 100.
    pub(super) fn get(&self) -> u32 {
        self.state().size
    }

    /// GitHub gave up or did not answer in time.
    pub(super) fn shrink(&self) {
        let mut state = self.state();
        *state = State { size: (state.size / 2).max(SIZE_MIN), answers: 0 };
    }

    /// GitHub answered in time.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.answers += 1;
        if state.answers >= ANSWERS {
            *state = State { size: (state.size * 2).min(SIZE_MAX), answers: 0 };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_at_once_and_grow_slowly() {
        let size = PageSize::default();
        let shrunk: Vec<u32> = (0..5)
            .map(|_| {
                size.shrink();
                size.get()
            })
            .collect();
        assert_eq!(shrunk, [50, 25, 12, 10, 10]);

        let grown: Vec<u32> = (0..50)
            .map(|_| {
                size.answered();
                size.get()
            })
            .collect();
        assert_eq!(grown.iter().step_by(ANSWERS as usize).copied().collect::<Vec<_>>(), [10, 20, 40, 80, 100]);
    }
}
