//! The plan of a launch: pure, so that it can be looked at, tested and shown before anything runs.

use std::{
    collections::BTreeMap,
    io,
    io::Write as _,
    path::{Path, PathBuf},
};

use sha2::Digest as _;

use super::{environment, inbox::Inbox, shell, start::Start};
use crate::{
    config::{BrokenTemplate, Facts, Permissions, Template},
    model::Conversation,
};

/// Everything that a runtime needs to launch an agent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment: nothing else is inherited.
    pub env: BTreeMap<String, String>,
    /// Files of the launch's private directory that have to be there before the start.
    pub files: Vec<PlannedFile>,
    /// The agent's own id of the session, where it can be chosen beforehand.
    pub agent_session: Option<String>,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where, inside of the launch's private directory.
    pub path: PathBuf,
    /// What.
    pub text: String,
}

/// Plans a launch.
///
/// # Errors
///
/// When a template of the adapter cannot be filled in; they were tried when they were loaded.
pub fn plan(start: &Start) -> Result<Plan, BrokenTemplate> {
    let launch = &start.agent.adapter.launch;
    let conversation = match &start.conversation {
        Conversation::New => &launch.begin,
        Conversation::Continued(_) => &launch.resume,
        Conversation::Copied(_) => &launch.copy,
    };
    let agent_session = match &start.conversation {
        Conversation::Continued(own) => Some(own.clone()),
        Conversation::New | Conversation::Copied(_) => {
            let chosen = conversation.iter().any(|argument| argument.text().contains("agent_session"));
            chosen.then(|| session_uuid(start))
        }
    };
    let mut env = environment::of(start);
    let facts = facts(start, agent_session.as_deref(), &env);
    let permissions = match start.agent.permissions {
        Permissions::Ask => &launch.permissions.ask,
        Permissions::Edits => &launch.permissions.edits,
        Permissions::All => &launch.permissions.all,
    };
    let program = start.agent.command.first().map(String::as_str).unwrap_or_default();
    let mut argv = start.sandbox.as_ref().map(|sandbox| sandbox.argv(start, program)).unwrap_or_default();
    argv.extend(client(start, agent_session.as_deref()));
    argv.extend(start.agent.command.iter().cloned());
    for argument in launch.args.iter().chain(permissions).chain(conversation) {
        argv.push(argument.render(&facts)?);
    }
    for (name, value) in &launch.env {
        // What the operator set stays.
        if !env.contains_key(name) {
            env.insert(name.clone(), value.render(&facts)?);
        }
    }
    let mut files = Vec::new();
    for (name, text) in &launch.files {
        files.push(PlannedFile { path: start.session_dir.join(name), text: text.render(&facts)? });
    }
    Ok(Plan { argv, env, files, agent_session })
}

/// The path at which the agent writes its transcript, if the adapter knows it; `*` in it stands for a part of a name.
///
/// # Errors
///
/// As [`plan`].
pub fn transcript_path(start: &Start, agent_session: Option<&str>) -> Result<Option<String>, BrokenTemplate> {
    let path = start.agent.adapter.transcript.as_ref().and_then(|transcript| transcript.path.as_ref());
    let facts = facts(start, agent_session, &environment::of(start));
    path.map(|path| path.render(&facts)).transpose()
}

/// What the program keeps outside of the workspace: its settings, its records.
///
/// A template that cannot be filled in names nothing.
#[must_use]
pub fn written_by(start: &Start) -> Vec<PathBuf> {
    let facts = facts(start, None, &environment::of(start));
    let rendered = start.agent.adapter.writes.iter().filter_map(|path| path.render(&facts).ok());
    rendered.map(PathBuf::from).filter(|path| path.is_absolute()).collect()
}

/// What stands before a program that has no terminal of its own.
fn client(start: &Start, agent_session: Option<&str>) -> Vec<String> {
    let Some(protocol) = start.agent.adapter.launch.protocol else { return Vec::new() };
    let own = start.hook_argv.first().cloned().unwrap_or_default();
    let mut argv = vec![own];
    argv.extend(["headless", "--protocol", protocol.as_str()].map(str::to_owned));
    argv.extend(["--permissions", start.agent.permissions.as_str()].map(str::to_owned));
    if let Some(id) = agent_session {
        argv.extend(["--conversation".to_owned(), id.to_owned()]);
    }
    argv.push("--".to_owned());
    argv
}

