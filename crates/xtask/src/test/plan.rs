//! Which test programs there are, as cargo tells it, and in which order they start.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// Its package and target, as a person would look for it.
    pub(super) name: String,
    /// What is started; cargo itself if `None`.
    pub(super) executable: Option<PathBuf>,
    /// What it is told besides how many tests run at once.
    pub(super) arguments: Vec<String>,
    /// Its package's folder, in which cargo would start it.
    pub(super) directory: PathBuf,
    pub(super) load: Load,
}

/// What a program needs of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    /// It mostly waits, for processes and clocks.
    Waits,
    /// It keeps a core busy for long.
    Long,
    /// It is over soon.
    Short,
}

/// Programs that mostly wait, as package and target, those first that take longest.
const WAITING: [(&str, &str); 5] = [
    ("smswatch", "e2e"),
    ("smswatch-bench", "chaos"),
    ("smswatch-store-redis", "outages"),
    ("smswatch-store-redis", "behavior"),
    ("smswatch-http", "behavior"),
];

/// Programs that keep a core busy for long, those first that take longest: what is left for the end would be left alone
/// there.
const LONG: [(&str, &str); 2] = [("smswatch-core", "virtual_time"), ("smswatch-bench", "day")];

/// Reads the test programs out of cargo's messages, one JSON a line, in the order in which they start.
pub(super) fn read(messages: &str) -> Vec<Program> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs: Vec<(usize, Program)> =
        messages.filter_map(|message| program(&message)).collect();
    programs.sort_by(|(place, a), (other, b)| (place, &a.name).cmp(&(other, &b.name)));
    programs.into_iter().map(|(_, program)| program).collect()
}

/// What tries the examples of the documentation: cargo itself with these `arguments`, in the folder of the workspace.
pub(super) fn examples(arguments: &[&str], root: &Path) -> Program {
    let arguments = arguments.iter().chain(&["--quiet", "--"]);
    Program {
        name: "the examples of the documentation".to_owned(),
        executable: None,
        arguments: arguments.map(|word| (*word).to_owned()).collect(),
        directory: root.to_owned(),
        load: Load::Short,
    }
}

/// The program that one message tells of, with its place in the order; `None` if it tells of something else.
fn program(message: &Value) -> Option<(usize, Program)> {
    let is_test = message["profile"]["test"].as_bool()?;
    let executable = message["executable"].as_str().filter(|_| is_test)?;
    let directory = Path::new(message["manifest_path"].as_str()?).parent()?;
    let package = directory.file_name()?.to_str()?;
    let target = message["target"]["name"].as_str()?;
    let place_in = |list: &[(&str, &str)]| list.iter().position(|one| *one == (package, target));
    let (load, place) = match (place_in(&WAITING), place_in(&LONG)) {
        (Some(place), _) => (Load::Waits, place),
        (_, Some(place)) => (Load::Long, place),
        (None, None) => (Load::Short, LONG.len()),
    };
    let kind = message["target"]["kind"][0].as_str().unwrap_or_default();
    let program = Program {
        name: format!("{package}, {kind} {target}"),
        executable: Some(executable.into()),
        arguments: vec!["--quiet".to_owned()],
        directory: directory.to_owned(),
        load,
    };
    Some((place, program))
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
            artifact("smswatch-bench", "day", true),
            artifact("smswatch-model", "diff", true),
            artifact("smswatch-core", "virtual_time", true),
            artifact("smswatch", "smswatch", false),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            artifact("smswatch", "e2e", true),
        ]
        .join("\n");
        let read = read(&messages);
        let of = |load: Load| {
            let programs = read.iter().filter(|program| program.load == load);
            programs.map(|it| &*it.name).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Load::Waits),
            ["smswatch, test e2e", "smswatch-bench, test chaos"]
        );
        assert_eq!(
            of(Load::Long),
            [
                "smswatch-core, test virtual_time",
                "smswatch-bench, test day"
            ]
        );
        assert_eq!(of(Load::Short), ["smswatch-model, test diff"]);
    }
}
