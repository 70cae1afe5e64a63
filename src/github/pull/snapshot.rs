//! From GitHub's answer to the facts about a pull request.

use super::{
    checks,
    query::{self, Raw, RawComment, RawCommit, RawIssueComment, RawMoment, RawPull, RawReview, RawThread},
};
use crate::{
    github::{
        Client, Error, Fetched,
        comment::command,
        people::{Account, Cast},
        texts::Texts,
    },
    model::{
        Base, CommandComment, Ejection, Head, Lifecycle, Mergeability, Merging, PrNumber, RepoName, Review,
        ReviewState, Snapshot, Thread, ThreadComment,
    },
};

impl Client {
    /// Everything that is true about one pull request now, and the texts that belong to it.
    ///
    /// # Errors
    ///
    /// [`Error::HeadMoved`] if it changed while it was read: look again.
    pub async fn snapshot(&self, repo: &RepoName, number: PrNumber) -> Result<Fetched<Snapshot>, Error> {
        let mut raw = query::ask(self.transport(), repo, number).await?;
        let own = self.viewer().await?;
        let cast = self.people().cast(self.transport(), repo, own.clone(), accounts(&raw.pull)).await?;
        let contexts = std::mem::take(&mut raw.contexts);
        let mut fetched = facts(raw, &cast)?;
        let facts = &mut fetched.value;
        let demands = self.demands().of(self.transport(), repo, &facts.base.branch).await?;
        facts.checks = checks::newest(contexts, &demands, &own);
        self.attempts().fill(self.transport(), repo, &mut facts.checks).await?;
        if let Some(ejection) = &mut facts.ejection {
            self.attempts().fill(self.transport(), repo, &mut ejection.failed).await?;
        }
        if facts.lifecycle == Lifecycle::Open && facts.mergeability == Mergeability::Unknown {
            facts.mergeability = self.compute_mergeability(repo, number).await?;
        }
        Ok(fetched)
    }

    /// GitHub computes mergeability when REST is asked for the pull request; GraphQL only tells what is known.
    async fn compute_mergeability(&self, repo: &RepoName, number: PrNumber) -> Result<Mergeability, Error> {
        #[derive(serde::Deserialize)]
        struct Computed {
            mergeable: Option<bool>,
            mergeable_state: Option<String>,
        }
        let answer = self.transport().get(repo, &["pulls", &number.to_string()], &[]).await?;
        let computed: Computed = answer.json()?;
        Ok(match (computed.mergeable, computed.mergeable_state.as_deref()) {
            (None, _) => Mergeability::Unknown,
            (Some(false), _) => Mergeability::Conflicting,
            (Some(true), Some("behind")) => Mergeability::Behind,
            (Some(true), _) => Mergeability::Clean,
        })
    }
}

/// The pull request whose branch this one goes into. Others than the author's own are no stack: a branch of releases has
/// one that stays open for long.
fn below(pull: &RawPull) -> Option<PrNumber> {
    let login = |account: &Option<Account>| account.as_ref().map(|account| account.login.clone());
    let of_branch = pull.base_ref.iter().flat_map(|base| base.associated_pull_requests.nodes.iter().flatten());
    let mut own = of_branch.filter(|below| below.author.is_some() && login(&below.author) == login(&pull.author));
    own.next().map(|below| below.number)
}

/// Everybody who wrote something that is to be handed on.
fn accounts(pull: &RawPull) -> impl Iterator<Item = &Account> + Send {
    let reviews = pull.latest_opinionated_reviews.iter().flat_map(|reviews| reviews.nodes.iter().flatten());
    let threads = pull.review_threads.nodes.iter().flatten();
    let comments = threads.flat_map(|thread| thread.comments.nodes.iter().flatten());
    let writers = reviews.filter_map(|review| review.author.as_ref());
    let said = pull.comments.iter().flat_map(|comments| comments.nodes.iter().flatten());
    let callers = said.filter(|said| command::is_call(&said.body)).filter_map(|said| said.author.as_ref());
    pull.author.iter().chain(writers).chain(callers).chain(comments.filter_map(|comment| comment.author.as_ref()))
}

