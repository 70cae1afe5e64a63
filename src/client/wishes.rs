//! What the daemon is asked to do. Each wish carries an id of the caller's: the same one again is granted once.

use super::{Client, Error};
use crate::view::{Adopt, Granted, Send, Spawn, Subject};

impl Client {
    /// Wants an issue, or what some words say, worked on.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn spawn(&self, wish: &Spawn) -> Result<Granted, Error> {
        self.0.post("spawn", wish).await
    }

    /// Wants an open pull request carried on.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn adopt(&self, wish: &Adopt) -> Result<Granted, Error> {
        self.0.post("adopt", wish).await
    }

    /// Wants something said to an agent.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn send(&self, wish: &Send) -> Result<Granted, Error> {
        self.0.post("send", wish).await
    }

    /// Wants a task or pull request tried again.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn retry(&self, wish: &Subject) -> Result<Granted, Error> {
        self.0.post("retry", wish).await
    }

    /// Wants a task ended.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn stop(&self, wish: &Subject) -> Result<Granted, Error> {
        self.0.post("stop", wish).await
    }

    /// Wants the workspace of an ended task gone, and what it holds kept elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn clean(&self, wish: &Subject) -> Result<Granted, Error> {
        self.0.post("clean", wish).await
    }

    /// Wants the build output in the workspace of an ended task gone.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn prune(&self, wish: &Subject) -> Result<Granted, Error> {
        self.0.post("prune", wish).await
    }

    /// Wants the workspace of an ended task back.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what is wrong and what to do.
    pub async fn restore(&self, wish: &Subject) -> Result<Granted, Error> {
        self.0.post("restore", wish).await
    }
}
