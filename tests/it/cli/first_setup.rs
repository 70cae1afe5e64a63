//! `antiphon init`: what it finds, writes and refuses.

use antiphon::config::{self, Config, Environment};

use super::world::World;

fn load(world: &World, path: &str) -> Config {
    let home = world.path("").display().to_string();
    let environment = Environment::new("/", [("HOME", home.as_str()), ("ANTIPHON_WEBHOOK_SECRET", "s")]);
    config::load(&world.path(path), &environment).unwrap_or_else(|error| panic!("{error}"))
}

const SETTINGS: &str = ".config/antiphon/antiphon.yaml";

#[test]
fn the_first_settings_load_and_name_what_was_found() {
    for remote in ["git@github.com:octo-org/hello.git", "https://github.com/octo-org/hello"] {
        let world = World::new().with_clone("src/hello", remote).with_program("codex", "true").standing_in("src/hello");

        let ran = world.run(&["init"]);

        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
        let config = load(&world, SETTINGS);
        let [repository] = config.repositories.as_slice() else { panic!("{config:?}") };
        assert_eq!((repository.name.as_str(), repository.agent.as_str()), ("octo-org/hello", "codex"));
        assert_eq!(repository.path.canonicalize().unwrap(), world.path("src/hello").canonicalize().unwrap());
        assert_eq!(config.github.api_url, "https://api.github.com");
    }
}

#[test]
fn the_default_branch_is_the_remotes() {
    let world = World::new().with_clone("origin", "https://github.com/octo-org/hello").standing_in("clone");
    let (origin, clone) = (world.path("origin"), world.path("clone"));
    world.git(&origin, &["checkout", "-q", "-b", "trunk"]);
    world.git(&origin, &["commit", "-q", "--allow-empty", "-m", "first"]);
    world.git(&world.path(""), &["clone", "-q", &origin.display().to_string(), "clone"]);
    world.git(&clone, &["remote", "set-url", "origin", "ssh://git@git.example.org/octo-org/hello.git"]);

    let ran = world.run(&["init", "--no-webhook"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let config = load(&world, SETTINGS);
    assert_eq!(config.repositories[0].base.as_ref().map(ToString::to_string).as_deref(), Some("trunk"));
    assert_eq!(config.github.api_url, "https://git.example.org/api/v3");
    assert!(!config.webhook.enabled);
}

#[test]
fn it_tells_how_to_connect_github_and_what_to_run_next() {
    let world = World::new().with_clone("hello", "https://github.com/octo-org/hello").standing_in("hello");

    let out = world.run(&["init"]).out;

    let wanted = [
        "antiphon github setup --url https://YOUR-HOST\n",
        "antiphon github setup --webhook --smee\n",
        "antiphon webhook forward --gh\n",
        "antiphon github check\n",
        "\n  antiphon doctor\n  antiphon up\n",
    ];
    for wanted in wanted {
        assert!(out.contains(wanted), "{wanted}\n{out}");
    }
}

#[test]
fn settings_are_never_overwritten_unless_told() {
    let world = World::new()
        .with_clone("hello", "https://github.com/octo-org/hello")
        .with_file(SETTINGS, "mine: true\n")
        .standing_in("hello");

    let refused = world.run(&["init"]);
    let kept = std::fs::read_to_string(world.path(SETTINGS)).unwrap();
    let forced = world.run(&["init", "--force"]);

    assert_eq!((refused.code, kept.as_str(), forced.code), (Some(2), "mine: true\n", Some(0)));
    assert!(
        refused.err.contains("hint: add this below `repositories:`\n    - name: octo-org/hello\n"),
        "{}",
        refused.err
    );
    assert_eq!(load(&world, SETTINGS).repositories.len(), 1);
}

#[test]
fn printing_writes_nothing() {
    let world = World::new().with_clone("hello", "https://github.com/octo-org/hello").standing_in("hello");

    let ran = world.run(&["init", "--print"]);

    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("name: octo-org/hello"), "{}", ran.out);
    assert!(!world.path(".config").exists());
}

#[test]
fn outside_of_a_clone_or_of_github_it_says_what_it_needs() {
    let outside = World::new().run(&["init"]);
    let elsewhere = World::new().with_clone("a", "/srv/git/a.git").standing_in("a").run(&["init"]);

    assert_eq!((outside.code, elsewhere.code), (Some(2), Some(2)));
    assert!(outside.err.contains("is not inside of a git repository\nhint: go into a clone"), "{}", outside.err);
    assert!(
        elsewhere.err.contains("hint: name the repository: `antiphon init --repo OWNER/NAME`"),
        "{}",
        elsewhere.err
    );
}

#[test]
fn without_git_it_says_so() {
    let world = World::new();
    std::fs::remove_file(world.path("bin/git")).unwrap();

    let ran = world.run(&["init"]);

    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("error: git cannot be asked\ncaused by: cannot start git\n"), "{}", ran.err);
}
