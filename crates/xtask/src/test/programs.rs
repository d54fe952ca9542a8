//! Runs test programs side by side: most of them wait for servers, processes and clocks.

use std::process::Command;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::plan::{Load, Program};
use crate::command;

/// How many programs that mostly wait run at once.
const WAITING_AT_ONCE: usize = 2;

/// How many tests of such a program run at once, for each core.
const WAITING_PER_CORE: usize = 4;

/// What came of a program.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) name: String,
    pub(super) is_ok: bool,
    /// How many of its tests passed.
    pub(super) passed: usize,
    /// All that it wrote.
    pub(super) output: String,
    pub(super) took: Duration,
}

/// Runs all programs and `tell`s of each as it ends. Those that mostly wait run beside those that work, each kind in its
/// order.
pub(super) fn run(programs: impl Iterator<Item = Program>, tell: impl FnMut(Finished)) {
    let (waiting, working): (Vec<_>, Vec<_>) =
        programs.partition(|program| program.load == Load::Waits);
    let [waiting, working] = [waiting, working].map(|programs| Mutex::new(programs.into_iter()));
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        for (programs, at_once) in [(&waiting, WAITING_AT_ONCE), (&working, cores())] {
            for _ in 0..at_once {
                let done = done.clone();
                scope.spawn(move || {
                    let next = || {
                        programs
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .next()
                    };
                    while let Some(program) = next() {
                        done.send(finish(&program))
                            .expect("its receiver outlives this scope");
                    }
                });
            }
        }
        drop(done);
        finished.iter().for_each(tell);
    });
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs one program to its end.
fn finish(program: &Program) -> Finished {
    let started = Instant::now();
    let threads = match program.load {
        Load::Waits => cores() * WAITING_PER_CORE,
        Load::Long | Load::Short => cores(),
    };
    let mut command = match &program.executable {
        Some(executable) => {
            let mut command = Command::new(executable);
            command.env("CARGO", env!("CARGO"));
            command.env("CARGO_MANIFEST_DIR", &program.directory);
            command
        }
        None => command::cargo(),
    };
    let ended = command
        .args(&program.arguments)
        .args(["--test-threads", &threads.to_string()])
        .current_dir(&program.directory)
        .output();
    let took = started.elapsed();
    let (is_ok, output) = match ended {
        Ok(ended) => {
            let mut output = String::from_utf8_lossy(&ended.stdout).into_owned();
            output.push_str(&String::from_utf8_lossy(&ended.stderr));
            (ended.status.success(), output)
        }
        Err(error) => (false, format!("it could not be started: {error}")),
    };
    Finished {
        name: program.name.clone(),
        is_ok,
        passed: passed(&output),
        output,
        took,
    }
}

/// How many tests passed, by what it wrote of each of its runs.
fn passed(output: &str) -> usize {
    let lines = output.lines();
    let counts = lines.filter_map(|line| {
        let (before, _) = line.split_once(" passed; ")?;
        before.rsplit(' ').next()?.parse::<usize>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted() {
        let output =
            "\nrunning 12 tests\n............\ntest result: ok. 12 passed; 0 failed; 0 ignored\n";
        assert_eq!(passed(output), 12);
        assert_eq!(passed(&output.repeat(2)), 24);
        assert_eq!(passed("it could not be started"), 0);
    }

    #[test]
    fn every_program_runs_once_whatever_its_load_and_one_that_fails_is_told() {
        let program = |name: &str, words: &[&str], load: Load| Program {
            name: name.to_owned(),
            executable: Some("sh".into()),
            arguments: words.iter().map(|word| (*word).to_owned()).collect(),
            directory: "/".into(),
            load,
        };
        let programs = [
            program("waits", &["-c", "echo '3 passed; 0 failed'"], Load::Waits),
            program("long", &["-c", "exit 1"], Load::Long),
            program("short", &["-c", "echo '4 passed; 0 failed'"], Load::Short),
            program("late", &["-c", "true"], Load::Short),
        ];
        let mut told = Vec::new();
        run(programs.into_iter(), |one| {
            told.push((one.name, one.is_ok, one.passed));
        });
        told.sort();
        let expected = [
            ("late", true, 0),
            ("long", false, 0),
            ("short", true, 4),
            ("waits", true, 3),
        ];
        assert_eq!(
            told,
            expected.map(|(name, is_ok, n)| (name.to_owned(), is_ok, n))
        );
    }
}
