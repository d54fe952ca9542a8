//! Runs test programs side by side: most of them wait for servers, processes and clocks.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::plan::{Load, Program};

/// How many programs run at once.
const AT_ONCE: usize = 3;

/// How many tests of a program that mostly waits run at once, for each core.
const WAITING_PER_CORE: usize = 3;

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

/// Runs all programs in their order, and `tell`s of each as it ends.
pub(super) fn run(programs: Vec<Program>, tell: &mut dyn FnMut(Finished)) {
    let (alone, together): (Vec<_>, Vec<_>) = programs
        .into_iter()
        .partition(|program| program.load == Load::Alone);
    side_by_side(together.into(), AT_ONCE, tell);
    side_by_side(alone.into(), 1, tell);
}

fn side_by_side(mut waiting: VecDeque<Program>, at_once: usize, tell: &mut dyn FnMut(Finished)) {
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        let mut running = 0;
        loop {
            while running < at_once
                && let Some(program) = waiting.pop_front()
            {
                let done = done.clone();
                scope.spawn(move || {
                    let finished = finish(&program);
                    done.send(finished)
                        .expect("its receiver outlives this scope");
                });
                running += 1;
            }
            if running == 0 {
                return;
            }
            tell(finished.recv().expect("one of its senders lives here"));
            running -= 1;
        }
    });
}

/// Runs one program to its end.
fn finish(program: &Program) -> Finished {
    let started = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = match program.load {
        Load::Waits => cores * WAITING_PER_CORE,
        Load::Short | Load::Alone => cores,
    };
    let ended = Command::new(&program.executable)
        .args(["--quiet", "--test-threads", &threads.to_string()])
        .current_dir(&program.directory)
        .env("CARGO", env!("CARGO"))
        .env("CARGO_MANIFEST_DIR", &program.directory)
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

/// How many tests passed, by the last line of a test program.
fn passed(output: &str) -> usize {
    let line = output.lines().find_map(|line| line.split_once(" passed; "));
    let number = line.and_then(|(before, _)| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted() {
        let output =
            "\nrunning 12 tests\n............\ntest result: ok. 12 passed; 0 failed; 0 ignored\n";
        assert_eq!(passed(output), 12);
        assert_eq!(passed("it could not be started"), 0);
    }
}
