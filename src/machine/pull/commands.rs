//! What people ask Antiphon for in comments. Each comment is obeyed once and answered once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, State, reviews};
use crate::{
    effect::{Answer, Effect},
    event,
    model::{Attempt, Cause, Command, CommandComment, Login, MachineKey, PromptRef},
};

/// Nothing is done on a pull request until somebody lifts this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who wanted it.
    pub by: Login,
    /// Since when.
    pub since: Timestamp,
}

impl State {
    /// Obeys what was said since the last look.
    pub(super) fn take_commands(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let (Some(snapshot), true) = (&self.snapshot, self.managed.is_some()) else { return };
        let newest = snapshot.commands.iter().map(|comment| comment.number).max().unwrap_or_default();
        // What stood there before Antiphon came was said to nobody.
        let Some(obeyed) = self.obeyed_to.replace(self.obeyed_to.unwrap_or_default().max(newest)) else { return };
        let new: Vec<_> = snapshot.commands.iter().filter(|comment| comment.number > obeyed).cloned().collect();
        for comment in new {
            self.take_comment(&comment, now, effects);
        }
    }

    fn take_comment(&mut self, comment: &CommandComment, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if comment.author.own || comment.author.bot {
            return;
        }
        let mut answer = Answer { comment: comment.number, heard: false, words: Vec::new(), status: false };
        if comment.edited && reviews::is_heard(&comment.author) {
            answer
                .words
                .push("This was changed after it was written, so nobody acts on it. Please say it anew.".to_owned());
        } else if reviews::is_heard(&comment.author) {
            answer.heard = true;
            self.forget_deeds();
            for command in &comment.commands {
                self.obey(command, comment, (now, effects), &mut answer);
            }
        }
        effects.push(Effect::Answer { repo: self.repo, number: self.number, answer });
    }

