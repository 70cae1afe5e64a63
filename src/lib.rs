#![doc = include_str!("ARCHITECTURE.md")]

pub mod background;
pub mod boundary;
pub mod clock;
pub mod config;
pub mod effect;
pub mod event;
pub mod failure;
pub mod github;
pub mod journal;
pub mod machine;
pub mod model;
pub mod places;
pub mod process;
pub mod reaction;
pub mod text;
pub mod yaml;
