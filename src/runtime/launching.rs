//! What both runtimes check before they start anything.

use anyhow::anyhow;

use super::{Error, Launch};

/// Whether a launch can be carried out at all.
///
/// Terminals fall back to the home directory when the working directory is missing; an agent must never work there by
/// accident.
pub(crate) fn check(launch: &Launch) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Other(anyhow!(why)));
    if launch.argv.first().is_none_or(String::is_empty) {
        return refuse("there is no program to start".to_owned());
    }
    let mut texts = launch.argv.iter().chain(launch.env.keys()).chain(launch.env.values());
    if texts.any(|text| text.contains('\0')) || launch.env.keys().any(|name| name.is_empty() || name.contains('=')) {
        return refuse("an argument or a variable cannot be passed to a process".to_owned());
    }
    if launch.columns == 0 || launch.rows == 0 {
        return refuse("a terminal has at least one column and one row".to_owned());
    }
    if !launch.dir.is_absolute() || !launch.dir.is_dir() {
        return refuse(format!("the working directory {} is missing", launch.dir.display()));
    }
    if !launch.session_dir.is_dir() {
        return refuse(format!("the launch's directory {} is missing", launch.session_dir.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::launch;

    #[test]
    fn a_launch_that_would_land_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let good = launch(dir.path(), "t-1", &["sh"]);
        assert!(check(&good).is_ok());

        for bad in [
            Launch { dir: "/nonexistent".into(), ..good.clone() },
            Launch { dir: "relative".into(), ..good.clone() },
            Launch { argv: vec![], ..good.clone() },
            Launch { argv: vec!["a\0b".into()], ..good.clone() },
            Launch { columns: 0, ..good.clone() },
            Launch { session_dir: "/nonexistent".into(), ..good.clone() },
            Launch { env: [("A=B".to_owned(), "c".to_owned())].into(), ..good },
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
