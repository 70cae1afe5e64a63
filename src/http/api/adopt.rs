//! `POST adopt`: carry an open pull request on.

use axum::extract::State;

use super::{
    grant::{Answer, Request, granted},
    refusal::{Refusal, Wish},
    repository,
    spawn::check_free,
};
use crate::{
    config::Config,
    event::{self, Work},
    executor::Repository,
    http::{Shared, Surroundings, states},
    machine,
    model::{AgentName, Branch, Lifecycle, LookupKey, MachineKey, PrNumber, Snapshot, TaskId},
    view::Adopt,
};

/// Takes the wish.
pub(super) async fn adopt(State(surroundings): Shared, Wish(wish): Wish<Adopt>) -> Answer {
    let request = Request::new(&wish.request)?;
    let (repository, rules) = repository::of(&surroundings, wish.repo.as_ref())?;
    repository::check_agent(&rules, wish.agent.as_ref())?;
    if wish.conversation.is_some() {
        check_copies(&surroundings.config.borrow(), wish.agent.as_ref().unwrap_or(&rules.agent.name))?;
    }
    let journal = &*surroundings.journal;
    let number = wish.number;
    let task: TaskId = format!("{}-pr-{number}", rules.task_prefix.chars().take(40).collect::<String>())
        .parse()
        .expect("a prefix and a number make a valid name");
    let to = MachineKey::Backlog(repository.id);
    let wanted = |branch: Branch| event::Backlog::SpawnWanted {
        task: task.clone(),
        work: Work::Adopted { number, branch, conversation: wish.conversation.clone() },
        agent: wish.agent.clone(),
    };
    // Of a wish that was granted before only the task is compared.
    if !request.was_granted(journal, &to, &wanted(repository.base.clone()).into()).await? {
        check_free(journal, repository.id, &task).await?;
        check_unmanaged(&surroundings, &repository, number).await?;
        let what = format!("pull request #{number} of {}", repository.name);
        let fetched = surroundings.github.for_person().snapshot(&repository.name, number).await;
        let fetched = fetched.map_err(|error| Refusal::by_github(&error, &what))?;
        let branch = adoptable(&fetched.value, &repository, &what)?;
        check_branch(&surroundings, &repository, &branch).await?;
        journal.keep_texts(fetched.texts).await?;
        request.grant(journal, to, wanted(branch).into()).await?;
    }
    Ok(granted(Some(task.clone()), format!("{task} carries #{number} on as soon as a slot is free")))
}

/// An agent that can begin with a copy of somebody's conversation.
fn check_copies(config: &Config, agent: &AgentName) -> Result<(), Refusal> {
    if config.adapter_of(agent).launch.copy.is_empty() {
        return Err(Refusal::unprocessable(format!("{agent} cannot take a conversation over into another worktree"))
            .hint("leave --conversation out: the agent reads the branch, and its pull request"));
    }
    Ok(())
}

async fn check_unmanaged(
    surroundings: &Surroundings,
    repository: &Repository,
    number: PrNumber,
) -> Result<(), Refusal> {
    let key = MachineKey::Pull { repo: repository.id, number };
    let pull = states::one(&*surroundings.journal, &key).await?;
    let Some(machine::State::Pull(pull)) = pull else { return Ok(()) };
    match &pull.managed {
        Some(managed) => Err(Refusal::conflict(format!("{} works on #{number} already", managed.task))),
        None => Ok(()),
    }
}

/// The branch of a pull request that an agent here could push to.
fn adoptable(snapshot: &Snapshot, repository: &Repository, what: &str) -> Result<Branch, Refusal> {
    match snapshot.lifecycle {
        Lifecycle::Open => {}
        Lifecycle::Merged => return Err(Refusal::conflict(format!("{what} is merged"))),
        Lifecycle::Closed => return Err(Refusal::conflict(format!("{what} is closed")).hint("reopen it first")),
    }
    if snapshot.head.repo != Some(repository.id) {
        return Err(Refusal::unprocessable(format!("{what} comes from a fork"))
            .hint("an agent can push to branches of the repository itself; push the commits to one and adopt that"));
    }
    if snapshot.head.branch == repository.base {
        return Err(Refusal::unprocessable(format!("{what} comes from the base branch {}", repository.base)));
    }
    Ok(snapshot.head.branch.clone())
}

async fn check_branch(surroundings: &Surroundings, repository: &Repository, branch: &Branch) -> Result<(), Refusal> {
    let owners = surroundings.journal.find(LookupKey::HeadBranch(repository.id, branch.clone())).await?;
    let owner = owners.into_iter().find_map(|key| if let MachineKey::Task(task) = key { Some(task) } else { None });
    owner.map_or(Ok(()), |task| Err(Refusal::conflict(format!("{task} works on its branch already"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::tests::samples::snapshot,
        model::{Merge, Outside, RepoId, TextHash, Tier},
    };

    const OWN: RepoId = RepoId(42);

    fn repository() -> Repository {
        let name: crate::model::RepoName = "acme/pages".parse().unwrap();
        Repository {
            id: OWN,
            configured: name.clone(),
            name,
            clone_url: "https://github.com/acme/pages.git".to_owned(),
            base: "main".parse().unwrap(),
            path: "/nowhere".into(),
            labels: Vec::new(),
            merge: Merge::None,
            parked: None,
        }
    }

    fn refused(change: impl FnOnce(&mut Snapshot)) -> String {
        let title = Outside { hash: TextHash::of("Add"), bytes: 3, tier: Tier::Collaborator };
        let mut snapshot = snapshot(OWN, 7, title, Vec::new(), "2026-01-01T12:00:00Z".parse().unwrap());
        change(&mut snapshot);
        match adoptable(&snapshot, &repository(), "it") {
            Ok(branch) => format!("not at all: {branch}"),
            Err(refusal) => refusal.words().to_owned(),
        }
    }

    #[test]
    fn a_conversation_goes_only_to_an_agent_that_can_copy_it() {
        let copies = |agent: &str| check_copies(&Config::default(), &agent.parse().unwrap()).is_ok();

        assert_eq!(["claude", "codex", "opencode", "nobody"].map(copies), [true, true, false, false]);
    }

    // S77: an agent here cannot push to somebody else's branch, whatever its name.
    #[test]
    fn only_open_branches_of_the_repository_itself_are_adopted() {
        assert_eq!(refused(|_| {}), "not at all: antiphon/7");
        assert_eq!(refused(|it| it.head.repo = Some(RepoId(9))), "it comes from a fork");
        assert_eq!(refused(|it| it.head.repo = None), "it comes from a fork");
        assert_eq!(refused(|it| it.head.branch = "main".parse().unwrap()), "it comes from the base branch main");
        assert_eq!(refused(|it| it.lifecycle = Lifecycle::Merged), "it is merged");
        assert_eq!(refused(|it| it.lifecycle = Lifecycle::Closed), "it is closed");
    }
}
