//! What people do in the story: the only part that is scripted. They see what is on GitHub, and act when they see it.

use std::time::Duration;

use super::{
    sight::{Eyes, Reached, Sight},
    stage::{MAINTAINER, REPO, STRANGER, Stage},
};
use crate::simulator::{LineComment, NewIssue, NewReview, Verdict, story};

/// The label by which people hand issues to agents.
pub(super) const LABEL: &str = "agent";

/// Plays to the end.
pub(super) async fn act(stage: &Stage, pace: u64, mut eyes: Eyes) -> anyhow::Result<()> {
    let pause = || tokio::time::sleep(Duration::from_millis(pace));
    let github = stage.sandbox().github();
    eyes.until("the daemon", |sight| sight.attended).await?;
    pause().await;
    let (title, body) = story::issues().swap_remove(0);
    let issue = NewIssue { author: MAINTAINER.to_owned(), title, body, labels: vec![LABEL.to_owned()] };
    github.create_issue(REPO, &issue)?;

    let opened = eyes.until("a pull request for the issue", |sight| sight.pull.is_some()).await?;
    let Some(number) = opened.pull else { anyhow::bail!("there is no pull request") };
    let green = eyes.until("a green check on the pull request", |sight| sight.is_green()).await?;
    pause().await;
    review(stage, number, MAINTAINER, ("Nearly there.", story::wish()))?;
    let answered = |sight: &Sight| sight.head != green.head && sight.is_green();
    eyes.until("a green check after the answer to the review", answered).await?;
    pause().await;

    review(stage, number, STRANGER, ("I know better.", story::lure()))?;
    eyes.until("that the stranger's review is withheld", |sight| sight.withheld > 0).await?;
    pause().await;
    github.approve(REPO, number, MAINTAINER)?;
    eyes.until("the merge", |sight| sight.reached >= Reached::Merge).await?;
    eyes.until("the removal of the workspace", |sight| sight.reached >= Reached::Clearance).await?;
    Ok(())
}

fn review(stage: &Stage, number: u64, author: &str, said: (&str, LineComment)) -> anyhow::Result<()> {
    let (body, comment) = said;
    let (author, body) = (author.to_owned(), body.to_owned());
    let review = NewReview { author, verdict: Verdict::RequestChanges, body, comments: vec![comment] };
    stage.sandbox().github().review(REPO, number, &review)?;
    Ok(())
}
