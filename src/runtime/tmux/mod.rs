//! Sessions in panes of a private tmux server, for people who live in tmux.
//!
//! Each launch is one tmux session of one pane, called `SESSION-GENERATION`. What was typed is written on the pane itself
//! (see `mark`), everything is asked over one control-mode connection (see `control`), and every text that reaches
//! tmux passes `quote`. The server is never killed; it ends by itself with its last session.
//!
//! Limits of tmux: versions before 3.7 do not tell whether an application asked for bracketed paste, so there a text of
//! many lines is typed only if the gate's `ready` pattern recognised the composer. And the record of what was typed lives
//! as long as the pane: when the server dies, so does the agent, and the launch is [`crate::runtime::Error::Gone`].

mod control;
mod mark;
mod pane;
mod quote;
mod reply;
mod runtime;
#[cfg(test)]
mod tests;
mod typist;

pub use self::{control::Socket, runtime::TmuxRuntime};
