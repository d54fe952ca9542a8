//! Which test programs there are, as cargo tells it, and in which order they start.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// Its package and target, as a person would look for it.
    pub(super) name: String,
    pub(super) executable: PathBuf,
    /// Its package's folder, in which cargo would start it.
    pub(super) directory: PathBuf,
    pub(super) load: Load,
}

/// What a program needs of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    /// It mostly waits, and for long: it starts first.
    Waits,
    /// It is over soon.
    Short,
    /// It keeps the whole machine busy, and starts when the others have ended.
    Alone,
}

/// Programs whose tests wait for processes and clocks most of the time, as package and target.
const WAITING: [(&str, &str); 4] = [
    ("smswatch", "e2e"),
    ("smswatch-store-redis", "outages"),
    ("smswatch-store-redis", "behavior"),
    ("smswatch-http", "behavior"),
];

/// Programs that keep the machine busy.
const ALONE: [(&str, &str); 1] = [("smswatch-bench", "chaos")];

/// Reads the test programs out of cargo's messages, one JSON a line, in the order in which they start.
pub(super) fn read(messages: &str) -> Vec<Program> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs: Vec<Program> = messages.filter_map(|message| program(&message)).collect();
    programs.sort_by(|a, b| (a.load, &a.name).cmp(&(b.load, &b.name)));
    programs
}

/// The program that one message tells of; `None` if it tells of something else.
fn program(message: &Value) -> Option<Program> {
    let is_test = message["profile"]["test"].as_bool()?;
    let executable = message["executable"].as_str().filter(|_| is_test)?;
    let directory = Path::new(message["manifest_path"].as_str()?).parent()?;
    let package = directory.file_name()?.to_str()?;
    let target = message["target"]["name"].as_str()?;
    let is_one_of = |list: &[(&str, &str)]| list.contains(&(package, target));
    let load = match () {
        () if is_one_of(&WAITING) => Load::Waits,
        () if is_one_of(&ALONE) => Load::Alone,
        () => Load::Short,
    };
    let kind = message["target"]["kind"][0].as_str().unwrap_or_default();
    Some(Program {
        name: format!("{package}, {kind} {target}"),
        executable: executable.into(),
        directory: directory.to_owned(),
        load,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_among_cargos_messages_and_the_long_ones_start_first() {
        let artifact = |package: &str, target: &str, is_test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/{package}/Cargo.toml","target":{{"name":"{target}","kind":["test"]}},"profile":{{"test":{is_test}}},"executable":"/w/t/{target}"}}"#
            )
        };
        let messages = [
            artifact("smswatch-bench", "chaos", true),
            "no JSON".to_owned(),
            artifact("smswatch-model", "diff", true),
            artifact("smswatch", "smswatch", false),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            artifact("smswatch", "e2e", true),
        ]
        .join("\n");
        let names: Vec<String> = read(&messages).into_iter().map(|it| it.name).collect();
        assert_eq!(
            names,
            [
                "smswatch, test e2e",
                "smswatch-model, test diff",
                "smswatch-bench, test chaos"
            ]
        );
    }
}
