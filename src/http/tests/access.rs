//! Who gets in: on loopback, too, only whoever shows the token or the cookie.

use axum::{
    body::Body,
    http::{Method, Request, header},
};

use super::{
    house::{Answer, GITHUB_TOKEN, House, SECRET},
    samples::full_swing,
};

/// Everything that is guarded.
const GUARDED: [(&str, &str); 25] = [
    ("GET", "/"),
    ("GET", "/fragment"),
    ("GET", "/sessions/pages-1"),
    ("GET", "/sessions/pages-1/fragment"),
    ("GET", "/style.css"),
    ("GET", "/live.js"),
    ("GET", "/icon.svg"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/overview"),
    ("GET", "/api/v1/history?machine=fleet"),
    ("GET", "/api/v1/sessions/pages-1/screen"),
    ("GET", "/api/v1/sessions/pages-1/terminal"),
    ("GET", "/api/v1/tasks/pages-1/log"),
    ("GET", "/api/v1/doctor"),
    ("GET", "/api/v1/events"),
    ("POST", "/api/v1/spawn"),
    ("POST", "/api/v1/adopt"),
    ("POST", "/api/v1/send"),
    ("POST", "/api/v1/retry"),
    ("POST", "/api/v1/stop"),
    ("POST", "/api/v1/clean"),
    ("POST", "/api/v1/prune"),
    ("POST", "/api/v1/restore"),
    ("POST", "/api/v1/link"),
    ("GET", "/no/such/path"),
];

async fn ask(house: &House, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.answer(request.body(Body::empty()).unwrap()).await
}

/// Makes a link and follows it; the cookie that it gives.
async fn logged_in(house: &House) -> String {
    let link = house.wish("link", serde_json::Value::Null).await.1;
    let answer = ask(house, "GET", link["path"].as_str().unwrap(), &[]).await;
    assert_eq!(answer.status, 200);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn without_the_token_nothing_is_answered_but_the_open_paths() {
    let house = House::new().await;
    for (method, path) in GUARDED {
        for headers in [
            &[][..],
            &[("authorization", "Bearer nonsense")],
            &[("authorization", "Basic eDp5")],
            &[("cookie", "antiphon=nonsense")],
            &[("authorization", "Bearer ")],
        ] {
            let answer = ask(&house, method, path, headers).await;
            assert_eq!(answer.status, 401, "{method} {path} {headers:?}");
        }
    }
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/login?code=nonsense", 401),
        ("POST", "/webhooks/github", 415),
        ("POST", "/api/v1/credential", 415),
    ] {
        assert_eq!(ask(&house, method, path, &[]).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn with_the_token_everything_is_answered() {
    let house = House::new().await;
    for (method, path) in GUARDED {
        let request = house.request(method.parse().unwrap(), path, Body::empty());
        let answer = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
        assert_ne!(answer.status(), 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_link_logs_a_browser_in_once() {
    let house = House::new().await;
    let link = house.wish("link", serde_json::Value::Null).await.1;
    let path = link["path"].as_str().unwrap();

    assert_eq!(ask(&house, "GET", path, &[]).await.status, 200);
    assert_eq!(ask(&house, "GET", path, &[]).await.status, 401);
}

#[tokio::test]
async fn the_cookie_reads_and_changes_nothing_on_behalf_of_other_sites() {
    let house = House::new().await;
    let cookie = logged_in(&house).await;
    let shown = ("cookie", cookie.as_str());

    assert_eq!(ask(&house, "GET", "/", &[shown]).await.status, 200);
    for site in [None, Some("cross-site"), Some("same-site"), Some("none")] {
        let mut headers = vec![shown, ("content-type", "application/json")];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        assert_eq!(ask(&house, "POST", "/api/v1/stop", &headers).await.status, 401, "{site:?}");
    }
    let own = [shown, ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
    assert_eq!(ask(&house, "POST", "/api/v1/stop", &own).await.status, 400);
}

#[tokio::test]
async fn a_browser_without_a_cookie_is_told_what_to_do() {
    let house = House::new().await;

    let page = ask(&house, "GET", "/", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("antiphon open"), "{}", page.text);
    assert!(page.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));

    let json = ask(&house, "GET", "/api/v1/overview", &[]).await.json();
    assert_eq!(json["error"], "this needs the access token");
}

#[tokio::test]
async fn every_answer_forbids_what_the_page_does_not_need() {
    let house = House::new().await;
    let cookie = logged_in(&house).await;
    for headers in [&[][..], &[("cookie", cookie.as_str())]] {
        let answer = ask(&house, "GET", "/", headers).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn no_answer_holds_a_secret() {
    let house = House::new().await;
    full_swing(&house).await;
    let address =
        crate::runtime::Address { session: "pages-3".parse().unwrap(), generation: crate::model::Generation(1) };
    let launch = house.launched(&address);
    let secrets = [house.token.as_str(), SECRET, GITHUB_TOKEN, launch.expose()];
    for (method, path) in GUARDED.map(|(method, path)| (method, path.replace("pages-1", "pages-3"))) {
        if path == "/api/v1/events" {
            continue;
        }
        let request = house.request(method.parse::<Method>().unwrap(), &path, Body::empty());
        let answer = house.answer(request).await;
        for secret in secrets {
            assert!(!answer.text.contains(secret), "{path}");
            assert!(!format!("{:?}", answer.headers).contains(secret), "{path}");
        }
    }
}
