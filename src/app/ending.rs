//! How the process is asked to end; one implementation per platform.

/// Waits until the process is asked to end.
///
/// # Errors
///
/// When signals cannot be heard.
#[cfg(unix)]
pub async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Waits until the process is asked to end.
///
/// # Errors
///
/// When signals cannot be heard.
#[cfg(not(unix))]
pub async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
