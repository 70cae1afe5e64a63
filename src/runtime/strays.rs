//! Processes that outlived their launch: what an agent started in a session of its own and left behind, such as a server.
//!
//! They are known by the variable that every process of a launch has, and are this user's. Nothing below another state
//! directory is ever touched.

use std::{collections::BTreeSet, path::Path, time::Duration};

use super::{Address, address::MARKER, os};
use crate::{model::Generation, places::Places};

/// The launches below these places of which a process runs.
pub async fn running(places: &Places) -> BTreeSet<Address> {
    os::marked().await.iter().filter_map(|dir| address(&places.sessions(), dir)).collect()
}

/// Ends every process of a launch that can be known by its environment.
///
/// # Errors
///
/// The processes that are still there after they were asked, killed and looked for again.
pub async fn end(places: &Places, launch: &Address, grace: Duration) -> Result<(), Vec<u32>> {
    os::end(None, &places.launch(&launch.session, launch.generation), grace).await
}

/// The variable by which what is no launch is known to [`end_marked`].
#[must_use]
pub fn marked_by(mark: &Path) -> (String, String) {
    (MARKER.to_owned(), mark.display().to_string())
}

/// Ends what an earlier run of something that is no launch left behind, known by the same `mark`: a path of its own.
///
/// # Errors
///
/// As [`end`].
pub async fn end_marked(mark: &Path, grace: Duration) -> Result<(), Vec<u32>> {
    os::end(None, mark, grace).await
}

/// The launch whose directory this is.
fn address(sessions: &Path, dir: &Path) -> Option<Address> {
    let parts: Vec<_> = dir.strip_prefix(sessions).ok()?.components().collect();
    let [session, generation] = parts[..] else { return None };
    let session = session.as_os_str().to_str()?.parse().ok()?;
    let generation: Generation = generation.as_os_str().to_str()?.parse().ok()?;
    let address = Address { session, generation };
    // One directory has one name.
    let named = sessions.join(address.session.as_str()).join(address.generation.to_string());
    (named == dir).then_some(address)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::{process::Command, runtime::testing::kill_all};

    /// A directory of which nothing runs on, whatever becomes of the test.
    struct Cleared(tempfile::TempDir);

    impl Drop for Cleared {
        fn drop(&mut self) {
            kill_all(self.0.path());
        }
    }

    #[test]
    fn only_directories_of_our_launches_are_names_of_launches() {
        let named = |dir: &str| address("/s/sessions".as_ref(), dir.as_ref()).map(|address| address.to_string());

        assert_eq!(named("/s/sessions/hello-12/3"), Some("hello-12-3".to_owned()));
        for other in
            ["/s/sessions/hello-12", "/s/sessions/hello-12/03", "/t/sessions/hello-12/3", "/s/sessions/../a/3", ""]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn what_left_its_launch_is_found_and_ended_and_nothing_of_others() {
        let (ours, others) = (Cleared(tempfile::tempdir().unwrap()), Cleared(tempfile::tempdir().unwrap()));
        let (places, foreign) = (Places::new(ours.0.path()), Places::new(others.0.path()));
        let launch = Address { session: "hello-12".parse().unwrap(), generation: Generation(3) };
        let start = |places: &Places| {
            let dir = places.launch(&launch.session, launch.generation);
            let script = "exec setsid sh -c \"trap '' HUP TERM; echo up; while :; do sleep 1; done\"";
            let command = Command::new("/bin/sh").args(["-c", script]).env("PATH", "/usr/bin:/bin");
            command.env("ANTIPHON_SESSION_DIR", dir).start().unwrap()
        };
        let (_stray, _, mut up) = start(&places);
        let (_foreign, _, mut foreign_up) = start(&foreign);
        for up in [&mut up, &mut foreign_up] {
            tokio::io::AsyncReadExt::read_u8(up).await.unwrap();
        }

        assert_eq!(running(&places).await, BTreeSet::from([launch.clone()]));
        end(&places, &launch, Duration::from_millis(50)).await.unwrap();

        assert_eq!(running(&places).await, BTreeSet::new());
        assert_eq!(running(&foreign).await, BTreeSet::from([launch.clone()]));
        end(&foreign, &launch, Duration::ZERO).await.unwrap();
    }
}
