//! The processes of a launch: found by session, descent and environment, ended, and looked for again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal};

use super::Leader;

/// One process that runs (not one that waits to be collected).
struct Process {
    pid: u32,
    parent: u32,
    group: u32,
    session: u32,
}

/// How long processes may take to vanish after they were killed.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Ends every process of a launch: asks, waits at most `grace`, kills, looks again.
///
/// A launch's processes are those of the leader's session and group, those whose environment names `session_dir`, and
/// all their descendants. Returns the ids of those that are still there at the end.
pub(crate) async fn end(leader: Option<Leader>, session_dir: &Path, grace: Duration) -> Result<(), Vec<u32>> {
    let asked = members(leader, session_dir).await;
    for pid in &asked {
        signal(*pid, Signal::TERM);
        // A stopped process hears nothing before it is continued.
        signal(*pid, Signal::CONT);
    }
    if asked.is_empty() || vanish(leader, session_dir, grace, None).await {
        return Ok(());
    }
    if vanish(leader, session_dir, KILL_DEADLINE, Some(Signal::KILL)).await {
        return Ok(());
    }
    let left = members(leader, session_dir).await;
    if left.is_empty() { Ok(()) } else { Err(left.into_iter().collect()) }
}

/// Whether a process runs whose environment names `session_dir`, or a descendant of one.
pub(crate) async fn any(session_dir: &Path) -> bool {
    !members(None, session_dir).await.is_empty()
}

/// The launch directories that the environments of this user's processes name. Without `/proc` none can be read.
pub(crate) async fn marked() -> BTreeSet<PathBuf> {
    let own = std::process::id();
    running().await.iter().filter(|process| process.pid != own).filter_map(|process| mark(process.pid)).collect()
}

/// Whether a process runs; one that ended and waits to be collected does not.
pub(crate) async fn runs(pid: u32) -> bool {
    running().await.iter().any(|process| process.pid == pid)
}

/// Has a process look for children that ended.
pub(crate) fn remind_of_children(pid: u32) {
    signal(pid, Signal::CHILD);
}

/// Waits until nothing is left, sending `again` to whatever is seen; false after `deadline`.
async fn vanish(leader: Option<Leader>, session_dir: &Path, deadline: Duration, again: Option<Signal>) -> bool {
    let gone = async {
        loop {
            let left = members(leader, session_dir).await;
            if left.is_empty() {
                return;
            }
            for pid in left {
                if let Some(again) = again {
                    signal(pid, again);
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(deadline, gone).await.is_ok()
}

async fn members(leader: Option<Leader>, session_dir: &Path) -> BTreeSet<u32> {
    let running = running().await;
    let own = std::process::id();
    // As long as anything lives in a session its id is not given to another process, so a reaped leader that is there
    // again is a stranger.
    let leader = leader.filter(|leader| !leader.reaped || running.iter().all(|process| process.pid != leader.pid));
    let belongs = |process: &Process| {
        let led = leader.is_some_and(|leader| [process.session, process.group, process.pid].contains(&leader.pid));
        led || is_marked(process.pid, session_dir)
    };
    let mut members: BTreeSet<u32> =
        running.iter().filter(|process| belongs(process)).map(|process| process.pid).collect();
    loop {
        let born = |process: &&Process| members.contains(&process.parent) && !members.contains(&process.pid);
        let children: Vec<u32> = running.iter().filter(born).map(|process| process.pid).collect();
        if children.is_empty() {
            break;
        }
        members.extend(children);
    }
    members.remove(&own);
    members
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // One that ended by itself in the meantime is what was wanted.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn is_marked(pid: u32, session_dir: &Path) -> bool {
    mark(pid).is_some_and(|mark| mark == session_dir)
}

/// The launch directory that the environment of a process names, if that is this user's.
#[cfg(target_os = "linux")]
fn mark(pid: u32) -> Option<PathBuf> {
    use std::os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _};

    // Whoever may read every environment must not end the processes of others all the same.
    let owner = std::fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return None;
    }
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = [crate::runtime::address::MARKER.as_bytes(), b"="].concat();
    let dir = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(name.as_slice()))?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(dir)))
}

#[cfg(not(target_os = "linux"))]
const fn mark(_pid: u32) -> Option<PathBuf> {
    None
}

#[cfg(target_os = "linux")]
#[expect(clippy::unused_async, reason = "other platforms must ask a program")]
async fn running() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|pid| process(pid, &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// One line of `/proc/PID/stat`: `pid (name) state parent group session …`; the name may hold anything.
#[cfg(target_os = "linux")]
fn process(pid: u32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, group, session })
}

#[cfg(not(target_os = "linux"))]
async fn running() -> Vec<Process> {
    let ps = crate::process::Command::new("/bin/ps").args(["-axo", "pid=,ppid=,pgid=,stat="]);
    let Ok(listing) = ps.deadline(Duration::from_secs(5)).run().await else { return Vec::new() };
    listing.stdout_text().lines().filter_map(process).collect()
}

#[cfg(not(target_os = "linux"))]
fn process(line: &str) -> Option<Process> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [pid, parent, group, state] = fields[..] else { return None };
    let (pid, parent, group) = (pid.parse().ok()?, parent.parse().ok()?, group.parse().ok()?);
    // The session is not told; the group and the descent stand in for it.
    (!state.starts_with('Z')).then_some(Process { pid, parent, group, session: group })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_read_and_a_zombie_is_none() {
        let read = process(7, "7 (a) b) (c) S 3 4 5 34816 9 0").unwrap();

        assert_eq!((read.pid, read.parent, read.group, read.session), (7, 3, 4, 5));
        assert!(process(7, "7 (sh) Z 3 4 5 0").is_none());
        assert!(process(7, "nonsense").is_none());
    }

    #[tokio::test]
    async fn a_stranger_with_the_id_of_a_reaped_leader_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let stranger = Leader { pid: std::os::unix::process::parent_id(), reaped: true };

        assert_eq!(members(Some(stranger), dir.path()).await, BTreeSet::new());
    }
}
