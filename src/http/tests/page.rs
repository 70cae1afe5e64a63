//! The page: what it shows, what it never lets through, and that it needs neither script nor style of its own.

use std::sync::Arc;

use axum::http::header;

use super::{
    house::House,
    samples::{full_swing, kept, one_task, put_session, put_task, running, session, task},
};
use crate::{
    engine::Engine,
    journal::Journal,
    machine::{session::Activity, task::Phase},
};

#[tokio::test]
async fn what_needs_a_person_comes_first_and_then_the_work() {
    let house = House::new().await;
    full_swing(&house).await;

    let page = house.get("/").await.text;

    let places: Vec<_> = [
        "Needs you",
        "the agent waits for an answer in its terminal",
        "1 withheld",
        ">Work<",
        "Fix the broken link on the start page",
        "next attempt <time",
        "in 25 s",
        "Other open pull requests",
        "Bump the theme to 4.2",
        ">Ended<",
    ]
    .map(|words| page.find(words).unwrap_or_else(|| panic!("{words} is not on the page\n{page}")))
    .into();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("4 of 4 slots in use, 1 waiting"));
    assert!(page.contains("2 of 3 attempts"));
}

#[tokio::test]
async fn a_quiet_daemon_says_so() {
    let house = House::new().await;

    let page = house.get("/").await.text;

    assert!(page.contains("Nothing needs you."));
    assert!(page.contains("Nothing is worked on."));
}

#[tokio::test]
async fn refused_settings_are_shown_first() {
    let house = House::new().await;
    house.changing.refused.send_replace(Some("antiphon.yaml:3:5: unknown key `lable`".to_owned()));

    assert!(house.get("/").await.text.contains("antiphon.yaml:3:5: unknown key `lable`"));
}

// G106
#[tokio::test]
async fn titles_of_strangers_are_text() {
    let house = House::new().await;
    let hostile = "<script>alert(1)</script> \"><img src=x onerror=alert(2)> \u{202e}nettirw \u{200b}&amp;";
    let mut hurt = task(&house, 1, hostile, Phase::Working).await;
    hurt.trouble = Some(hostile.to_owned());
    put_task(&house, hurt).await;
    put_session(&house, session(&house, "pages-1", running(&house, Activity::Idle, 1))).await;

    for path in ["/", "/fragment", "/sessions/pages-1"] {
        let page = house.get(path).await.text;
        for through in ["<script>alert", "<img src=x", "\u{202e}", "\u{200b}"] {
            assert!(!page.contains(through), "{through:?} on {path}\n{page}");
        }
    }
    assert!(house.get("/").await.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[tokio::test]
async fn an_address_that_runs_something_is_no_link() {
    let house = House::new().await;
    let mut open = super::samples::pull(&house, 5, "Hello", Vec::new()).await;
    let mut snapshot = open.snapshot.take().unwrap();
    snapshot.url = "javascript:alert(1)".to_owned();
    open.snapshot = Some(snapshot);
    super::samples::put_pull(&house, open).await;

    assert!(!house.get("/").await.text.contains("href=\"javascript:"));
}

#[tokio::test]
async fn the_page_holds_no_script_or_style_of_its_own() {
    let house = House::new().await;
    full_swing(&house).await;
    for path in ["/", "/sessions/pages-3"] {
        let page = house.get(path).await.text;
        assert!(!page.contains(" style=") && !page.contains("<style"), "{path}");
        assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "{path}");
        assert_eq!(page.matches("<script").count(), 1, "{path}");
        assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "{path}");
    }
}

#[tokio::test]
async fn every_id_stands_once() {
    let house = House::new().await;
    full_swing(&house).await;
    for path in ["/", "/sessions/pages-3"] {
        let page = house.get(path).await.text;
        let mut ids: Vec<_> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{path}");
    }
}

#[tokio::test]
async fn a_session_shows_its_screen_and_what_it_was_told() {
    let house = House::new().await;
    full_swing(&house).await;

    let page = house.get("/sessions/pages-3").await.text;

    assert!(page.contains("<span class=\"bold\">Welcome to the agent</span>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;"), "{page}");
    assert!(page.contains("abuot.md does not exist"));
    assert!(page.contains("read in its hook"));
    assert!(!page.contains('\u{202e}'));
    assert_eq!(house.get("/sessions/nobody").await.status, 404);
    assert_eq!(house.get("/sessions/%3Cscript%3E").await.status, 404);
}

#[tokio::test]
async fn the_fragment_is_the_part_that_changes() {
    let house = House::new().await;
    one_task(&house).await;

    let (page, fragment) = (house.get("/").await.text, house.get("/fragment").await.text);

    assert!(page.contains(&fragment));
    assert!(fragment.starts_with("<div id=\"now\""));
}

#[tokio::test]
async fn files_are_kept_by_browsers_until_they_change() {
    let house = House::new().await;
    let page = house.get("/").await.text;
    for (name, kind) in [("style.css", "text/css"), ("live.js", "text/javascript"), ("icon.svg", "image/svg+xml")] {
        let (_, rest) = page.split_once(&format!("/{name}?v=")).unwrap();
        let file = house.get(&format!("/{name}?v={}", rest.split('"').next().unwrap())).await;
        assert!(file.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
        assert_eq!(file.headers[header::CACHE_CONTROL], "private, max-age=31536000, immutable");
        assert_eq!(file.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(file.text.len() > 100);
    }
}

#[tokio::test]
async fn words_that_are_gone_leave_the_number() {
    let house = House::new().await;
    let mut lost = task(&house, 1, "x", Phase::Working).await;
    let mut issue = super::samples::issue(&house, 1, "x").await;
    issue.title = crate::model::Outside { hash: super::samples::hash("never kept"), ..kept(&house, "x").await };
    lost.work = crate::event::Work::Issue(Box::new(issue));
    put_task(&house, lost).await;

    assert!(house.get("/").await.text.contains(">issue #1<"));
}

#[tokio::test]
#[ignore = "serves the page for a person to look at: cargo test --lib show_the_page -- --ignored --nocapture"]
async fn show_the_page() {
    let house = House::new().await;
    full_swing(&house).await;
    let address = house.listen().await;
    let journal: Arc<dyn Journal> = house.journal.clone();
    let engine = Engine::new(journal, house.changing.rules.subscribe(), house.surroundings.clock.clone());
    house.tasks.spawn("engine", |stop| engine.run(stop));
    house.let_time_pass();
    let link = house.surroundings.token.link_code().unwrap();
    println!("http://{address}/login?code={link}");
    println!("token {}", house.token);
    tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await.unwrap().unwrap();
    house.tasks.shut_down(std::time::Duration::from_secs(1)).await;
}
