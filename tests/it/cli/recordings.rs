//! What people do with recordings, without a daemon.

use super::world::World;

const CAST: &str = "{\"version\":2,\"width\":160,\"height\":50,\"timestamp\":1700000000,\"title\":\"hello-12\"}\n\
                    [0.5,\"o\",\"hello\\r\\n\"]\n[61.25,\"o\",\"bye\\r\\n\"]\n";

/// A state directory with recordings of two launches of three.
fn world() -> World {
    let world = World::new();
    for launch in ["1", "2", "3"] {
        let dir = world.state().join("sessions").join("hello-12").join(launch);
        std::fs::create_dir_all(&dir).unwrap();
        if launch != "3" {
            std::fs::write(dir.join("recording.cast"), CAST).unwrap();
        }
    }
    world
}

#[test]
fn the_newest_recording_is_named_and_every_one_is_listed() {
    let world = world();
    let newest = world.run(&["recording", "hello-12"]);
    assert!(newest.code == Some(0) && newest.out.ends_with("/sessions/hello-12/2/recording.cast\n"), "{newest:?}");
    let list = world.run(&["recording", "hello-12", "--list"]).out;
    assert!(list.lines().count() == 2 && list.contains("/sessions/hello-12/1/recording.cast\n"), "{list}");
    let json = world.run(&["recording", "hello-12", "--list", "--json"]).json();
    assert_eq!((&json["recordings"][0]["seconds"], &json["recordings"][1]["launch"]), (&61.into(), &2.into()));
}

#[test]
fn a_recording_is_copied_once() {
    let world = world();
    let copy = world.path("here").join("copy.cast");

    let first = world.run(&["recording", "hello-12", "--launch", "1", "--output", "copy.cast"]);
    let again = world.run(&["recording", "hello-12", "--output", "copy.cast"]);

    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (Some(0), "", ""));
    assert_eq!(std::fs::read_to_string(copy).unwrap(), CAST);
    assert!(again.code == Some(1) && again.err.contains("cannot write"), "{again:?}");
}

#[test]
fn what_was_not_recorded_is_refused_with_a_hint() {
    for args in [["recording", "hello-13", "--json"].as_slice(), &["recording", "hello-12", "--launch", "3"]] {
        let ran = world().run(args);

        assert!(ran.code == Some(4) && ran.out.is_empty() && ran.err.contains("no such recording"), "{ran:?}");
        assert!(ran.err.contains("hint"), "{ran:?}");
    }
}