    fn obey(
        &mut self,
        command: &Command,
        comment: &CommandComment,
        (now, effects): (&Now<'_>, &mut Vec<Effect>),
        answer: &mut Answer,
    ) {
        let Some(managed) = self.managed.clone() else { return };
        let session = MachineKey::Session(managed.session);
        match command {
            Command::Retry => self.on_retry_wanted(now),
            Command::Pause => {
                self.paused.get_or_insert(Paused { by: comment.author.login.clone(), since: now.at });
            }
            Command::Resume => {
                self.paused = None;
                self.let_go();
                self.look.want(now.at);
            }
            Command::Stop => {
                let to = MachineKey::Task(managed.task);
                effects.push(Effect::Tell { to, event: event::Task::StopWanted.into() });
            }
            Command::Status | Command::Budget(None) => answer.status = true,
            Command::Budget(Some(more)) => {
                self.incidents.values_mut().for_each(|incident| incident.allow(Attempt(*more), now.at));
                answer.status = true;
            }
            Command::Handoff(agent) => match now.rules.agents.get(agent) {
                Some(agent) => {
                    let event = event::Session::HandoffWanted { agent: agent.clone() }.into();
                    effects.push(Effect::Tell { to: session, event });
                }
                None => {
                    let known: Vec<_> = now.rules.agents.keys().map(|name| format!("`{name}`")).collect();
                    answer.misunderstood(format!("There is no agent `{agent}` here, only {}.", known.join(", ")));
                }
            },
            Command::Ask(words) => {
                let cause = Cause::Comment { by: comment.author.login.clone(), words: words.clone() };
                let reference = PromptRef { from: self.key(), cause, revision: comment.number, attempt: Attempt(1) };
                effects.push(Effect::Tell { to: session, event: event::Session::PromptWanted { reference }.into() });
            }
            Command::Unknown(said) => answer.misunderstood(format!(
                "I do not know `{}`. I know `retry`, `pause`, `resume`, `stop`, `status`, `budget [+N]`, \
                 `handoff AGENT` and `ask …`.",
                said.replace('`', "'")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::testing::*,
        model::{Author, IncidentKind, Outside, TextHash, Tier},
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;
    const NOTHING: [&str; 0] = [];

    fn comment(number: u64, tier: Tier, commands: &[Command]) -> CommandComment {
        CommandComment {
            comment: format!("IC_{number}").parse().unwrap(),
            number,
            author: Author { login: "maya".parse().unwrap(), tier, own: false, bot: false, reviewer: false },
            at: START,
            edited: false,
            commands: commands.to_vec(),
        }
    }

    fn by_maya(number: u64, command: Command) -> CommandComment {
        comment(number, Tier::Collaborator, &[command])
    }

    /// A green pull request with these comments.
    fn says(pr: &mut Pr, comments: &[CommandComment]) -> Vec<String> {
        let mut pull = green('a');
        pull.commands = comments.to_vec();
        pr.shows(pull)
    }

    fn listening() -> Pr {
        let mut pr = Pr::shipped();
        says(&mut pr, &[]);
        pr
    }

    // G003
    #[test]
    fn a_command_is_obeyed_once_however_often_it_is_seen() {
        let mut pr = listening();
        let stop = by_maya(5, Command::Stop);

        assert_eq!(says(&mut pr, std::slice::from_ref(&stop)), ["tell task/hello-3: stop wanted", "answer 5: heard"]);
        assert_eq!(says(&mut pr, std::slice::from_ref(&stop)), NOTHING);
        assert_eq!(says(&mut pr, &[]), NOTHING);
        assert_eq!(says(&mut pr, &[stop]), NOTHING, "a deleted neighbour brings an old comment back into sight");
    }

    #[test]
    fn what_stood_there_before_antiphon_came_was_said_to_nobody() {
        let mut one = One::new(pull_key(), rules());
        one.feed(event::Pull::Managed { task: task_id(), session: session_id() });
        let mut pull = green('a');
        pull.commands = vec![by_maya(5, Command::Stop)];
        let seen = event::Pull::Observed { look: 1, snapshot: Box::new(pull.clone()), hash: hash(&pull) };

        assert_eq!(one.feed(seen), NOTHING);
        assert_eq!(one.pull().obeyed_to, Some(5));
    }

    // G104
    #[test]
    fn a_strangers_command_is_refused_with_one_sign() {
        for tier in [Tier::Stranger, Tier::Machine] {
            let mut pr = listening();
            let stop = comment(5, tier, &[Command::Stop]);

            assert_eq!(says(&mut pr, std::slice::from_ref(&stop)), ["answer 5: refused"]);
            assert_eq!(says(&mut pr, &[stop]), NOTHING);
        }
    }

    // G102 as far
    #[test]
    fn bots_and_antiphon_itself_are_not_even_answered() {
        let mut pr = listening();
        let mut bot = by_maya(5, Command::Stop);
        bot.author.bot = true;
        let mut own = by_maya(6, Command::Stop);
        own.author.own = true;

        assert_eq!(says(&mut pr, &[bot, own]), NOTHING);
    }

    #[test]
    fn an_edited_comment_commands_nothing_and_is_told_so() {
        let mut pr = listening();
        let edited = CommandComment { edited: true, ..by_maya(5, Command::Stop) };

        assert_eq!(
            says(&mut pr, &[edited]),
            ["answer 5: refused: This was changed after it was written, so nobody acts on it. Please say it anew."]
        );
    }

    #[test]
    fn a_paused_pull_request_waits_and_goes_on_when_it_may() {
        let mut pr = listening();
        says(&mut pr, &[by_maya(5, Command::Pause)]);
        assert_eq!(pr.shows(red('b')), NOTHING);
        assert_eq!(pr.pass(mins(30)), NOTHING);

        let mut resumed = red('b');
        resumed.commands = vec![by_maya(6, Command::Resume)];
        assert_eq!(pr.shows(resumed), ["answer 6: heard"]);
        assert_eq!(pr.pass(mins(1)), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
    }

    #[test]
    fn more_prompts_are_granted_to_what_had_used_them_up() {
        let mut pr = Pr::managed(rules_with(&["name: ci-failed\nretry: { attempts: 1 }"]));
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.turn_ended(CI);
        pr.shows(red('b'));
        pr.pass(mins(1));
        pr.escalated();
        let mut asks = red('b');
        asks.commands = vec![by_maya(5, Command::Budget(Some(2)))];

        let mut said = pr.shows(asks);
        said.extend(pr.pass(mins(1)));

        assert_eq!(said, ["answer 5: heard, status", "tell session/hello-3: prompt wanted (checks-failed attempt 2)"]);
    }

    #[test]
    fn a_question_goes_to_the_agent_as_quoted_words() {
        let mut pr = listening();
        let words = Outside { hash: TextHash::of("why?"), bytes: 4, tier: Tier::Collaborator };

        assert_eq!(
            says(&mut pr, &[by_maya(5, Command::Ask(words))]),
            ["tell session/hello-3: prompt wanted (a comment of @maya)", "answer 5: heard"]
        );
    }

    #[test]
    fn a_handoff_needs_an_agent_that_is_there() {
        let mut pr = listening();

        let said = says(&mut pr, &[by_maya(5, Command::Handoff("claude".parse().unwrap()))]);
        assert_eq!(said, ["tell session/hello-3: handoff wanted", "answer 5: heard"]);
        let said = says(&mut pr, &[by_maya(6, Command::Handoff("nobody".parse().unwrap()))]);
        assert_eq!(said, ["answer 6: refused: There is no agent `nobody` here, only `claude`."]);
    }

    #[test]
    fn an_unknown_command_is_answered_with_those_that_there_are() {
        let mut pr = listening();

        let said = says(&mut pr, &[by_maya(5, Command::Unknown("dance".to_owned()))]);

        assert!(said[0].starts_with("answer 5: refused: I do not know `dance`. I know `retry`"), "{said:?}");
    }
}
