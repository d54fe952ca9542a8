//! What the exit status of a program means.

use std::process::ExitStatus;

use smswatch_plugin::sink::{DeliveryError, Receipt};

/// What the exit statuses of `sysexits.h`, and two of shells, mean.
const MEANINGS: [(i32, &str); 17] = [
    (64, "usage error"),
    (65, "data error"),
    (66, "no input"),
    (67, "unknown user"),
    (68, "unknown host"),
    (69, "service unavailable"),
    (70, "internal error"),
    (71, "system error"),
    (72, "system file missing"),
    (73, "cannot create output"),
    (74, "input or output error"),
    (75, "temporary failure"),
    (76, "protocol error"),
    (77, "permission denied"),
    (78, "configuration error"),
    (126, "cannot be executed"),
    (127, "command not found"),
];

/// The exit statuses that say that this notification will never be taken.
const NEVER: [i32; 2] = [64, 65];

/// What a program said: the first line of its standard output, and the last one of its standard error.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Said {
    /// What explains a failure.
    fn why(&self) -> String {
        let words = [&self.error, &self.output];
        let words = words.into_iter().find(|words| !words.is_empty());
        words.map(|words| format!(": {words}")).unwrap_or_default()
    }
}

/// Judges how `program` ended.
pub(crate) fn judge(
    program: &str,
    status: ExitStatus,
    said: &Said,
) -> Result<Receipt, DeliveryError> {
    let Some(code) = status.code() else {
        // In the system's own words: `signal: 9 (SIGKILL)`.
        let what = format!("`{program}` was ended by a {status}{}", said.why());
        return Err(DeliveryError::temporary(what));
    };
    if code == 0 {
        return Ok(match said.output.as_str() {
            "" => Receipt::new("exit status 0"),
            words => Receipt::new(words),
        });
    }
    let meaning = MEANINGS.iter().find(|(known, _)| *known == code);
    let meaning = meaning.map(|(_, meaning)| format!(" ({meaning})"));
    let meaning = meaning.unwrap_or_default();
    let what = format!(
        "`{program}` ended with exit status {code}{meaning}{}",
        said.why()
    );
    Err(match NEVER.contains(&code) {
        true => DeliveryError::permanent(what),
        false => DeliveryError::temporary(what),
    })
}

/// What it means that `program` had to be stopped after `seconds`.
pub(crate) fn stopped(program: &str, seconds: f64, said: &Said) -> DeliveryError {
    let why = said.why();
    let what = format!("`{program}` was still running after {seconds:.0} s and was stopped{why}");
    DeliveryError::temporary(what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use smswatch_plugin::sink::Retry;

    use super::*;

    fn told(raw: i32, output: &str, error: &str) -> String {
        let said = Said {
            output: output.to_owned(),
            error: error.to_owned(),
        };
        match judge("page", ExitStatus::from_raw(raw), &said) {
            Ok(receipt) => format!("delivered: {}", receipt.detail()),
            Err(error) => format!("{:?}: {}", error.retry(), error.detail()),
        }
    }

    #[test]
    fn each_end_means_what_the_table_says() {
        let exit = |code: i32, output: &str, error: &str| told(code << 8, output, error);
        let told = [
            exit(0, "", "a warning"),
            exit(0, "incident 17", ""),
            exit(1, "", ""),
            exit(64, "", "usage: page TEAM"),
            exit(65, "refused", ""),
            exit(67, "", ""),
            exit(75, "trying", "busy"),
            exit(127, "", "sh: curl: not found"),
            exit(200, "", ""),
            told(9, "half a line", ""),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_had_to_be_stopped_may_work_later() {
        let error = stopped("page", 29.0, &Said::default());
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(
            error.detail(),
            "`page` was still running after 29 s and was stopped"
        );
    }
}