/// How a prompt is put into the program's own queue.
#[derive(Debug, Clone)]
pub struct QueueCommands {
    /// Succeeds if the program can do so.
    pub probe: Vec<String>,
    /// Does it.
    pub send: Vec<String>,
    /// The whole environment of both.
    pub env: BTreeMap<String, String>,
}

/// The commands that put a prompt into the queue of a conversation, if the program has one.
///
/// # Errors
///
/// As [`plan`].
pub fn queue(start: &Start, conversation: &str, words: &str) -> Result<Option<QueueCommands>, BrokenTemplate> {
    let (Some(queue), Some(program)) = (&start.agent.adapter.launch.queue, start.agent.command.first()) else {
        return Ok(None);
    };
    let env = environment::of(start);
    let facts = Facts { prompt: words.to_owned(), ..facts(start, Some(conversation), &env) };
    let argv = |arguments: &[Template]| {
        let rendered = arguments.iter().map(|argument| argument.render(&facts));
        std::iter::once(Ok(program.clone())).chain(rendered).collect::<Result<Vec<_>, _>>()
    };
    let (probe, send) = (argv(&queue.probe)?, argv(&queue.send)?);
    Ok(Some(QueueCommands { probe, send, env }))
}

fn facts(start: &Start, agent_session: Option<&str>, env: &BTreeMap<String, String>) -> Facts {
    let shown = |path: &Path| path.display().to_string();
    let home = ["HOME", "USERPROFILE"].into_iter().find_map(|name| env.get(name));
    Facts {
        session_dir: shown(&start.session_dir),
        workspace: shown(&start.workspace),
        home: home.cloned().unwrap_or_default(),
        hook: start.hook_argv.clone(),
        hook_line: shell::line(&start.hook_argv),
        writable: start.writable.iter().map(|path| shown(path)).collect(),
        permissions: start.agent.permissions.as_str(),
        agent_session: agent_session.unwrap_or_default().to_owned(),
        conversation: match &start.conversation {
            Conversation::Copied(copied) => copied.to_string(),
            Conversation::New | Conversation::Continued(_) => String::new(),
        },
        inbox: shown(Inbox::of(&start.session_dir).dir()),
        prompt: String::new(),
        env: env.clone(),
    }
}

