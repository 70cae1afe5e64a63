//! What the daemon and agents call: it must be quiet, and a hook must succeed whatever happens.

use super::world::{Ran, World};

fn nothing_said() -> Ran {
    Ran { code: Some(0), out: String::new(), err: String::new() }
}

#[test]
fn a_hook_succeeds_whatever_happens() {
    let lost = World::new().with("ANTIPHON_SPOOL", "/nowhere").with("ANTIPHON_LAUNCH_TOKEN", &"0".repeat(32));

    assert_eq!(World::new().run(&["hook"]), nothing_said());
    assert_eq!(World::new().run(&["hook", "--no-such-option", "a", "b"]), nothing_said());
    assert_eq!(lost.with_input("{}").run(&["hook"]), nothing_said());
}

#[test]
fn a_hook_records_what_it_is_told_in_the_spool_of_its_launch() {
    for (args, input) in [(vec!["hook"], "{\"a\":1}"), (vec!["hook", "{\"a\":1}"], "")] {
        let world = World::new().with("ANTIPHON_LAUNCH_TOKEN", &"0".repeat(32)).with_input(input);
        let spool = world.path("spool");
        std::fs::create_dir(&spool).unwrap();
        let world = world.with("ANTIPHON_SPOOL", &spool.display().to_string());

        assert_eq!(world.run(&args), nothing_said());

        let drained = antiphon::agent::spool::drain(&spool, &"0".repeat(32).parse().unwrap(), 0).unwrap();
        assert_eq!((drained.events.len(), drained.foreign, drained.unreadable), (1, 0, 0), "{args:?}");
    }
}

#[test]
fn git_gets_no_credential_outside_of_a_session() {
    let get = World::new().with_input("protocol=https\nhost=github.com\n\n").run(&["git-credential", "get"]);

    assert_eq!((get.code, get.out.as_str()), (Some(1), ""));
    assert!(get.err.contains("this is no session of antiphon"), "{}", get.err);
    assert_eq!(World::new().run(&["git-credential", "store"]), nothing_said());
}
