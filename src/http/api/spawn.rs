//! `POST spawn`: work on an issue, or on what some words say.

use axum::extract::State;

use super::{
    grant::{Answer, Request, granted},
    refusal::{Refusal, Wish},
    repository,
};
use crate::{
    event::{self, Work},
    executor::Repository,
    http::{Shared, Surroundings, states},
    journal::Journal,
    machine::{self, Rules, backlog},
    model::{AgentName, IssueNumber, MachineKey, RepoId, TaskId, TextHash},
    text,
    view::Spawn,
};

/// What may be typed into an agent is no longer than this, in bytes.
const TEXT_BYTES_MAX: usize = text::WORDS_BYTES_MAX;

/// Takes the wish.
pub(super) async fn spawn(State(surroundings): Shared, Wish(wish): Wish<Spawn>) -> Answer {
    let request = Request::new(&wish.request)?;
    let (repository, rules) = repository::of(&surroundings, wish.repo.as_ref())?;
    repository::check_agent(&rules, wish.agent.as_ref())?;
    match (wish.issue, wish.text) {
        (Some(issue), None) => of_issue(&surroundings, &request, (&repository, &rules), issue, wish.agent).await,
        (None, Some(words)) => of_words(&surroundings, &request, (&repository, &rules), words, wish.agent).await,
        (Some(_), Some(_)) | (None, None) => {
            Err(Refusal::unprocessable("either `issue` or `text` says what is to be done, and only one of them"))
        }
    }
}

async fn of_issue(
    surroundings: &Surroundings,
    request: &Request,
    (repository, rules): (&Repository, &Rules),
    number: IssueNumber,
    agent: Option<AgentName>,
) -> Answer {
    let journal = &*surroundings.journal;
    let task = backlog::task_of(rules, number);
    let to = MachineKey::Backlog(repository.id);
    // Of a wish that was granted before only the task is compared.
    let work = Work::Text { slug: String::new(), text: TextHash::of("") };
    let sketch = event::Backlog::SpawnWanted { task: task.clone(), work, agent: agent.clone() };
    if !request.was_granted(journal, &to, &sketch.into()).await? {
        check_free(journal, repository.id, &task).await?;
        let what = format!("issue #{number} of {}", repository.name);
        let fetched = surroundings.github.for_person().issue(&repository.name, number).await;
        let fetched = fetched.map_err(|error| Refusal::by_github(&error, &what))?;
        if !fetched.value.open {
            return Err(Refusal::conflict(format!("{what} is closed")).hint("reopen it first"));
        }
        // The words come first: whoever reads the issue finds them.
        journal.keep_texts(fetched.texts).await?;
        let work = Work::Issue(Box::new(fetched.value));
        let event = event::Backlog::SpawnWanted { task: task.clone(), work, agent };
        request.grant(journal, to, event.into()).await?;
    }
    Ok(granted(Some(task.clone()), format!("{task} works on issue #{number} as soon as a slot is free")))
}

async fn of_words(
    surroundings: &Surroundings,
    request: &Request,
    (repository, rules): (&Repository, &Rules),
    words: String,
    agent: Option<AgentName>,
) -> Answer {
    check_words(&words)?;
    let journal = &*surroundings.journal;
    let slug = text::slug(&words, 30);
    let task = task_of(rules, &slug, request);
    let work = Work::Text { slug, text: TextHash::of(&words) };
    let event = event::Backlog::SpawnWanted { task: task.clone(), work, agent };
    journal.keep_texts(vec![words]).await?;
    request.grant(journal, MachineKey::Backlog(repository.id), event.into()).await?;
    Ok(granted(Some(task.clone()), format!("{task} begins as soon as a slot is free")))
}

/// Words that an agent can be told.
pub(super) fn check_words(words: &str) -> Result<(), Refusal> {
    if text::sanitise(words).text.trim().is_empty() {
        return Err(Refusal::unprocessable("the text is empty"));
    }
    if words.len() > TEXT_BYTES_MAX {
        return Err(Refusal::unprocessable(format!(
            "the text has {} bytes, {TEXT_BYTES_MAX} are allowed",
            words.len()
        ))
        .hint("put the long part into a file or an issue, and refer to it"));
    }
    Ok(())
}

/// No task of this name is under way.
pub(super) async fn check_free(journal: &dyn Journal, repo: RepoId, task: &TaskId) -> Result<(), Refusal> {
    if states::task(journal, task).await?.is_some_and(|state| !state.is_over()) {
        return Err(Refusal::conflict(format!("{task} is under way already"))
            .hint(format!("`antiphon send {task} TEXT` speaks to its agent; `antiphon retry {task}` tries it again")));
    }
    let backlog = states::one(journal, &MachineKey::Backlog(repo)).await?;
    if let Some(machine::State::Backlog(backlog)) = backlog
        && backlog.waiting.contains_key(task)
    {
        return Err(Refusal::conflict(format!("{task} waits for a slot already"))
            .hint("raise `limits.sessions`, or stop another task"));
    }
    Ok(())
}

/// A name out of the words, made unique by the request: the same wish gives the same name.
fn task_of(rules: &Rules, slug: &str, request: &Request) -> TaskId {
    let mut name = format!("{}-{slug}", rules.task_prefix);
    name.truncate(54);
    // The letter keeps it apart from the names of tasks for issues, which end in a number.
    let suffix = request.number() & 0x0fff_ffff;
    format!("{}-t{suffix:07x}", name.trim_end_matches('-'))
        .parse()
        .expect("slugs, dashes and hexadecimal digits make a valid name")
}
