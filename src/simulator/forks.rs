//! What people do with forks.

use super::{error::Error, server::Simulator, world::Refusal};

impl Simulator {
    /// Forks a repository for a person, with all its branches; the fork's full name. Whoever pushes to it does so by
    /// [`Simulator::push_as`], and opens pull requests from `person:branch`. Its webhooks go nowhere.
    ///
    /// # Errors
    ///
    /// When there is no such repository, the person has one of this name, or git fails.
    pub async fn fork(&self, repo: &str, person: &str) -> Result<String, Error> {
        let name = self.shared.change(|world| world.create_fork(repo, person))?;
        self.shared.git.init(&name).await?;
        self.shared.git.copy(repo, &name).await?;
        Ok(name)
    }

    /// Lets those who may push to the repository push to the fork's branch of a pull request, too.
    ///
    /// # Errors
    ///
    /// When there is no such pull request, or it comes from no fork.
    pub fn let_maintainers_push(&self, repo: &str, number: u64) -> Result<(), Error> {
        self.shared.change(|world| -> Result<(), Refusal> {
            let pull = world.repository_mut(repo)?.pull_mut(number)?;
            pull.fork.as_mut().ok_or(Refusal::NotFound)?.modifiable = true;
            Ok(())
        })?;
        Ok(())
    }

    /// Deletes a fork. Its pull requests stay open, and nobody can push to them any more.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn delete_fork(&self, name: &str) -> Result<(), Error> {
        let gone = self.shared.change(|world| world.repositories.remove(name));
        gone.map(drop).ok_or_else(|| Refusal::NotFound.into())
    }
}
