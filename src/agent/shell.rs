//! Quoting for the POSIX shell in which agents and git run the commands that they are given as one line.

/// The words as one line that a shell splits into the same words again.
pub(super) fn line(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        let argv = ["/opt/a b/antiphon", "hook", "", "$(id)", "it's"].map(str::to_owned);

        assert_eq!(line(&argv), r"'/opt/a b/antiphon' hook '' '$(id)' 'it'\''s'");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_shell_reads_the_same_words() {
        let argv = ["a b", "$(touch x)", "'\"\\", "`id`", "~", "*", "a;b", "\n"].map(str::to_owned);
        let script = format!("printf '%s\\0' {}", line(&argv));

        let output = crate::process::Command::new("/bin/sh").args(["-c", &script]).run().await.unwrap();

        assert_eq!(output.stdout_text().trim_end_matches('\0').split('\0').collect::<Vec<_>>(), argv);
    }
}
