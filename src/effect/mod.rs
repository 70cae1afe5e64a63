//! What to do: orders to the world, stored in the outbox before they are carried out.
//!
//! Every effect may be carried out twice and is therefore idempotent or fenced: prompts by their id, GitHub writes by
//! a marker or an expected commit, processes by their launch generation.

mod act;
mod answer;
mod named;
mod order;

pub use crate::event::List;
pub use act::Act;
pub use answer::Answer;
pub use order::Effect;
