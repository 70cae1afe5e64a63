//! A world with a GitHub beside it, and settings that lead there.

use antiphon::{
    background::Tasks,
    clock::Clock,
    config::{self, Config, Environment},
    simulator::{Options, Simulator},
};

use super::world::World;

pub(super) const REPO: &str = "acme/pages";
const TOKEN: &str = "the-simulators-token-0123456789";
pub(super) const SETTINGS: &str = ".config/antiphon/antiphon.yaml";

/// A person's machine, and GitHub.
pub(super) struct Connected {
    pub(super) world: World,
    pub(super) github: Simulator,
    pub(super) port: crate::port::Port,
    tasks: Tasks,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.tasks.stop_token().cancel();
    }
}

impl Connected {
    /// Settings as `init` writes them, and nothing connected yet.
    pub(super) async fn new() -> Self {
        Self::told_the_time_by(Clock::system()).await
    }

    /// The same with a GitHub whose clock is this one.
    pub(super) async fn told_the_time_by(clock: Clock) -> Self {
        let tasks = Tasks::new();
        let world = World::new().with("GITHUB_TOKEN", TOKEN).with_file("pages/README.md", "Pages.\n");
        let options = Options {
            dir: world.path("github"),
            clock,
            token: TOKEN.to_owned(),
            webhook: None,
            own_login: "antiphon-app".to_owned(),
            git: "git".into(),
        };
        let github = Simulator::start_on_paper(options, &tasks).await.unwrap();
        github.create_repository(REPO, &[]).await.unwrap();
        // Most addresses here lead nowhere.
        github.deliveries().hold();
        let port = crate::port::Port::reserve();
        let settings = format!(
            "# Mine.\nlisten: 127.0.0.1:{}\ngithub:\n  api_url: {}\n\nwebhook:\n  secret_env: ANTIPHON_WEBHOOK_SECRET\n\
             repositories:\n  - {{ name: {REPO}, path: ~/pages }}\n",
            port.number,
            github.api_url(),
        );
        let world = world.with_file(SETTINGS, &settings);
        Self { world, github, port, tasks }
    }

    /// Where GitHub reaches the daemon.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number)
    }

    /// The settings as the daemon reads them.
    pub(super) fn settings(&self) -> Config {
        let home = self.world.path("").display().to_string();
        let environment = Environment::new("/", [("HOME", home.as_str())]);
        config::load(&self.world.path(SETTINGS), &environment).unwrap_or_else(|error| panic!("{error}"))
    }

    /// How each thing is that was checked: its name, its grade, what was found.
    pub(super) async fn check(&self, more: &[&str]) -> (Option<i32>, Vec<(String, String, String)>) {
        let ran = self.world.start(&[&["github", "check", "--json"], more].concat()).await;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let report = ran.json();
        let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{ran:?}"));
        let checks = checks.iter().map(|it| (text(&it["check"]), text(&it["grade"]), text(&it["what"])));
        (ran.code, checks.collect())
    }
}

/// What was found about one thing.
pub(super) fn about<'c>(checks: &'c [(String, String, String)], name: &str) -> Vec<(&'c str, &'c str)> {
    let of = |it: &&'c (String, String, String)| it.0 == name;
    checks.iter().filter(of).map(|(_, grade, what)| (grade.as_str(), what.as_str())).collect()
}
