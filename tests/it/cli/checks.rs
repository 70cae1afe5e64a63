//! What is checked without a daemon: `doctor` and `reactions`.

use serde_json::Value;

use super::world::World;

const POLLING: &str = "webhook: { enabled: false }\nlisten: 127.0.0.1:0\n";

fn grades(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let checks = report["checks"].as_array().expect("there are checks");
    checks.iter().map(|check| (text(&check["check"]), text(&check["grade"]))).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_machine_that_has_everything_is_healthy() {
    let world = World::new()
        .with("GITHUB_TOKEN", "t")
        .with_version("claude", "2.1.328 (Claude Code)")
        .with_clone("hello", "https://github.com/octo-org/hello");
    let settings = format!("{POLLING}repositories: [{{ name: octo-org/hello, path: ~/hello }}]\n");
    let world = world.with_file(".config/antiphon/antiphon.yaml", &settings);

    let ran = world.run(&["doctor", "--json"]);

    let report = ran.json();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{report:#}");
    assert_eq!((&report["schema"], &report["healthy"]), (&1.into(), &true.into()));
    let fine = ["git", "settings", "reactions", "credentials", "clone", "agent", "address", "state"];
    let mut expected = owned(&fine.map(|check| (check, "fine")));
    expected.insert(1, ("tmux".to_owned(), "note".to_owned()));
    expected.push(("daemon".to_owned(), "note".to_owned()));
    assert_eq!(grades(&report), expected);
    assert!(!world.state().exists(), "looking made something");
}

#[test]
fn a_version_of_an_agent_that_nobody_tried_is_warned_about() {
    let world = World::new()
        .with("GITHUB_TOKEN", "t")
        .with_version("claude", "9.0.0 (Claude Code)")
        .with_clone("hello", "https://github.com/octo-org/hello");
    let settings = format!("{POLLING}repositories: [{{ name: octo-org/hello, path: ~/hello }}]\n");
    let world = world.with_file(".config/antiphon/antiphon.yaml", &settings);

    let report = world.run(&["doctor", "--json"]).json();

    let agent = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "agent").unwrap();
    assert_eq!(agent["grade"], "warning");
    assert!(agent.to_string().contains("tried was >=2.1.300, <2.2"), "{agent:#}");
}

#[test]
fn every_problem_comes_with_its_fix_and_exit_code_5() {
    let settings = format!(
        "{POLLING}repositories: [{{ name: octo-org/hello, path: ~/hello, agent: mine, runtime: tmux }}]\n\
         agents: {{ mine: {{ command: [/nowhere/agent] }} }}\n"
    );
    let world = World::new().with_file("hello/a", "").with_file(".config/antiphon/antiphon.yaml", &settings);
    std::fs::remove_file(world.path("bin/git")).unwrap();

    let ran = world.run(&["doctor", "--json"]);

    assert_eq!(ran.code, Some(5));
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap();
    let problems: Vec<_> = checks.iter().filter(|check| check["grade"] == "problem").collect();
    let names: Vec<_> = problems.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(names, ["git", "credentials", "clone", "runtime", "agent"]);
    assert!(problems.iter().all(|check| !check["fix"].as_str().unwrap().is_empty()), "{report:#}");
    assert_eq!(ran.error()["exit_code"], 5);
}

#[test]
fn an_address_in_use_and_a_state_directory_that_is_no_directory_are_problems() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("webhook: {{ enabled: false }}\nlisten: {}\n", taken.local_addr().unwrap());
    let world = World::new().with_file("here/antiphon.yaml", &listen).with_file("state", "a file");
    let state = world.path("state").display().to_string();

    let report = world.run(&["doctor", "--json", "--state-dir", &state]).json();

    let problem = |name: &str| owned(&[(name, "problem")]).remove(0);
    let grades = grades(&report);
    assert!(grades.contains(&problem("address")) && grades.contains(&problem("state")), "{report:#}");
}

#[test]
fn broken_settings_are_a_problem_that_is_shown_at_its_place() {
    let world = World::new().with_file(".config/antiphon/antiphon.yaml", "limits: { sesions: 1 }\n");

    let ran = world.run(&["doctor"]);

    assert_eq!(ran.code, Some(5));
    assert!(ran.out.contains("antiphon.yaml:1:11"), "{}", ran.out);
    assert!(ran.out.contains("did you mean `sessions`?"), "{}", ran.out);
}

#[test]
fn the_shipped_rules_answer_their_incidents() {
    let ran = World::new().run(&["reactions", "check", "--json"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    let [set] = report["sets"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert_eq!(set["answering"]["checks-failed"], serde_json::json!(["ci-failed"]));
    let rule = set["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "ci-failed").unwrap();
    assert_eq!((&rule["layer"], &rule["do"][0]["action"]), (&"shipped".into(), &"rerun".into()));
    assert_eq!(rule["origins"]["name"]["file"], "reactions/ci-failed.yaml");
}

#[test]
fn ones_own_rules_are_laid_over_the_shipped_ones() {
    let world = World::new()
        .with_file("here/antiphon.yaml", POLLING)
        .with_file("here/reactions/ci.yaml", "name: ci-failed\nretry: { attempts: 2 }\n");

    let ran = world.run(&["reactions", "check", "--origins"]);

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("retry.attempts               operator ~/here/reactions/ci.yaml:2"), "{}", ran.out);
}

#[test]
fn a_repositorys_rules_are_those_of_its_base_branch_and_not_of_the_worktree() {
    let world = World::new().with_clone("origin", "/nowhere");
    let (origin, clone) = (world.path("origin"), world.path("clone"));
    let rule = ".antiphon/reactions/ci.yaml";
    let world = world.with_file(&format!("origin/{rule}"), "name: ci-failed\nretry: { attempts: 1 }\n");
    world.git(&origin, &["add", "."]);
    world.git(&origin, &["commit", "-q", "-m", "rules"]);
    world.git(&world.path(""), &["clone", "-q", &origin.display().to_string(), &clone.display().to_string()]);
    let settings = format!("{POLLING}repositories: [{{ name: octo-org/hello, path: ~/clone }}]\n");
    let world = world
        .with_file(&format!("clone/{rule}"), "no rule: at all\n")
        .with_file(".config/antiphon/antiphon.yaml", &settings);

    let ran = world.run(&["reactions", "check", "--json"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    let set = report["sets"].as_array().unwrap().iter().find(|set| set["place"] == "octo-org/hello").unwrap();
    let rule = set["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "ci-failed").unwrap();
    assert_eq!((&rule["retry"]["attempts"], &rule["layer"]), (&1.into(), &"repository".into()));
}

#[test]
fn a_file_is_checked_as_whose_it_is() {
    let world = World::new().with_file("here/ci.yaml", "name: ci-failed\nretry: { attempts: 9 }\n");

    let mine = world.run(&["reactions", "check", "ci.yaml"]);
    let repositorys = world.run(&["reactions", "check", "--as", "repository", "ci.yaml"]);

    assert_eq!((mine.code, repositorys.code), (Some(0), Some(2)), "{mine:?} {repositorys:?}");
    assert!(repositorys.err.contains("ci.yaml:2:20"), "{}", repositorys.err);
}

#[test]
fn the_context_of_rules_is_described_and_shown() {
    let world = World::new();

    let sample = world.run(&["reactions", "context", "--sample", "conflict"]).json();
    let unknown = world.run(&["reactions", "context", "--sample", "conflicts"]);

    assert_eq!(sample[0]["incident"], "conflict");
    assert!(world.run(&["reactions", "context"]).out.contains("pr.title"));
    assert_eq!(unknown.code, Some(2));
}
