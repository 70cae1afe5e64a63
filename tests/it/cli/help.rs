//! What people read before they do anything.

use super::world::World;

/// Every command that people use.
const COMMANDS: [&[&str]; 32] = [
    &[],
    &["init"],
    &["github"],
    &["github", "setup"],
    &["github", "check"],
    &["webhook"],
    &["webhook", "forward"],
    &["demo"],
    &["up"],
    &["status"],
    &["spawn"],
    &["adopt"],
    &["send"],
    &["attach"],
    &["recording"],
    &["logs"],
    &["stop"],
    &["retry"],
    &["gc"],
    &["undo"],
    &["open"],
    &["doctor"],
    &["reactions"],
    &["reactions", "check"],
    &["reactions", "context"],
    &["journal", "verify"],
    &["journal", "export"],
    &["journal", "compact"],
    &["journal", "info"],
    &["bench"],
    &["bench", "delivery"],
    &["completions"],
];

#[test]
fn the_help_of_every_command_has_examples_and_no_colours_in_a_pipe() {
    let world = World::new();
    for command in COMMANDS {
        let ran = world.run(&[command, &["--help"]].concat());

        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{command:?}");
        assert!(ran.out.contains("Examples:\n  "), "{command:?}\n{}", ran.out);
        assert!(!ran.out.contains('\x1b'), "{command:?}");
    }
}

#[test]
fn the_help_names_every_command_that_people_use_and_no_hidden_one() {
    let help = World::new().run(&["--help"]).out;

    for command in COMMANDS.iter().filter_map(|command| command.first()) {
        assert!(help.contains(&format!("\n  {command} ")), "{command}\n{help}");
    }
    for hidden in ["hold", "record", "hook", "git-credential", "scripted-agent", "faulty-agent"] {
        assert!(!help.contains(&format!("\n  {hidden} ")), "{hidden}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let ran = World::new().run(&["--version"]);

    assert_eq!((ran.code, ran.out), (Some(0), format!("antiphon {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn exit_codes_are_explained() {
    let ran = World::new().run(&["help", "exit-codes"]);

    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("3  No daemon runs with this state directory, or it cannot be reached."), "{}", ran.out);
}

#[test]
fn shells_get_completions() {
    let world = World::new();
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef antiphon"), ("fish", "complete -c antiphon")] {
        let ran = world.run(&["completions", shell]);

        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert!(ran.out.contains(sign) && ran.out.contains("git-credential") == ran.out.contains("hook"), "{shell}");
    }
}

#[test]
fn a_misspelt_command_is_corrected_with_exit_code_2() {
    let ran = World::new().run(&["staus"]);

    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a similar subcommand exists: 'status'"), "{}", ran.err);
}

#[test]
fn who_asks_for_json_gets_mistakes_of_the_command_line_as_json() {
    let error = World::new().run(&["status", "--wach", "--json"]).error();

    assert_eq!((&error["kind"], &error["exit_code"]), (&"invalid".into(), &2.into()));
    assert_eq!(error["error"], "unexpected argument '--wach' found");
    assert_eq!(error["hints"][0], "a similar argument exists: '--watch'");
}