/// An id for the conversation, known before the start. It is seen by others, so it tells nothing about the secret that it
/// is derived from.
fn session_uuid(start: &Start) -> String {
    let digest = sha2::Sha256::new()
        .chain_update("agent session\0")
        .chain_update(start.token.expose())
        .chain_update(format!("\0{}\0{}", start.session, start.generation))
        .finalize();
    let mut bytes: [u8; 16] = digest[..16].try_into().expect("a SHA-256 has 32 bytes");
    // RFC 9562, version 4 and its variant.
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl Plan {
    /// Writes the files, readable by the user alone.
    ///
    /// # Errors
    ///
    /// When the private directory cannot be written.
    pub fn write_files(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| write_private(&file.path, &file.text))
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        agent::{
            Withhold,
            start::{Committer, Contact, GitSetup, Settings},
        },
        config::{Agent, Config},
        model::{Generation, LaunchToken, Receipt},
    };

    fn settings(command: &[&str], permissions: Permissions) -> Settings {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let agent = Agent { command, receipt: Some(Receipt::Hook), permissions, ..Agent::default() };
        let config = Config { agents: [("reviewer".parse().unwrap(), agent)].into(), ..Config::default() };
        Settings::of(&config, &"reviewer".parse().unwrap())
    }

    fn start(command: &[&str], permissions: Permissions) -> Start {
        Start {
            agent: settings(command, permissions),
            session: "t-1".parse().unwrap(),
            generation: Generation(2),
            workspace: "/w".into(),
            writable: vec!["/r/.git".into()],
            session_dir: "/s".into(),
            hook_argv: ["/opt/my tools/antiphon", "hook"].map(str::to_owned).into(),
            token: LaunchToken::new([7; 16]),
            conversation: Conversation::New,
            sandbox: None,
            inherited: [("PATH", "/usr/bin:/bin"), ("GH_TOKEN", "x"), ("CLAUDECODE", "1"), ("TERM", "screen")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            withhold: Withhold::new(["APP_TOKEN".to_owned()].into(), &Config::default()),
            contact: Contact { socket: Some("/s/bell".into()), url: Some("http://127.0.0.1:7117".into()) },
            git: GitSetup {
                helper_argv: ["/opt/my tools/antiphon", "git-credential"].map(str::to_owned).into(),
                author: Some(Committer { name: "Antiphon".into(), email: "bot@example.org".into() }),
                clone_url: None,
                config: vec![("core.hooksPath".to_owned(), "/own/hooks".to_owned())],
            },
            workspace_env: [("TMPDIR".to_owned(), "/tmp/own".to_owned())].into(),
        }
    }

    #[test]
    fn claude_gets_a_private_settings_file_and_a_known_session() {
        let plan = plan(&start(&["claude", "--model", "opus"], Permissions::Edits)).unwrap();

        let session = plan.agent_session.clone().unwrap();
        assert_eq!(
            plan.argv,
            [
                "claude",
                "--model",
                "opus",
                "--settings",
                "/s/claude-settings.json",
                "--permission-mode",
                "acceptEdits",
                "--session-id",
                &session
            ]
        );
        assert_eq!((session.len(), &session[14..15]), (36, "4"));
        let [file] = plan.files.as_slice() else { panic!("{:?}", plan.files) };
        let settings: serde_json::Value = serde_json::from_str(&file.text).unwrap();
        let hooks = settings["hooks"].as_object().unwrap();
        assert_eq!(
            hooks.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            BTreeSet::from(["Notification", "SessionEnd", "SessionStart", "Stop", "StopFailure", "UserPromptSubmit"])
        );
        assert_eq!(
            hooks["Stop"],
            serde_json::json!([{ "hooks": [
                { "type": "command", "command": "'/opt/my tools/antiphon' hook --reply block", "timeout": 30 }
            ] }])
        );
        assert_eq!(settings["permissions"]["allow"][7], "Bash(git commit:*)");
        assert_eq!(settings.get("skipDangerousModePermissionPrompt"), None);
    }

    #[test]
    fn permissions_become_flags_of_each_agent() {
        let flags = |program: &str, permissions| plan(&start(&[program], permissions)).unwrap().argv.join(" ");

        assert!(flags("claude", Permissions::Ask).contains(" --permission-mode default"));
        assert!(flags("claude", Permissions::All).contains(" --dangerously-skip-permissions"));
        assert!(!flags("codex", Permissions::Ask).contains("--"));
        assert!(
            flags("codex", Permissions::Edits).contains(" -c sandbox_workspace_write.writable_roots=[\"/r/.git\"]")
        );
        assert!(
            flags("codex", Permissions::Edits).contains(" --sandbox workspace-write --ask-for-approval on-request")
        );
        assert!(flags("codex", Permissions::All).ends_with(" --dangerously-bypass-approvals-and-sandbox"));
        assert_eq!(flags("my-agent", Permissions::All), "my-agent");
    }

    #[test]
    fn a_session_is_resumed_by_the_agents_own_id() {
        let again = |program: &str| {
            let resumed =
                Start { conversation: Conversation::Continued("abc".into()), ..start(&[program], Permissions::Ask) };
            plan(&resumed).unwrap().argv
        };

        assert!(again("claude").ends_with(&["--resume".to_owned(), "abc".to_owned()]));
        assert!(!again("claude").contains(&"--session-id".to_owned()));
        assert!(again("codex").ends_with(&["resume".to_owned(), "abc".to_owned()]));
    }

    #[test]
    fn a_persons_conversation_is_copied_and_stays_as_it_is() {
        let copied = Conversation::Copied("abc".parse().unwrap());
        let of = |program: &str| plan(&Start { conversation: copied.clone(), ..start(&[program], Permissions::Ask) });

        let claude = of("claude").unwrap();
        let own = claude.agent_session.unwrap();
        assert!(claude.argv.ends_with(&["--resume", "abc", "--fork-session", "--session-id", &own].map(str::to_owned)));
        assert!(of("codex").unwrap().argv.ends_with(&["-C", "/w", "fork", "abc"].map(str::to_owned)));
    }

    #[test]
    fn each_launch_has_a_session_of_its_own() {
        let first = start(&["claude"], Permissions::Ask);
        let second = Start { generation: Generation(3), ..first.clone() };

        assert_ne!(plan(&first).unwrap().agent_session, plan(&second).unwrap().agent_session);
        assert_eq!(plan(&first).unwrap().agent_session, plan(&first).unwrap().agent_session);
    }

    #[test]
    fn the_launch_token_is_in_the_environment_alone() {
        for program in ["claude", "codex", "my-agent"] {
            let start = start(&[program], Permissions::All);
            let plan = plan(&start).unwrap();

            let elsewhere = format!("{:?} {:?} {:?}", plan.argv, plan.files, plan.agent_session);
            assert!(!elsewhere.contains(start.token.expose()), "{elsewhere}");
            assert_eq!(plan.env["ANTIPHON_LAUNCH_TOKEN"], start.token.expose());
        }
    }

    /// Invariant 5: no agent process holds a GitHub token, neither inherited nor by the operator's mistake.
    #[test]
    fn the_environment_is_complete_and_holds_no_token() {
        let mut start = start(&["my-agent"], Permissions::Ask);
        let chosen = [("GITHUB_TOKEN", "x"), ("APP_TOKEN", "x"), ("MODE", "fast"), ("CLAUDE_CODE_SANDBOXED", "1")];
        start.agent.env = chosen.map(|(name, value)| (name.to_owned(), value.to_owned())).into();

        let env = plan(&start).unwrap().env;

        let (git, rest): (Vec<_>, Vec<_>) = env.iter().partition(|(name, _)| name.starts_with("GIT_CONFIG_"));
        assert_eq!(git.len(), 1 + 2 * 9);
        assert!(git.iter().any(|(_, value)| *value == "/own/hooks"));
        let rest: Vec<_> = rest.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let [inbox, spool, gh] = [("ANTIPHON_INBOX", "inbox"), ("ANTIPHON_SPOOL", "spool"), ("GH_CONFIG_DIR", "gh")]
            .map(|(name, below)| format!("{name}={}", Path::new("/s").join(below).display()));
        assert_eq!(
            rest,
            [
                "ANTIPHON_GENERATION=2",
                inbox.as_str(),
                "ANTIPHON_LAUNCH_TOKEN=07070707070707070707070707070707",
                "ANTIPHON_SESSION=t-1",
                "ANTIPHON_SOCKET=/s/bell",
                spool.as_str(),
                "ANTIPHON_URL=http://127.0.0.1:7117",
                "CLAUDE_CODE_SANDBOXED=1",
                gh.as_str(),
                "GIT_EDITOR=true",
                "GIT_TERMINAL_PROMPT=0",
                "MODE=fast",
                "PATH=/usr/bin:/bin",
                "TERM=xterm-256color",
                "TMPDIR=/tmp/own",
            ]
        );
    }

    #[test]
    fn the_operators_patterns_come_on_top() {
        let of = |agent: &str| {
            let config: Config = crate::yaml::from_str("x", &format!("agents: {{ claude: {agent} }}")).unwrap();
            Settings::of(&config, &"claude".parse().unwrap())
        };

        let own = of("{ ready: '^mine> $', draft: '> (.*)', dialogs: ['Really\\?'] }").screen;

        assert_eq!((own.ready.unwrap().as_str(), own.draft.unwrap().as_str()), ("^mine> $", "> (.*)"));
        assert_eq!(own.dialogs.last().unwrap().as_str(), "Really\\?");
        assert!(own.dialogs.len() > 1);
        assert_eq!(of("{}").screen, crate::config::shipped_adapters()["claude"].screen);
    }

    /// What each adapter plans, whole: a change of a file shows here.
    #[cfg(unix)]
    #[test]
    fn what_is_planned_for_each_agent() {
        for (name, adapter) in crate::config::shipped_adapters() {
            let program = adapter.programs[0].clone();
            let shown = [Permissions::Ask, Permissions::Edits, Permissions::All].map(|permissions| {
                let new = plan(&start(&[&program], permissions)).unwrap();
                let again =
                    Start { conversation: Conversation::Continued("abc".into()), ..start(&[&program], permissions) };
                let again = plan(&again).unwrap();
                let own = new.env.iter().filter(|(name, _)| adapter.launch.env.contains_key(*name));
                let own = own.map(|(name, value)| format!("{name}={value}\n"));
                let files = new.files.iter().map(|file| format!("{}:\n{}", file.path.display(), file.text));
                let (argv, again) = (new.argv.join(" "), again.argv.join(" "));
                format!("{permissions:?}: {argv}\nagain: {again}\n{}", own.chain(files).collect::<String>())
            });
            insta::assert_snapshot!(name.to_string(), shown.join("\n"));
            for permissions in [Permissions::Ask, Permissions::Edits, Permissions::All] {
                let plan = plan(&start(&[&program], permissions)).unwrap();
                let files = plan.files.into_iter().map(|file| file.text).filter(|text| text.starts_with('{'));
                let variables = plan.env.into_values().filter(|value| value.starts_with('{'));
                for text in files.chain(variables) {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text);
                    assert!(parsed.is_ok(), "{name}: {parsed:?}\n{text}");
                }
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let start = Start { session_dir: dir.path().to_owned(), ..start(&["claude"], Permissions::Ask) };
        let plan = plan(&start).unwrap();

        plan.write_files().unwrap();
        plan.write_files().unwrap();

        let path = dir.path().join("claude-settings.json");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), plan.files[0].text);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// Real git, with a helper of the user's that would give a token away.
    #[cfg(unix)]
    #[tokio::test]
    async fn git_asks_our_helper_alone_and_names_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let helper = dir.path().join("our helper");
        let text = dir.path().join("script");
        std::fs::write(&text, "#!/bin/sh\n[ $1 = get ] && tee asked >/dev/null\n").unwrap();
        // A program that this process itself has written cannot be run while another test starts a child.
        let install = crate::process::Command::new("/usr/bin/install").args([&text, &helper]);
        assert!(install.run().await.unwrap().success());
        let user = "[credential]\n\thelper = \"!echo username=u; echo password=leaked; :\"\n\
             [credential \"https://github.com\"]\n\thelper = \"!echo username=u; echo password=leaked; :\"\n";
        std::fs::write(dir.path().join(".gitconfig"), user).unwrap();
        let mut start = start(&["my-agent"], Permissions::Ask);
        start.inherited.insert("HOME".into(), dir.path().display().to_string());
        start.git.helper_argv = vec![helper.display().to_string()];
        start.git.clone_url = Some("https://github.com/o/r.git".into());
        let plan = plan(&start).unwrap();
        let git = |args: &[&str]| crate::process::Command::new("git").args(args).dir(dir.path()).envs(&plan.env);

        let filled = git(&["credential", "fill"]).stdin("url=https://github.com/o/r.git\n\n").run().await.unwrap();

        assert_eq!((filled.success(), filled.stdout_text().contains("leaked")), (false, false));
        let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
        let said: Vec<_> = asked.lines().filter(|line| !line.contains("[]=")).collect();
        assert_eq!(said, ["protocol=https", "host=github.com", "path=o/r.git"]);
        let ssh = git(&["ls-remote", "--get-url", "git@github.com:o/r.git"]).run().await.unwrap();
        assert_eq!(ssh.stdout_text(), "https://github.com/o/r.git\n");
        let author = git(&["var", "GIT_AUTHOR_IDENT"]).run().await.unwrap();
        assert!(author.stdout_text().starts_with("Antiphon <bot@example.org> "), "{author:?}");
    }
}
