#![doc = include_str!("ARCHITECTURE.md")]

pub mod background;
pub mod boundary;
pub mod clock;
pub mod model;
pub mod process;
