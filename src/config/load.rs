//! Reads a settings file, and checks its values against each other, the environment and the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    model::{AgentName, Secret},
    yaml::{self, Diagnostic, Node},
};

use super::{Adapter, Adapters, Config, Environment, Error, Notifier, Workspace};

/// The variable that holds a GitHub token unless the settings name another.
const TOKEN_ENV: &str = "GITHUB_TOKEN";
/// With its wait for others a setup must end before somebody else may take it over (`engine::lanes`).
const SETUP_MAX: Duration = Duration::from_secs(20 * 60);

/// Reads, parses and checks a settings file, and sees that the paths in it exist.
///
/// # Errors
///
/// [`Error::Unreadable`], or [`Error::Invalid`] with every mistake that was found.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Error> {
    let (mut config, node) = read(path, environment, Connection::Needed)?;
    let mut missing = missing_paths(&config, &node);
    missing.extend(read_secret_file(&mut config, &node));
    if missing.is_empty() { Ok(config) } else { Err(Error::Invalid(missing)) }
}

/// The same for whoever is about to connect GitHub: what only that makes may be missing, which is the webhook's secret and
/// the App's key.
///
/// # Errors
///
/// As [`load`].
pub fn load_unconnected(path: &Path, environment: &Environment) -> Result<Config, Error> {
    let (mut config, node) = read(path, environment, Connection::NotYet)?;
    drop(read_secret_file(&mut config, &node));
    Ok(config)
}

/// Whether the secrets that connect GitHub have to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Needed,
    NotYet,
}

fn read(path: &Path, environment: &Environment, connection: Connection) -> Result<(Config, Node), Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    let (mut config, node) = read_shape(&name, &text).map_err(Error::Invalid)?;
    beside(&mut config, path);
    let mut mistakes = read_adapters(&mut config.adapters);
    mistakes.extend(examine(&mut config, &node, environment, connection));
    if mistakes.is_empty() { Ok((config, node)) } else { Err(Error::Invalid(mistakes)) }
}