fn facts(raw: Raw, cast: &Cast) -> Result<Fetched<Snapshot>, Error> {
    let Raw { repo, repo_name, pull, merged, contexts: _ } = raw;
    let mut texts = Texts::default();
    let merging = merging(&pull);
    let below = below(&pull);
    let author = cast.author(pull.author.as_ref());
    let lifecycle = match pull.state.as_str() {
        "OPEN" => Lifecycle::Open,
        "MERGED" => Lifecycle::Merged,
        "CLOSED" => Lifecycle::Closed,
        other => return Err(Error::unexpected(anyhow::anyhow!("a pull request in state {other:?}"))),
    };
    let reviews = pull.latest_opinionated_reviews.unwrap_or_default().nodes.into_iter().flatten();
    let mut reviews: Vec<Review> = reviews.filter_map(|raw| review(raw, cast, &mut texts)).collect();
    reviews.sort_by(|a, b| (&a.author.login, &a.id).cmp(&(&b.author.login, &b.id)));
    // What moves from one page to the next while they are read stands on both.
    reviews.dedup_by(|a, b| a.id == b.id);
    let threads = pull.review_threads.nodes.into_iter().flatten();
    let mut threads: Vec<Thread> = threads.map(|raw| thread(raw, cast, &mut texts)).collect();
    threads.sort_by(|a, b| a.id.cmp(&b.id));
    threads.dedup_by(|a, b| a.id == b.id);
    let said = pull.comments.unwrap_or_default().nodes.into_iter().flatten();
    let mut commands: Vec<_> = said.filter_map(|raw| commanded(raw, cast, &mut texts)).collect();
    commands.sort_by_key(|comment| comment.number);
    let labels = pull.labels.unwrap_or_default().nodes.into_iter().flatten();
    let mut labels: Vec<String> = labels.map(|label| label.name).collect();
    labels.sort_unstable();
    let value = Snapshot {
        repo,
        repo_name,
        number: pull.number,
        url: pull.url,
        title: texts.keep(&pull.title, author.tier),
        author,
        lifecycle,
        draft: pull.is_draft,
        head: Head {
            sha: pull.head_ref_oid,
            branch: pull.head_ref_name,
            repo: pull.head_repository.and_then(|fork| fork.database_id),
            merged,
        },
        base: Base { branch: pull.base_ref_name, sha: pull.base_ref_oid, pull: below },
        mergeability: mergeability(&pull.mergeable, &pull.merge_state_status),
        merging,
        ejection: pull.timeline_items.nodes.into_iter().flatten().find_map(ejection),
        checks: Vec::new(),
        reviews,
        threads,
        labels,
        commands,
        updated_at: pull.updated_at,
    };
    Ok(texts.beside(value))
}

fn mergeability(mergeable: &str, status: &str) -> Mergeability {
    match (mergeable, status) {
        ("CONFLICTING", _) | (_, "DIRTY") => Mergeability::Conflicting,
        ("MERGEABLE", "BEHIND") => Mergeability::Behind,
        ("MERGEABLE", _) => Mergeability::Clean,
        _ => Mergeability::Unknown,
    }
}

const fn merging(pull: &RawPull) -> Merging {
    match (&pull.merge_queue_entry, &pull.auto_merge_request) {
        (Some(_), _) => Merging::Queued,
        (None, Some(_)) => Merging::Automatic,
        (None, None) => Merging::ByHand,
    }
}

/// How the pull request left the merge queue, if that is the last that happened: whoever pushed since, or put it into the
/// queue again, has answered it.
fn ejection(last: RawMoment) -> Option<Ejection> {
    let RawMoment::RemovedFromMergeQueueEvent(removal) = last else { return None };
    let commit = removal.before_commit.as_ref().map(|commit| commit.oid.clone());
    let contexts = removal.before_commit.map(RawCommit::contexts).unwrap_or_default();
    Some(Ejection {
        at: removal.created_at,
        reason: removal.reason.unwrap_or_default().to_ascii_lowercase(),
        commit,
        failed: checks::failed(contexts),
    })
}

