//! Mistakes in settings and rules: file, line, column, source line, caret and hint, and exit code 2.

use insta::assert_snapshot;

use super::world::{Ran, World};

fn up(settings: &str) -> Ran {
    World::new().with_file("here/antiphon.yaml", settings).run(&["up", "--config", "antiphon.yaml"])
}

fn complaint(settings: &str) -> String {
    let ran = up(settings);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    ran.err
}

#[test]
fn a_wrong_type_deep_in_a_list_is_shown_at_its_place() {
    let settings = "\
repositories:
  - name: octo-org/hello
    path: /srv/hello
    workspace:
      setup: [npm ci, { run: test }]
";
    assert_snapshot!(complaint(settings), @r"
    error: expected text, found a mapping
     --> ~/here/antiphon.yaml:5:23
      |
    5 |       setup: [npm ci, { run: test }]
      |                       ^
      |
      = hint: write it on one line; with quotes around it, anything is text

    error: the settings hold a mistake
    ");
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    assert_snapshot!(complaint("webhook: { enabled: false }\nlimits:\n  sesions: 2\n"), @r"
    error: unknown key `sesions`
     --> ~/here/antiphon.yaml:3:3
      |
    3 |   sesions: 2
      |   ^^^^^^^
      |
      = hint: did you mean `sessions`?

    error: the settings hold a mistake
    ");
}

#[test]
fn a_key_that_stands_twice_is_shown() {
    assert_snapshot!(complaint("limits: { sessions: 2 }\nreconcile: 5m\nlimits: { sessions: 3 }\n"), @r"
    error: key `limits` appears twice
     --> ~/here/antiphon.yaml:3:1
      |
    3 | limits: { sessions: 3 }
      | ^^^^^^
      |
      = hint: keep one of the two

    error: the settings hold a mistake
    ");
}

#[test]
fn a_tab_is_shown() {
    assert_snapshot!(complaint("limits:\n\tsessions: 2\n"), @r"
    error: a tab indents this line
     --> ~/here/antiphon.yaml:2:1
      |
    2 |     sessions: 2
      | ^^^^
      |
      = hint: indent with spaces; YAML does not allow tabs there

    error: the settings hold a mistake
    ");
}

#[test]
fn every_mistake_in_a_rule_stops_the_start_before_anything_is_done() {
    let world = World::new()
        .with_file("here/antiphon.yaml", "webhook: { enabled: false }\n")
        .with_file("here/reactions/mine.yaml", "name: mine\non: [checks-faild]\ndo: [{ prompt: fix it }]\n");

    let ran = world.run(&["up", "--config", "antiphon.yaml"]);

    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.err, @r"
    error: unknown value `checks-faild`
     --> ~/here/reactions/mine.yaml:2:6
      |
    2 | on: [checks-faild]
      |      ^^^^^^^^^^^^
      |
      = hint: did you mean `checks-failed`?

    error: the reactions hold a mistake
    ");
    assert!(!world.state().exists());
}

#[test]
fn a_mistake_as_json_has_its_place() {
    let world = World::new().with_file("here/bad.yaml", "name: mine\non: [checks-failed]\ndo: [{ prompt: 7 }]\n");

    let ran = world.run(&["reactions", "check", "bad.yaml", "--json"]);

    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    let error = ran.error();
    let mistake = &error["mistakes"][0];
    assert_eq!((&mistake["file"], &mistake["line"], &mistake["column"]), (&"bad.yaml".into(), &3.into(), &16.into()));
    assert_eq!(error["exit_code"], 2);
}

#[test]
fn missing_settings_name_the_places_and_the_way_out() {
    let ran = World::new().run(&["up"]);

    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.err, @r"
    error: no settings found at ~/.config/antiphon/antiphon.yaml or ~/here/antiphon.yaml
    hint: write them with `antiphon init`, or name them with --config FILE
    ");
}