/// Lays the adapters of the user's directory over those that come with Antiphon.
fn read_adapters(adapters: &mut Adapters) -> Vec<Diagnostic> {
    let Some(dir) = &adapters.dir else { return Vec::new() };
    let mut mistakes = Vec::new();
    // That it is there is seen with the other paths.
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_yaml(path)).collect();
    files.sort();
    for path in files {
        let shown = path.display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let named = stem.parse::<AgentName>().map_err(|error| unreadable(&shown, &text, &error.to_string()));
        match named.and_then(|name| Ok((name, Adapter::parse(&shown, &text)?))) {
            Ok((name, adapter)) => drop(adapters.all.insert(name, Arc::new(adapter))),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    mistakes
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn unreadable(name: &str, text: &str, why: &str) -> Diagnostic {
    match Node::parse(name, text) {
        Ok(node) => node.complain(format!("the name of this file is not an agent's name: {why}")),
        Err(mistake) => mistake,
    }
}

/// Adds the secrets of the file that the settings name, one on each line.
fn read_secret_file(config: &mut Config, node: &Node) -> Option<Diagnostic> {
    let file = config.webhook.secret_file.as_ref().filter(|_| config.webhook.enabled)?;
    let complain = |message: String| Some(node.complain_at(&["webhook", "secret_file"], message));
    let hint = "`antiphon github setup` writes one; a relative path is meant beside this file";
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return complain(format!("this file cannot be read: {error}")).map(|it| it.hint(hint)),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let before = config.webhook.secrets.len();
    config.webhook.secrets.extend(lines.map(Secret::new));
    if config.webhook.secrets.len() == before {
        return complain("this file holds no secret".to_owned()).map(|it| it.hint(hint));
    }
    None
}

/// Parses and checks a settings text; `name` is what messages call it. It touches no file.
///
/// # Errors
///
/// Every mistake that was found; a text of the wrong shape has one.
pub fn parse(name: &str, text: &str, environment: &Environment) -> Result<Config, Vec<Diagnostic>> {
    let (mut config, node) = read_shape(name, text)?;
    let mistakes = examine(&mut config, &node, environment, Connection::Needed);
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

fn read_shape(name: &str, text: &str) -> Result<(Config, Node), Vec<Diagnostic>> {
    let node = Node::parse(name, text).map_err(|mistake| vec![mistake])?;
    let config = yaml::read(&node).map_err(|mistake| vec![mistake])?;
    Ok((config, node))
}

/// Checks values against each other and the environment, and fills in what comes from there; every mistake.
fn examine(config: &mut Config, node: &Node, environment: &Environment, connection: Connection) -> Vec<Diagnostic> {
    let mut check = Check { node, found: Vec::new() };
    check.secrets(config, environment, connection);
    check.repositories(config, environment);
    check.agents(config);
    check.numbers(config);
    speed_up(config);
    check.found
}

/// Waits become shorter; deadlines of programs and retention stay, because the work behind them does not get faster.
fn speed_up(config: &mut Config) {
    let factor = config.time_scale;
    let own = config.repositories.iter_mut().filter_map(|repository| repository.without_checks.as_mut());
    for wait in [&mut config.reconcile, &mut config.settle_green, &mut config.look_interval].into_iter().chain(own) {
        *wait = wait.sped_up(factor);
    }
}

/// Relative paths are meant beside the settings file; the user's reactions live there too.
fn beside(config: &mut Config, path: &Path) {
    let dir = path.parent().unwrap_or(Path::new(""));
    if let Some(app) = &mut config.github.app {
        app.key_file = dir.join(&app.key_file);
    }
    if let Some(file) = &mut config.webhook.secret_file {
        *file = dir.join(&file);
    }
    let own = |named: Option<PathBuf>, usual: &str| {
        let usual = dir.join(usual);
        named.map(|named| dir.join(named)).or_else(|| usual.is_dir().then_some(usual))
    };
    config.reactions.dir = own(config.reactions.dir.take(), "reactions");
    config.adapters.dir = own(config.adapters.dir.take(), "agents");
}

fn missing_paths(config: &Config, node: &Node) -> Vec<Diagnostic> {
    let mut check = Check { node, found: Vec::new() };
    for (index, repository) in config.repositories.iter().enumerate() {
        if !repository.path.is_dir() {
            let hint = "clone the repository there, or name the directory of its clone";
            check.complain(&["repositories", &index.to_string(), "path"], "there is no such directory", hint);
        }
    }
    if let Some(app) = &config.github.app
        && !app.key_file.is_file()
    {
        let hint = "download the key on the App's page; a relative path is meant beside this file";
        check.complain(&["github", "app", "key_file"], "there is no such file", hint);
    }
    for (key, dir) in [("reactions", &config.reactions.dir), ("adapters", &config.adapters.dir)] {
        if dir.as_ref().is_some_and(|dir| !dir.is_dir()) {
            let hint = "a relative path is meant beside this file";
            check.complain(&[key, "dir"], "there is no such directory", hint);
        }
    }
    check.found
}

/// Collects mistakes, so that one run shows all of them.
struct Check<'n> {
    node: &'n Node,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    /// Notes a mistake at `path`, or at the nearest value above it that stands in the file.
    fn complain(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(self.node.complain_at(path, message).hint(hint));
    }

    fn secrets(&mut self, config: &mut Config, environment: &Environment, connection: Connection) {
        if config.webhook.enabled {
            let needed = connection == Connection::Needed && config.webhook.secret_file.is_none();
            config.webhook.secrets = self.webhook_secrets(&config.webhook.secret_env, environment, needed);
        }
        let github = &mut config.github;
        if github.token_env.is_some() && github.app.is_some() {
            let hint = "an App brings its own tokens; remove one of the two";
            self.complain(&["github", "token_env"], "both a token and an App are given", hint);
        }
        // An App is not to be mistaken for the person whose token happens to be in the environment.
        let variable = github.token_env.as_deref().or_else(|| github.app.is_none().then_some(TOKEN_ENV));
        github.token = variable.and_then(|name| environment.secret(name));
        if let (Some(name), None) = (&github.token_env, &github.token) {
            let hint = format!("set {name}, or remove this line to use what `gh auth token` says");
            self.complain(&["github", "token_env"], format!("the variable `{name}` is empty or not set"), hint);
        }
    }

    fn webhook_secrets(&mut self, names: &str, environment: &Environment, needed: bool) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for name in names.split(',').map(str::trim) {
            match environment.secret(name) {
                Some(secret) => secrets.push(secret),
                None if !needed => {}
                None => self.complain(
                    &["webhook", "secret_env"],
                    format!("webhooks are enabled, but the variable `{name}` is empty or not set"),
                    "let `antiphon github setup` connect GitHub, set it to the webhook's secret, or poll only with \
                     `webhook: { enabled: false }`",
                ),
            }
        }
        secrets
    }

    fn repositories(&mut self, config: &mut Config, environment: &Environment) {
        let mut names = BTreeMap::new();
        let mut paths = BTreeMap::new();
        for (index, repository) in config.repositories.iter_mut().enumerate() {
            let index_text = index.to_string();
            let at = |key| ["repositories", index_text.as_str(), key];
            repository.path = from_home(&repository.path, environment);
            if !repository.path.is_absolute() {
                self.complain(&at("path"), "this path is not absolute", "begin it with `/` or `~/`");
            }
            // GitHub's names do not tell capital letters apart.
            if let Some(first) = names.insert(repository.name.as_str().to_lowercase(), index) {
                let hint = format!("it is already entry {} of the list", first + 1);
                self.complain(&at("name"), format!("`{}` is listed twice", repository.name), hint);
            }
            if let Some(first) = paths.insert(repository.path.clone(), index) {
                let hint = format!("entry {} of the list uses it; each repository needs a clone of its own", first + 1);
                self.complain(&at("path"), "two repositories share this path", hint);
            }
            if let Some(dir) = &repository.reactions.dir
                && !dir.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
            {
                let hint = "for example `.antiphon/reactions`";
                self.complain(&at("reactions"), "this directory must lie inside of the repository", hint);
            }
            let names = config.agents.keys().chain(config.adapters.all.keys());
            self.agent_of(repository.agent.as_str(), names, &at("agent"));
            self.workspace(&repository.workspace, &index_text);
        }
    }

    fn workspace(&mut self, workspace: &Workspace, repository: &str) {
        let at = |key| ["repositories", repository, "workspace", key];
        if let Some(empty) = workspace.setup.lines().iter().position(|line| line.trim().is_empty()) {
            let empty = empty.to_string();
            let path = [&at("setup")[..], &[&empty]].concat();
            self.complain(&path, "this command is empty", "write a line as you would type it: `npm ci`");
        }
        for (key, entries) in
            [("sparse", &workspace.sparse), ("link", &workspace.link), ("hydrate", &workspace.hydrate)]
        {
            let is_within = |entry: &String| {
                let mut parts = Path::new(entry).components();
                !entry.is_empty() && parts.all(|part| matches!(part, Component::Normal(name) if name != ".git"))
            };
            if let Some(index) = entries.iter().position(|entry| !is_within(entry)) {
                let index = index.to_string();
                let path = [&at(key)[..], &[&index]].concat();
                let hint = "write it relative to the top of the repository: `node_modules`, `web/.env`";
                self.complain(&path, "this does not lie in the worktree", hint);
            }
        }
        if workspace.setup_timeout.0 > SETUP_MAX {
            let hint = "what takes longer is better kept between worktrees or left to the agent";
            self.complain(&at("setup_timeout"), "a setup may take 20m at most", hint);
        }
    }

    fn agent_of<'n>(&mut self, name: &str, known: impl Iterator<Item = &'n AgentName>, path: &[&str]) {
        let known: BTreeSet<&str> = known.map(AgentName::as_str).collect();
        let known: Vec<&str> = known.into_iter().collect();
        if known.contains(&name) {
            return;
        }
        let hint = match yaml::nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}; describe another one under `agents: {{ {name}: … }}`", known.join(", ")),
        };
        self.complain(path, format!("there is no agent `{name}`"), hint);
    }

    fn agents(&mut self, config: &Config) {
        for (name, agent) in &config.agents {
            let known = config.adapters.all.contains_key(name);
            let name = name.as_str();
            if is_blank(&agent.command) && (!known || self.node.get(&["agents", name, "command"]).is_some()) {
                let hint = "write a program and its arguments: `command: [my-agent, --quiet]`";
                self.complain(&["agents", name, "command"], format!("agent `{name}` has no command"), hint);
            }
            if agent.channels.as_ref().is_some_and(Vec::is_empty) {
                let hint = "leave `channels` away for all of them";
                self.complain(&["agents", name, "channels"], format!("agent `{name}` could get no prompt"), hint);
            }
            if let Some(adapter) = &agent.adapter {
                self.agent_of(adapter.as_str(), config.adapters.all.keys(), &["agents", name, "adapter"]);
            }
            if name == AgentName::FALLBACK {
                let hint = "rules mean the agent that the settings name as `fallback` by it";
                self.complain(&["agents", name], format!("an agent cannot be called `{name}`"), hint);
            }
            if let Some(fallback) = &agent.fallback {
                self.agent_of(fallback.as_str(), config.agent_names().iter(), &["agents", name, "fallback"]);
            }
            if agent.fallback.as_ref().is_some_and(|fallback| fallback.as_str() == name) {
                let hint = "name another one, or leave `fallback` away";
                self.complain(
                    &["agents", name, "fallback"],
                    format!("agent `{name}` cannot take over from itself"),
                    hint,
                );
            }
            if let Some(variable) = agent.env.keys().find(|key| key.is_empty() || key.contains(['=', '\0'])) {
                let hint = "use letters, digits and underscores";
                self.complain(&["agents", name, "env", variable], "this is not the name of a variable", hint);
            }
        }
    }

    fn numbers(&mut self, config: &Config) {
        if !(5..=1_000).contains(&config.limits.acts) {
            self.complain(&["limits", "acts"], "between 5 and 1000 acts are possible", "30 is the default");
        }
        let loops = config.limits.loops;
        for (key, count) in [("unchanged", loops.unchanged), ("swings", loops.swings), ("failures", loops.failures)] {
            if !(2..=1_000).contains(&count) {
                self.complain(
                    &["limits", "loops", key],
                    "between 2 and 1000 make a circle",
                    "leave it away for the default",
                );
            }
        }
        if !(1..=100).contains(&config.limits.installs) {
            self.complain(&["limits", "installs"], "between 1 and 100 installations can run", "1 is the default");
        }
        if !(1..=1_000).contains(&config.limits.sessions) {
            self.complain(&["limits", "sessions"], "between 1 and 1000 sessions can run", "4 is the default");
        }
        if !(1..=10_000).contains(&config.time_scale) {
            self.complain(&["time_scale"], "time can run 1 to 10000 times as fast", "1 is the default");
        }
        for (key, wait) in [("reconcile", config.reconcile), ("look_interval", config.look_interval)] {
            if wait.0.as_secs() == 0 {
                self.complain(&[key], "this must be 1s or more", "GitHub's limits do not allow looking all the time");
            }
        }
        if !config.github.api_url.starts_with("https://") && !config.github.api_url.starts_with("http://") {
            let hint = "for example `https://api.github.com`, or `https://HOST/api/v3` for GitHub Enterprise Server";
            self.complain(&["github", "api_url"], "this is not a web address", hint);
        }
        for (index, notifier) in config.notify.iter().enumerate() {
            match notifier {
                Notifier::Command(argv) if is_blank(argv) => {
                    let hint = "write a program and its arguments";
                    self.complain(&["notify", &index.to_string(), "command"], "this command is empty", hint);
                }
                Notifier::Command(_) | Notifier::Log => {}
            }
        }
    }
}

