//! The secret that deliveries are signed with: the one that the settings have, else a new one in the state directory.
//!
//! It is readable by the user alone and never printed.

use std::path::Path;

use super::{
    Report,
    edit::{self, Lines},
};
use crate::{
    cli::{
        caller::{Caller, random},
        error::Error,
        github::Target,
    },
    model::Secret,
    places::Places,
};

/// What deliveries are signed with; made and kept if there was none.
pub(super) fn of(target: &Target) -> Result<Secret, Error> {
    if let Some(known) = target.config.webhook.secrets.first() {
        return Ok(known.clone());
    }
    if let Some(kept) = lines(&target.places.webhook_secret()).into_iter().next() {
        return Ok(Secret::new(kept));
    }
    let secret = Secret::new(random::<32>()?);
    keep(target, &secret)?;
    Ok(secret)
}

/// Keeps a secret as the one in force; those that were kept before are still accepted.
pub(super) fn keep(target: &Target, secret: &Secret) -> Result<(), Error> {
    let file = target.places.webhook_secret();
    let before = lines(&file);
    let all = [secret.expose().to_owned()].into_iter().chain(before.into_iter().filter(|it| it != secret.expose()));
    let text: String = all.map(|line| line + "\n").collect();
    write(&file, text.as_bytes())
}

/// Writes a file that only this user can read, in a directory that only this user can enter.
pub(super) fn write(file: &Path, contents: &[u8]) -> Result<(), Error> {
    let dir = file.parent().expect("files of the state directory have a directory");
    Places::make_private(dir)
        .and_then(|()| Places::write_private(file, contents))
        .map_err(|error| Error::failed(format!("cannot write {}", file.display())).because(&error))
}

/// The lines that tell the settings where the secret is; none if they know it.
pub(super) fn settings(target: &Target) -> Option<Lines> {
    let file = target.places.webhook_secret();
    let known = target.config.webhook.secret_file.as_ref() == Some(&file) || !target.config.webhook.secrets.is_empty();
    (!known).then(|| Lines { section: "webhook", lines: vec![format!("secret_file: {}", edit::quoted(&file))] })
}

/// Makes the secret and nothing else.
pub(super) fn only(target: &Target, dry_run: bool, caller: &Caller) -> Result<Report, Error> {
    let mut report = Report::of(target, "secret");
    let lines = settings(target);
    if dry_run {
        report.would(format!("make a secret in {}", target.places.webhook_secret().display()));
        return Ok(report);
    }
    of(target)?;
    report.did("the secret of the webhook is there".to_owned());
    report.settle(target, lines.as_slice(), caller)?;
    report.next("antiphon webhook forward --gh");
    Ok(report)
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
}
