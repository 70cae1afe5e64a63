//! An overview as text: what needs you first. Pure; the times are told from the overview's own moment.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

use super::tone::{Tone, coloured};
use crate::{
    cli::age::age,
    view::{IncidentView, Overview, PullPhase, PullView, SessionView, TaskView, usage},
};

/// An overview in lines of at most `width` columns; with what has ended if `all`.
pub(super) fn of(overview: &Overview, all: bool, width: u16) -> String {
    let mut text = head(overview);
    text.push_str(&limits(overview));
    text.push_str(&needs(overview));
    let (tasks, pulls) = (tasks(overview, all), pulls(overview, all));
    if tasks.is_empty() && pulls.is_empty() {
        text.push_str(nothing(overview));
    }
    text.push_str(&section("Tasks", &tasks, width));
    text.push_str(&section("Pull requests", &pulls, width));
    text.push_str(&troubles(overview));
    text
}

/// What reviewers ask for, and what became of it.
pub(super) fn requests(overview: &Overview) -> String {
    let requests = overview.pulls.iter().flat_map(|pull| &pull.requests);
    let lines = requests.map(|request| {
        let since = request.since.map(|since| format!(" ({})", age(since, overview.at))).unwrap_or_default();
        format!("  {}{since}\n", request.in_words())
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\nReviewers ask\n{lines}") }
}

fn head(overview: &Overview) -> String {
    let slots = overview.slots;
    let waiting = if slots.waiting > 0 { format!(", {} waiting for one", slots.waiting) } else { String::new() };
    let repositories = match overview.repositories.as_slice() {
        [] => "no repository yet".to_owned(),
        [one] => one.name.clone(),
        several => format!("{} repositories", several.len()),
    };
    format!("{repositories} · {} of {} slots in use{waiting}\n", slots.used, slots.all)
}

fn limits(overview: &Overview) -> String {
    let lines =
        overview.limits.iter().map(|limit| coloured(&format!("{} {}\n", Tone::Waiting.sign(), limit.in_words())));
    lines.collect()
}

fn needs(overview: &Overview) -> String {
    if overview.needs.is_empty() {
        return "\nNothing needs you.\n".to_owned();
    }
    let lines = overview.needs.iter().flat_map(|need| {
        let since = need.since.map(|since| format!(" ({})", age(since, overview.at))).unwrap_or_default();
        let what = format!("{} {}: {}{since}", Tone::from(need.severity).sign(), need.subject, need.what);
        [coloured(&what), format!("  → {}", need.hint)]
    });
    format!("\nNeeds you\n{}\n", lines.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

fn nothing(overview: &Overview) -> &'static str {
    if overview.tasks.is_empty() && overview.pulls.is_empty() {
        "\nNo task yet: give an issue the label of your settings, or say what to do: antiphon spawn \"…\"\n"
    } else {
        "\nNothing is under way; what has ended is shown by --all.\n"
    }
}

fn troubles(overview: &Overview) -> String {
    let lines = overview.repositories.iter().filter_map(|repository| {
        let trouble = repository.trouble.as_ref()?;
        Some(coloured(&format!("  {} {}: {trouble}", Tone::Warning.sign(), repository.name)))
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { String::new() } else { format!("\nGitHub cannot be asked\n{}\n", lines.join("\n")) }
}

/// Rows under a heading; the first row names the columns.
fn section(heading: &str, rows: &[Vec<String>], width: u16) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.lines().map(|line| format!(" {}", coloured(line.trim_end()))).collect();
    format!("\n{heading}\n{}\n", lines.join("\n"))
}

fn tasks(overview: &Overview, all: bool) -> Vec<Vec<String>> {
    let over = |task: &&TaskView| task.phase.is_over();
    let shown = overview.tasks.iter().filter(|task| all || !over(task));
    shown
        .map(|task| {
            let session = overview.sessions.iter().find(|session| session.task == task.task);
            vec![
                task.task.clone(),
                signed(task.phase, &word(&task.phase)),
                session.map(agent).or_else(|| task.agent.clone()).unwrap_or_default(),
                task.pull.map(|pull| format!("#{pull}")).unwrap_or_default(),
                task.since.map(|since| age(since, overview.at)).unwrap_or_default(),
                task.trouble.clone().unwrap_or_else(|| task.title.clone()),
            ]
        })
        .collect()
}

fn agent(session: &SessionView) -> String {
    let used = session.used.as_ref().and_then(usage::brief).map(|used| format!(" ({used})"));
    format!("{} {}{}", session.agent, word(&session.phase), used.unwrap_or_default())
}

fn pulls(overview: &Overview, all: bool) -> Vec<Vec<String>> {
    let over = |pull: &&PullView| matches!(pull.phase, PullPhase::Merged | PullPhase::Closed);
    let shown = overview.pulls.iter().filter(|pull| all || !over(pull));
    shown
        .map(|pull| {
            let whose = if pull.task.is_some() { "" } else { " (observed)" };
            vec![
                format!("{}#{}{whose}", pull.repo, pull.number),
                signed(pull.phase, &word(&pull.phase)),
                checks(pull.checks),
                pull.incidents.iter().map(|incident| attempts(incident, overview.at)).collect::<Vec<_>>().join(", "),
                pull.why.clone(),
            ]
        })
        .collect()
}

fn attempts(incident: &IncidentView, now: Timestamp) -> String {
    let most = incident.attempts_max.map(|most| format!(" of {most}")).unwrap_or_default();
    let next = incident.next_at.filter(|next| *next > now).map(|next| format!(", next in {}", age(now, next)));
    format!("attempt {}{most}{}", incident.attempts, next.unwrap_or_default())
}

fn checks((passed, failed, pending): (u32, u32, u32)) -> String {
    let counts = [(failed, "failed"), (pending, "running"), (passed, "passed")];
    let said: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { "no checks".to_owned() } else { said.join(", ") }
}

fn signed(tone: impl Into<Tone>, word: &str) -> String {
    format!("{} {word}", tone.into().sign())
}

/// The word for a phase, as it stands in the JSON.
fn word(phase: &impl serde::Serialize) -> String {
    serde_json::to_value(phase).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::pull::Standing,
        view::{LimitView, RepositoryView, RequestView, SCHEMA, Slots, TaskPhase},
    };

    fn overview() -> Overview {
        let trouble = Some("GitHub answered 503".to_owned());
        let name = "octo-org/hello".to_owned();
        Overview {
            schema: SCHEMA,
            at: "2026-01-01T12:00:00Z".parse().unwrap(),
            needs: Vec::new(),
            tasks: Vec::new(),
            pulls: Vec::new(),
            sessions: Vec::new(),
            slots: Slots { used: 0, all: 4, waiting: 0 },
            repositories: vec![RepositoryView {
                name,
                observed_at: None,
                trouble,
                blocked: Vec::new(),
                broken_rules: Vec::new(),
                silent_since: None,
                parked: None,
            }],
            limits: Vec::new(),
        }
    }

    #[test]
    fn an_empty_overview_says_how_to_begin_and_what_is_wrong() {
        let shown = anstream::adapter::strip_str(&of(&overview(), false, 80)).to_string();

        insta::assert_snapshot!(shown, @r#"
        octo-org/hello · 0 of 4 slots in use

        Nothing needs you.

        No task yet: give an issue the label of your settings, or say what to do: antiphon spawn "…"

        GitHub cannot be asked
          ▲ octo-org/hello: GitHub answered 503
        "#);
    }

    #[test]
    fn what_reviewers_ask_is_told_with_the_commit_that_answered() {
        let request = |place: Option<&str>, standing, commit: Option<&str>| RequestView {
            id: "PRRT_1".to_owned(),
            by: "ada".to_owned(),
            place: place.map(str::to_owned),
            outdated: commit.is_some(),
            standing,
            since: None,
            commit: commit.map(str::to_owned),
            resolved_by: (standing == Standing::Resolved).then(|| "ada".to_owned()),
        };
        let requests = [
            request(None, Standing::HandedOver, None),
            request(Some("a.rs:3"), Standing::Open, None),
            request(Some("a.rs:4"), Standing::Answered, Some("bbbbbbb")),
            request(Some("a.rs:5"), Standing::Answered, None),
            request(Some("a.rs:6"), Standing::Resolved, Some("bbbbbbb")),
        ];
        let said: Vec<String> = requests.iter().map(RequestView::in_words).collect();

        let expected = [
            "review of @ada: handed over",
            "@ada on a.rs:3: open",
            "@ada on a.rs:4 (outdated): answered by bbbbbbb",
            "@ada on a.rs:5: answered in words",
            "@ada on a.rs:6 (outdated): resolved by @ada at bbbbbbb",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_limit_of_github_is_said_in_the_second_line() {
        let (until, why) = ("2026-01-01T12:30:00Z".parse().unwrap(), "it asked for a pause".to_owned());
        let overview = Overview { limits: vec![LimitView { account: None, until, why }], ..overview() };

        let shown = anstream::adapter::strip_str(&of(&overview, false, 80)).to_string();

        let expected = "○ GitHub: limited until 12:30:00 UTC: it asked for a pause; what waits goes on by itself";
        assert_eq!(shown.lines().nth(1), Some(expected));
    }

    #[test]
    fn long_words_are_broken_to_the_width_of_the_terminal() {
        let mut overview = overview();
        overview.tasks = vec![TaskView {
            task: "hello-12".to_owned(),
            repo: "octo-org/hello".to_owned(),
            title: "word ".repeat(40),
            issue: None,
            pull: None,
            branch: None,
            agent: None,
            phase: TaskPhase::Queued,
            trouble: None,
            since: None,
            workspace: None,
            rescue: None,
            incidents: Vec::new(),
            used: None,
        }];

        let shown = anstream::adapter::strip_str(&of(&overview, false, 60)).to_string();
        let table = shown.split("Tasks\n").nth(1).unwrap();
        let widest = table.lines().take_while(|line| !line.is_empty()).map(|line| line.chars().count()).max();

        assert!(widest.is_some_and(|widest| (40..=60).contains(&widest)), "{widest:?}\n{shown}");
    }
}
