//! The integration tests, in one binary: what the crate does as a whole, and how it is written.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg_attr(
    unix,
    expect(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it tried, and had to skip")
)]

#[cfg(unix)]
mod addressees;
#[cfg(unix)]
mod behind;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(unix)]
mod budget;
#[cfg(target_os = "linux")]
mod burst;
#[cfg(unix)]
mod cli;
#[cfg(unix)]
mod commands;
mod convergence;
#[cfg(unix)]
mod deliveries;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod e2e_adopt;
#[cfg(unix)]
mod e2e_agents;
#[cfg(unix)]
mod e2e_prompts;
mod everything;
#[cfg(unix)]
mod forks;
#[cfg(unix)]
mod headless;
#[cfg(unix)]
mod heavy_queries;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod ladder;
#[cfg(target_os = "linux")]
mod long_log;
#[cfg(unix)]
mod lost;
#[cfg(unix)]
mod luck;
#[cfg(unix)]
mod merging;
#[cfg(unix)]
mod pages;
#[cfg(unix)]
mod port;
#[cfg(unix)]
mod queue;
#[cfg(unix)]
mod record;
mod recorder;
#[cfg(unix)]
mod recordings;
#[cfg(unix)]
mod rescue;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(unix)]
mod setup;
#[cfg(unix)]
mod spawned;
#[cfg(unix)]
mod story;
#[cfg(target_os = "linux")]
mod strays;
mod tidy;
#[cfg(unix)]
mod tmux;
#[cfg(unix)]
mod told;
#[cfg(unix)]
mod world;
