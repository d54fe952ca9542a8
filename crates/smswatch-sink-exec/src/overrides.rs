//! What a rule may ask of a program beside the sink's name.

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::sink::InvalidConfig;

/// How much room a rule's arguments have, in bytes: far less than any system allows.
const ROOM: usize = 64 * 1024;

/// What a rule may ask of a program beside the sink's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecOverrides {
    /// Further arguments, behind those of the sink. Default: none. Example: `[--team, crm]`.
    #[serde(default)]
    pub args: Vec<String>,
}

impl ExecOverrides {
    /// Checks what could never be given to a program.
    ///
    /// # Errors
    ///
    /// An argument has a zero byte in it, or they are too long together.
    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        if self.args.iter().any(|argument| argument.contains('\0')) {
            return Err(InvalidConfig::at(
                "args",
                "no program can be given a zero byte",
            ));
        }
        let length: usize = self.args.iter().map(|argument| argument.len() + 1).sum();
        if length > ROOM {
            let what = format!("the arguments have {length} bytes together; {ROOM} are the most");
            return Err(InvalidConfig::at("args", what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_can_be_given_is_refused() {
        let check = |args: &[&str], expected: Option<&str>| {
            let args = args.iter().map(|argument| (*argument).to_owned()).collect();
            let error = ExecOverrides { args }.check().err();
            assert_eq!(error.map(|error| error.to_string()).as_deref(), expected);
        };
        check(&["--team", "crm", ""], None);
        check(&["a\0b"], Some("no program can be given a zero byte"));
        let long = "x".repeat(ROOM);
        let told = "the arguments have 65537 bytes together; 65536 are the most";
        check(&[&long], Some(told));
    }
}