/// A pending review is nobody's business yet, and a state that we do not know is no verdict.
fn review(raw: RawReview, cast: &Cast, texts: &mut Texts) -> Option<Review> {
    let state = match raw.state.as_str() {
        "APPROVED" => ReviewState::Approved,
        "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
        "COMMENTED" => ReviewState::Commented,
        "DISMISSED" => ReviewState::Dismissed,
        _ => return None,
    };
    let author = cast.author(raw.author.as_ref());
    Some(Review {
        id: raw.id,
        state,
        body: texts.keep(&raw.body, author.tier),
        author,
        commit: raw.commit.map(|commit| commit.oid),
        submitted_at: raw.submitted_at?,
    })
}

fn thread(raw: RawThread, cast: &Cast, texts: &mut Texts) -> Thread {
    let comments = raw.comments.nodes.into_iter().flatten();
    let mut comments: Vec<ThreadComment> = comments.map(|raw| comment(raw, cast, texts)).collect();
    comments.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let first = raw.first.nodes.into_iter().flatten().next().and_then(|first| first.full_database_id);
    Thread {
        id: raw.id,
        first: first.and_then(|number| number.parse().ok()),
        resolved: raw.is_resolved,
        resolved_by: raw.resolved_by.as_ref().and_then(Account::login),
        outdated: raw.is_outdated,
        path: raw.path,
        line: raw.line,
        original_line: raw.original_line,
        comments,
    }
}

/// A comment that speaks to us; most do not.
fn commanded(raw: RawIssueComment, cast: &Cast, texts: &mut Texts) -> Option<CommandComment> {
    let author = cast.author(raw.author.as_ref());
    let commands = command::commands(&raw.body, author.tier, texts);
    let number = raw.full_database_id.and_then(|number| number.parse().ok());
    (!commands.is_empty()).then_some(CommandComment {
        comment: raw.id,
        number: number?,
        author,
        at: raw.created_at,
        edited: raw.last_edited_at.is_some(),
        commands,
    })
}