fn is_blank(argv: &[String]) -> bool {
    argv.first().is_none_or(|program| program.trim().is_empty())
}

fn from_home(path: &Path, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~"), environment.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        (Ok(_), None) | (Err(_), _) => path.to_owned(),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Receipt;

    fn environment() -> Environment {
        Environment::new("/w", [("HOME", "/h"), ("ANTIPHON_WEBHOOK_SECRET", "s")])
    }

    fn mistakes(text: &str) -> String {
        let found = parse("antiphon.yaml", text, &environment()).unwrap_err();
        let shown: Vec<String> = found.iter().map(|it| format!("at {:?}\n{it}", it.path)).collect();
        shown.join("\n\n")
    }

    #[test]
    fn almost_nothing_has_to_be_said() {
        let config = parse("a", "repositories: [{ name: o/r, path: ~/r }]", &environment()).unwrap();

        let repository = &config.repositories[0];
        assert_eq!(repository.path, PathBuf::from("/h/r"));
        assert_eq!((repository.agent.as_str(), repository.merge), ("claude", crate::model::Merge::None));
        assert_eq!(config.webhook.secrets, [Secret::new("s")]);
        assert_eq!(config.listen.to_string(), "127.0.0.1:7117");
    }

    fn in_file(settings: &str, secret: Option<&str>) -> Result<Config, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("antiphon.yaml");
        fs::write(&path, settings).unwrap();
        if let Some(secret) = secret {
            fs::write(dir.path().join("secret"), secret).unwrap();
        }
        load(&path, &Environment::new("/w", [("HOME", "/h"), ("GITHUB_TOKEN", "t")]))
    }

    // G006, G007
    #[test]
    fn a_secret_file_stands_for_the_variable_and_may_hold_the_old_secret_too() {
        let settings = "webhook: { secret_file: secret }\n";

        let config = in_file(settings, Some("new\n\n  old \n")).unwrap();
        assert_eq!(config.webhook.secrets, [Secret::new("new"), Secret::new("old")]);
        for wrong in [None, Some(" \n")] {
            let Err(Error::Invalid(mistakes)) = in_file(settings, wrong) else { panic!("{wrong:?} was accepted") };
            assert_eq!((mistakes.len(), mistakes[0].line), (1, 1), "{mistakes:?}");
        }
    }

    #[test]
    fn adapters_of_the_users_directory_lie_over_the_shipped_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("antiphon.yaml");
        fs::write(&path, "webhook: { enabled: false }\nagents: { wrapped: { command: [nice, mine] } }\n").unwrap();
        let own = dir.path().join("agents");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("mine.yaml"), "programs: [mine]\nreceipt: reads").unwrap();
        fs::write(own.join("claude.yaml"), "programs: [claude]\nreceipt: none").unwrap();
        fs::write(own.join("notes.txt"), "not an adapter").unwrap();
        let environment = Environment::new("/w", [("HOME", "/h")]);

        let config = load(&path, &environment).unwrap();

        let receipt = |name: &str| config.adapter_of(&name.parse().unwrap()).receipt;
        assert_eq!(["mine", "claude", "codex"].map(receipt), [Receipt::Reads, Receipt::None, Receipt::Transcript]);
        assert_eq!(*config.adapter_of(&"wrapped".parse().unwrap()), Adapter::unknown());
        fs::write(own.join("mine.yaml"), "programs: mine").unwrap();
        fs::write(own.join("Bad Name.yaml"), "programs: [x]").unwrap();
        let Err(Error::Invalid(mistakes)) = load(&path, &environment) else { panic!("two mistakes were accepted") };
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }

    #[test]
    fn a_command_is_driven_by_the_adapter_of_its_program_or_the_one_that_is_named() {
        let of = |agent: &str| {
            let text = format!("webhook: {{ enabled: false }}\nagents: {{ mine: {agent} }}");
            let config = parse("a", &text, &Environment::new("/", [("HOME", "/h")])).unwrap();
            config.adapter_of(&"mine".parse().unwrap()).programs.clone()
        };

        assert_eq!(of("{ command: [/opt/bin/codex, --quiet] }"), ["codex"]);
        assert_eq!(of("{ command: [wrapper], adapter: claude }"), ["claude"]);
        assert_eq!(of("{ command: [wrapper] }"), [""; 0]);
    }

    #[test]
    fn whoever_connects_github_may_lack_what_that_makes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("antiphon.yaml");
        let environment = Environment::new("/w", [("HOME", "/h")]);
        let unconnected = |text: &str| {
            fs::write(&path, text).unwrap();
            load_unconnected(&path, &environment)
        };

        let config = unconnected("github: { app: { id: 7, key_file: gone.pem } }").unwrap();
        assert_eq!(config.webhook.secrets, []);
        assert!(unconnected("limits: { sessions: 0 }").is_err());
    }

    #[test]
    fn a_token_in_the_environment_does_not_speak_for_an_app() {
        let app = "github: { app: { id: 7, key_file: key } }\nwebhook: { enabled: false }\n";

        assert_eq!(parse("a", app, &Environment::new("/", [("GITHUB_TOKEN", "t")])).unwrap().github.token, None);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let text = "\
repositories:
  - { name: o/r, path: r, agent: cluade }
  - { name: O/R, path: /x, agent: mine }
agents:
  generic: {}
  codex: { adapter: cluade }
limits: { sessions: 0 }
";
        insta::assert_snapshot!(mistakes(text), @r#"
        at "repositories[0].path"
        error: this path is not absolute
         --> antiphon.yaml:2:24
          |
        2 |   - { name: o/r, path: r, agent: cluade }
          |                        ^
          |
          = hint: begin it with `/` or `~/`

        at "repositories[0].agent"
        error: there is no agent `cluade`
         --> antiphon.yaml:2:34
          |
        2 |   - { name: o/r, path: r, agent: cluade }
          |                                  ^^^^^^
          |
          = hint: did you mean `claude`?

        at "repositories[1].name"
        error: `O/R` is listed twice
         --> antiphon.yaml:3:13
          |
        3 |   - { name: O/R, path: /x, agent: mine }
          |             ^^^
          |
          = hint: it is already entry 1 of the list

        at "repositories[1].agent"
        error: there is no agent `mine`
         --> antiphon.yaml:3:35
          |
        3 |   - { name: O/R, path: /x, agent: mine }
          |                                   ^^^^
          |
          = hint: known are aider, amp, claude, claude-stream, codex, copilot, copilot-acp, cursor, droid, gemini, gemini-acp, generic, goose, goose-acp, opencode, opencode-acp, qwen; describe another one under `agents: { mine: … }`

        at "agents.codex.adapter"
        error: there is no agent `cluade`
         --> antiphon.yaml:6:21
          |
        6 |   codex: { adapter: cluade }
          |                     ^^^^^^
          |
          = hint: did you mean `claude`?

        at "agents.generic.command"
        error: agent `generic` has no command
         --> antiphon.yaml:5:12
          |
        5 |   generic: {}
          |            ^
          |
          = hint: write a program and its arguments: `command: [my-agent, --quiet]`

        at "limits.sessions"
        error: between 1 and 1000 sessions can run
         --> antiphon.yaml:7:21
          |
        7 | limits: { sessions: 0 }
          |                     ^
          |
          = hint: 4 is the default
        "#);
    }

    #[test]
    fn enabled_webhooks_without_a_secret_are_refused_g007() {
        let none = Environment::new("/w", []);
        let shown = parse("a.yaml", "webhook: { secret_env: 'A, B' }", &none).unwrap_err();
        let messages: Vec<_> = shown.iter().map(|it| it.message.as_str()).collect();

        assert_eq!(
            messages,
            [
                "webhooks are enabled, but the variable `A` is empty or not set",
                "webhooks are enabled, but the variable `B` is empty or not set"
            ]
        );
        assert!(parse("a.yaml", "limits: { sessions: 2 }", &none).is_err());
        assert!(parse("a.yaml", "webhook: { enabled: false }", &none).is_ok());
    }

    #[test]
    fn several_secrets_are_taken_while_one_is_replaced() {
        let both = Environment::new("/w", [("A", "new"), ("B", "old")]);
        let config = parse("a.yaml", "webhook: { secret_env: 'A, B' }", &both).unwrap();

        assert_eq!(config.webhook.secrets, [Secret::new("new"), Secret::new("old")]);
    }

    #[test]
    fn a_named_token_that_is_not_there_is_reported() {
        insta::assert_snapshot!(mistakes("github: { token_env: MY_TOKEN }"), @r#"
        at "github.token_env"
        error: the variable `MY_TOKEN` is empty or not set
         --> antiphon.yaml:1:22
          |
        1 | github: { token_env: MY_TOKEN }
          |                      ^^^^^^^^
          |
          = hint: set MY_TOKEN, or remove this line to use what `gh auth token` says
        "#);
    }

    #[test]
    fn the_reactions_of_a_repository_lie_inside_of_it() {
        for dir in ["/etc", "../other", "a/../../b"] {
            let text = format!("repositories: [{{ name: o/r, path: /r, reactions: {{ dir: '{dir}' }} }}]");
            let found = parse("a.yaml", &text, &environment()).unwrap_err();
            assert_eq!(found[0].message, "this directory must lie inside of the repository");
        }
    }

    #[test]
    fn an_unknown_key_gets_a_suggestion() {
        insta::assert_snapshot!(mistakes("limits: { session: 3 }"), @r#"
        at "limits.session"
        error: unknown key `session`
         --> antiphon.yaml:1:11
          |
        1 | limits: { session: 3 }
          |           ^^^^^^^
          |
          = hint: did you mean `sessions`?
        "#);
    }

    #[test]
    fn a_bad_duration_is_pointed_at() {
        insta::assert_snapshot!(mistakes("reconcile: 5 minutes\n"), @r#"
        at "reconcile"
        error: "5 minutes" is not a duration such as `500ms`, `30s`, `15m`, `2h` or `8d`
         --> antiphon.yaml:1:12
          |
        1 | reconcile: 5 minutes
          |            ^^^^^^^^^
        "#);
    }

    #[test]
    fn a_faster_world_waits_less() {
        let config = parse("a", "time_scale: 60\nretention: { deliveries: 1d }", &environment()).unwrap();

        assert_eq!(config.settle_green, yaml::Duration::from_secs(1));
        assert_eq!(config.reconcile, yaml::Duration::from_secs(5));
        assert_eq!(config.retention.deliveries, yaml::Duration::from_secs(86_400));
    }

    #[test]
    fn paths_that_are_not_there_are_reported() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("antiphon.yaml");
        fs::write(
            &file,
            "repositories: [{ name: o/r, path: /no/such/dir }]\ngithub: { app: { id: 1, key_file: k } }\n",
        )
        .unwrap();

        let Err(Error::Invalid(found)) = load(&file, &environment()) else { panic!("it was loaded") };
        let places: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.message.as_str())).collect();
        assert_eq!(
            places,
            [("repositories[0].path", "there is no such directory"), ("github.app.key_file", "there is no such file")]
        );
    }

    #[test]
    fn the_users_reactions_are_found_beside_the_settings() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("antiphon.yaml");
        fs::write(&file, "limits: { sessions: 1 }").unwrap();
        assert_eq!(load(&file, &environment()).unwrap().reactions.dir, None);

        fs::create_dir(dir.path().join("reactions")).unwrap();
        assert_eq!(load(&file, &environment()).unwrap().reactions.dir, Some(dir.path().join("reactions")));
    }

    #[test]
    fn secrets_do_not_appear_in_the_debug_form() {
        let environment = Environment::new("/", [("ANTIPHON_WEBHOOK_SECRET", "hunter2"), ("GITHUB_TOKEN", "hunter3")]);
        let config = parse("a", "limits: { sessions: 1 }", &environment).unwrap();

        assert!(config.github.token.is_some());
        assert!(!format!("{config:?}").contains("hunter"));
    }
}
