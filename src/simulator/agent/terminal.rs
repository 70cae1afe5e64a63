//! The terminal in raw mode: every byte comes as typed, and nothing is echoed.

/// Raw mode of the terminal on standard input, until dropped.
#[derive(Debug)]
pub(in crate::simulator) struct RawMode {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl RawMode {
    /// Enters raw mode. `None` if standard input is no terminal, as in a pipe.
    #[cfg(unix)]
    pub(in crate::simulator) fn enter() -> Option<Self> {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(rustix::stdio::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }

    /// A pseudoconsole is read as it is.
    #[cfg(not(unix))]
    pub(in crate::simulator) const fn enter() -> Option<Self> {
        None
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // The terminal may be gone, and then there is nothing to restore.
        #[cfg(unix)]
        let _ = rustix::termios::tcsetattr(rustix::stdio::stdin(), rustix::termios::OptionalActions::Now, &self.before);
    }
}