fn comment(raw: RawComment, cast: &Cast, texts: &mut Texts) -> ThreadComment {
    let author = cast.author(raw.author.as_ref());
    ThreadComment { id: raw.id, body: texts.keep(&raw.body, author.tier), author, created_at: raw.created_at }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        github::fake::{Fake, Reply, Seen, not_found, ok, reply, repo},
        model::{
            Attempt, Author, Check, CheckKind, CheckState, Conclusion, JobId, JobRef, Outside, RepoId, RunId, TextHash,
            Tier,
        },
    };

    const HEAD: &str = "1111111111111111111111111111111111111111";
    const BASE: &str = "2222222222222222222222222222222222222222";
    const NUMBER: PrNumber = PrNumber(12);

    /// A pull request as GraphQL shows it, with something of everything.
    fn pull() -> Value {
        json!({
            "number": 12,
            "url": "https://github.com/octo/hello/pull/12",
            "title": "Title",
            "state": "OPEN",
            "isDraft": false,
            "author": {"__typename": "Bot", "login": "antiphon"},
            "headRefOid": HEAD,
            "headRefName": "work",
            "headRepository": {"databaseId": 7},
            "baseRefName": "main",
            "baseRefOid": BASE,
            "mergeable": "MERGEABLE",
            "mergeStateStatus": "BLOCKED",
            "updatedAt": "2026-01-01T11:00:00Z",
            "labels": {"nodes": [{"name": "b"}, {"name": "a"}]},
            "latestOpinionatedReviews": {"nodes": [
                review("R_2", "zoe", "CHANGES_REQUESTED"),
                review("R_1", "mona", "APPROVED"),
                review("R_3", "ann", "PENDING"),
            ]},
            "reviewThreads": {
                "nodes": [thread("T_2", None, None), thread("T_1", Some(3), Some("zoe"))],
                "pageInfo": {"hasNextPage": false, "endCursor": "t1"},
            },
            "commits": {"nodes": [{"commit": {"oid": HEAD, "statusCheckRollup": {"contexts": {
                "nodes": [run(501, "build", "FAILURE")],
                "pageInfo": {"hasNextPage": false, "endCursor": "c1"},
            }}}}]},
        })
    }

    fn review(id: &str, login: &str, state: &str) -> Value {
        json!({
            "id": id,
            "author": {"__typename": "User", "login": login},
            "state": state,
            "body": "Hm.",
            "submittedAt": "2026-01-01T10:00:00Z",
            "commit": {"oid": HEAD},
        })
    }

    fn thread(id: &str, line: Option<u32>, author: Option<&str>) -> Value {
        let outdated = line.is_none();
        let author = author.map(|login| json!({"__typename": "User", "login": login}));
        let comment =
            json!({"id": format!("{id}_C"), "author": author, "body": "Why?", "createdAt": "2026-01-01T10:00:00Z"});
        json!({
            "id": id,
            "isResolved": false,
            "resolvedBy": null,
            "isOutdated": outdated,
            "path": "a.rs",
            "line": line,
            "originalLine": 3,
            "first": {"nodes": [{"fullDatabaseId": "5000000001"}]},
            "comments": {"nodes": [comment]},
        })
    }

    fn run(id: u64, name: &str, conclusion: &str) -> Value {
        json!({
            "__typename": "CheckRun",
            "databaseId": id,
            "name": name,
            "status": "COMPLETED",
            "conclusion": conclusion,
            "startedAt": "2026-01-01T10:00:00Z",
            "detailsUrl": format!("https://github.com/octo/hello/actions/runs/70/job/{id}"),
            "isRequired": true,
            "checkSuite": {"app": {"slug": "github-actions"}, "workflowRun": {"databaseId": 70}},
        })
    }

    fn data(pull: &Value) -> Reply {
        ok(&json!({"data": {"repository": {"databaseId": 7, "nameWithOwner": "octo/hello", "pullRequest": pull}}}))
    }

    /// Everything around the pull request.
    fn surroundings(seen: &Seen) -> Reply {
        let line = seen.line.trim_start_matches("GET /repos/octo/hello/");
        match line {
            "GET /user" => ok(&json!({"login": "antiphon[bot]"})),
            "collaborators/mona/permission" => ok(&json!({"permission": "admin", "role_name": "admin"})),
            "collaborators/antiphon[bot]/permission" => ok(&json!({"permission": "write", "role_name": "write"})),
            "collaborators/zoe/permission" => reply(403, &json!({"message": "Resource not accessible by integration"})),
            "actions/runs/70/jobs?filter=latest&per_page=100&page=1" => ok(
                &json!({"total_count": 1, "jobs": [{"id": 501, "run_id": 70, "run_attempt": 2, "name": "build", "steps": []}]}),
            ),
            _ => not_found(),
        }
    }

    async fn fake(pull: Value) -> Fake {
        Fake::start(move |seen| if seen.line == "POST /graphql" { data(&pull) } else { surroundings(seen) }).await
    }

    fn author(login: &str, tier: Tier) -> Author {
        let own = login == "antiphon[bot]";
        Author { login: login.parse().unwrap(), tier, own, bot: own, reviewer: false }
    }

    fn text(text: &str, tier: Tier) -> Outside {
        Outside { hash: TextHash::of(text), bytes: u32::try_from(text.len()).unwrap(), tier }
    }

    fn expected() -> Snapshot {
        let review = |id: &str, author: Author, state| Review {
            id: id.parse().unwrap(),
            body: text("Hm.", author.tier),
            author,
            state,
            commit: Some(HEAD.parse().unwrap()),
            submitted_at: "2026-01-01T10:00:00Z".parse().unwrap(),
        };
        let thread = |id: &str, line: Option<u32>, author| Thread {
            id: id.parse().unwrap(),
            first: Some(5_000_000_001),
            resolved: false,
            resolved_by: None,
            outdated: line.is_none(),
            path: "a.rs".to_owned(),
            line,
            original_line: Some(3),
            comments: vec![ThreadComment {
                id: format!("{id}_C").parse().unwrap(),
                author,
                body: text("Why?", Tier::Stranger),
                created_at: "2026-01-01T10:00:00Z".parse().unwrap(),
            }],
        };
        Snapshot {
            repo: RepoId(7),
            repo_name: repo(),
            number: NUMBER,
            url: "https://github.com/octo/hello/pull/12".to_owned(),
            author: author("antiphon[bot]", Tier::Collaborator),
            title: text("Title", Tier::Collaborator),
            lifecycle: Lifecycle::Open,
            draft: false,
            head: Head {
                sha: HEAD.parse().unwrap(),
                branch: "work".parse().unwrap(),
                repo: Some(RepoId(7)),
                merged: None,
            },
            base: Base { branch: "main".parse().unwrap(), sha: BASE.parse().unwrap(), pull: None },
            mergeability: Mergeability::Clean,
            merging: Merging::ByHand,
            ejection: None,
            checks: vec![Check {
                name: "build".parse().unwrap(),
                kind: CheckKind::Run,
                app: Some("github-actions".to_owned()),
                required: true,
                state: CheckState::Finished(Conclusion::Failure),
                job: Some(JobRef { run: RunId(70), attempt: Attempt(2), job: JobId(501) }),
                url: Some("https://github.com/octo/hello/actions/runs/70/job/501".to_owned()),
            }],
            reviews: vec![
                review("R_1", author("mona", Tier::Maintainer), ReviewState::Approved),
                review("R_2", author("zoe", Tier::Stranger), ReviewState::ChangesRequested),
            ],
            threads: vec![
                thread("T_1", Some(3), author("zoe", Tier::Stranger)),
                thread("T_2", None, author("ghost", Tier::Stranger)),
            ],
            labels: vec!["a".to_owned(), "b".to_owned()],
            commands: Vec::new(),
            updated_at: "2026-01-01T11:00:00Z".parse().unwrap(),
        }
    }

    // G096, G100: a pending review is not there, a line that is gone is no error. Who cannot be asked about (zoe: 403)
    // and who is no collaborator (404) are strangers.
    #[tokio::test]
    async fn a_pull_request_is_read_whole() {
        let fake = fake(pull()).await;

        let Fetched { value, texts } = fake.client.snapshot(&repo(), NUMBER).await.unwrap();

        assert_eq!(value, expected());
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["Hm.", "Title", "Why?"]);
    }

    #[tokio::test]
    async fn equal_facts_in_another_order_are_an_equal_value() {
        let mut turned = pull();
        for list in ["/labels/nodes", "/latestOpinionatedReviews/nodes", "/reviewThreads/nodes"] {
            turned.pointer_mut(list).unwrap().as_array_mut().unwrap().reverse();
        }
        let fake = fake(turned).await;

        assert_eq!(fake.client.snapshot(&repo(), NUMBER).await.unwrap().value, expected());
    }

    // S31: an outage makes nobody a stranger
    #[tokio::test]
    async fn a_look_fails_when_nobody_can_say_who_is_trusted() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "POST /graphql" => data(&pull()),
            line if line.ends_with("/zoe/permission") => reply(502, &json!({})),
            _ => surroundings(seen),
        })
        .await;

        let failed = fake.client.snapshot(&repo(), NUMBER).await.unwrap_err();
        assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
    }

    #[tokio::test]
    async fn permissions_are_asked_once_in_five_minutes_and_failures_each_time() {
        let fake = fake(pull()).await;
        let asked = |login: &str| {
            let line = format!("GET /repos/octo/hello/collaborators/{login}/permission");
            fake.lines().iter().filter(|seen| **seen == line).count()
        };

        fake.client.snapshot(&repo(), NUMBER).await.unwrap();
        fake.pass(299);
        fake.client.snapshot(&repo(), NUMBER).await.unwrap();
        assert_eq!((asked("mona"), asked("zoe")), (1, 2));
        fake.pass(1);
        fake.client.snapshot(&repo(), NUMBER).await.unwrap();
        assert_eq!((asked("mona"), asked("zoe")), (2, 3));
    }

    // S38
    #[tokio::test]
    async fn a_base_that_is_the_same_authors_open_work_is_known() {
        let of = async |login: &str| {
            let mut pull = pull();
            let author = json!({"__typename": "Bot", "login": login});
            pull["baseRef"] = json!({"associatedPullRequests": {"nodes": [{"number": 11, "author": author}]}});
            let graphql = |seen: &Seen| seen.line == "POST /graphql";
            let fake = Fake::start(move |seen| if graphql(seen) { data(&pull) } else { surroundings(seen) }).await;
            fake.client.snapshot(&repo(), NUMBER).await.unwrap().value.base.pull
        };

        assert_eq!((of("antiphon").await, of("mona").await), (Some(PrNumber(11)), None));
    }

    // S32
    #[tokio::test]
    async fn further_checks_reviews_and_threads_are_asked_for_and_belong_together() {
        let fake = Fake::start(|seen| {
            if seen.line != "POST /graphql" {
                return surroundings(seen);
            }
            let mut pull = pull();
            let contexts = "/commits/nodes/0/commit/statusCheckRollup/contexts";
            let variables = &seen.body["variables"];
            match variables["checksAfter"].as_str() {
                None => {
                    *pull.pointer_mut(&format!("{contexts}/pageInfo/hasNextPage")).unwrap() = json!(true);
                    pull["latestOpinionatedReviews"]["pageInfo"] = json!({"hasNextPage": true, "endCursor": "r1"});
                }
                Some("c1") => {
                    assert_eq!((&variables["threadsAfter"], &variables["reviewsAfter"]), (&json!("t1"), &json!("r1")));
                    *pull.pointer_mut(&format!("{contexts}/nodes")).unwrap() = json!([run(502, "lint", "SUCCESS")]);
                    let end = json!({"hasNextPage": false, "endCursor": null});
                    let (last, again) = (thread("T_3", None, None), thread("T_1", Some(3), Some("zoe")));
                    pull["reviewThreads"] = json!({"nodes": [again, last], "pageInfo": end});
                    let nodes = [review("R_4", "bob", "CHANGES_REQUESTED")];
                    pull["latestOpinionatedReviews"] = json!({"nodes": nodes, "pageInfo": end});
                }
                Some(other) => panic!("an unknown cursor {other}"),
            }
            data(&pull)
        })
        .await;

        let snapshot = fake.client.snapshot(&repo(), NUMBER).await.unwrap().value;

        let names: Vec<&str> = snapshot.checks.iter().map(|check| check.name.as_str()).collect();
        let threads: Vec<&str> = snapshot.threads.iter().map(|thread| thread.id.as_str()).collect();
        let reviews: Vec<&str> = snapshot.reviews.iter().map(|review| review.id.as_str()).collect();
        assert_eq!(
            (names, threads, reviews),
            (vec!["build", "lint"], vec!["T_1", "T_2", "T_3"], vec!["R_4", "R_1", "R_2"])
        );
    }

    #[tokio::test]
    async fn a_head_that_moves_between_two_pages_is_noticed() {
        let fake = Fake::start(|seen| {
            let mut pull = pull();
            pull["reviewThreads"]["pageInfo"]["hasNextPage"] = json!(true);
            if seen.body["variables"]["threadsAfter"].is_string() {
                pull["headRefOid"] = json!(BASE);
            }
            data(&pull)
        })
        .await;

        assert!(matches!(fake.client.snapshot(&repo(), NUMBER).await, Err(Error::HeadMoved)));
    }

    // G078
    #[tokio::test]
    async fn unknown_mergeability_is_computed_by_asking_rest() {
        for (answer, expected) in [
            (json!({"mergeable": null}), Mergeability::Unknown),
            (json!({"mergeable": true, "mergeable_state": "behind"}), Mergeability::Behind),
            (json!({"mergeable": false, "mergeable_state": "dirty"}), Mergeability::Conflicting),
        ] {
            let fake = Fake::start(move |seen| {
                let mut pull = pull();
                pull["mergeable"] = json!("UNKNOWN");
                pull["mergeStateStatus"] = json!("UNKNOWN");
                match seen.line.as_str() {
                    "POST /graphql" => data(&pull),
                    "GET /repos/octo/hello/pulls/12" => ok(&answer),
                    _ => surroundings(seen),
                }
            })
            .await;
            assert_eq!(fake.client.snapshot(&repo(), NUMBER).await.unwrap().value.mergeability, expected);
        }
    }

    // G043, G067
    #[tokio::test]
    async fn a_deleted_fork_and_a_head_without_checks_are_no_error() {
        let mut bare = pull();
        bare["headRepository"] = json!(null);
        bare["author"] = json!(null);
        bare["commits"]["nodes"][0]["commit"]["statusCheckRollup"] = json!(null);
        let fake = fake(bare).await;

        let snapshot = fake.client.snapshot(&repo(), NUMBER).await.unwrap().value;

        assert_eq!((snapshot.head.repo, snapshot.checks), (None, vec![]));
        assert_eq!(snapshot.author, author("ghost", Tier::Stranger));
    }

    #[tokio::test]
    async fn checks_of_another_commit_than_the_head_are_not_the_heads() {
        let mut lagging = pull();
        lagging["commits"]["nodes"][0]["commit"]["oid"] = json!(BASE);
        let fake = fake(lagging).await;

        assert_eq!(fake.client.snapshot(&repo(), NUMBER).await.unwrap().value.checks, []);
    }

    #[test]
    fn mergeability_has_one_meaning_per_pair() {
        assert_eq!(mergeability("MERGEABLE", "CLEAN"), Mergeability::Clean);
        assert_eq!(mergeability("MERGEABLE", "UNSTABLE"), Mergeability::Clean);
        assert_eq!(mergeability("MERGEABLE", "BEHIND"), Mergeability::Behind);
        assert_eq!(mergeability("CONFLICTING", "DIRTY"), Mergeability::Conflicting);
        assert_eq!(mergeability("UNKNOWN", "UNKNOWN"), Mergeability::Unknown);
        assert_eq!(mergeability("SPARKLING", "SPARKLING"), Mergeability::Unknown);
    }

    // G091, G087 as far: what GitHub or its queue will do by itself is a fact
    #[tokio::test]
    async fn a_merge_that_github_was_told_to_make_is_seen() {
        for (field, value, expected) in [
            ("autoMergeRequest", json!({"enabledAt": null}), Merging::Automatic),
            ("mergeQueueEntry", json!({"state": "QUEUED"}), Merging::Queued),
        ] {
            let mut shown = pull();
            shown[field] = value;
            assert_eq!(fake(shown).await.client.snapshot(&repo(), NUMBER).await.unwrap().value.merging, expected);
        }
    }

    // G087
    #[tokio::test]
    async fn how_the_queue_threw_it_out_is_seen_until_somebody_pushes() {
        let removal = |reason: &str| {
            json!({
                "__typename": "RemovedFromMergeQueueEvent",
                "createdAt": "2026-01-01T11:30:00Z",
                "reason": reason,
                "beforeCommit": {"oid": BASE, "statusCheckRollup": {"contexts": {"nodes": [
                    run(601, "build", "FAILURE"), run(602, "lint", "SUCCESS"),
                ]}}},
            })
        };
        let mut shown = pull();
        shown["timelineItems"] = json!({"nodes": [removal("CI_FAILURE")]});
        let ejection = fake(shown.clone()).await.client.snapshot(&repo(), NUMBER).await.unwrap().value.ejection;
        let ejection = ejection.unwrap();
        let failed: Vec<_> = ejection.failed.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(
            (ejection.reason.as_str(), ejection.commit, failed),
            ("ci_failure", Some(BASE.parse().unwrap()), vec!["build"])
        );

        shown["timelineItems"] = json!({"nodes": [{"__typename": "PullRequestCommit"}]});
        assert_eq!(fake(shown).await.client.snapshot(&repo(), NUMBER).await.unwrap().value.ejection, None);
    }
}
