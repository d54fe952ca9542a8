//! What smswatch costs, what it survives and what it tells of a day: `smswatch-bench bench`, `chaos` and `day`,
//! which `cargo xtask` builds and runs.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "measurements speak to the terminal"
)]

mod bench;

use std::process::ExitCode;

const USAGE: &str = "\
usage: smswatch-bench bench [PART…]
       smswatch-bench bench sources [--seed S] [--messages N] [--only WORDS] [--json]
       smswatch-bench chaos [--minutes M] [--messages N] [--seed S] [--profile dev|release|dist]
       smswatch-bench day [--seed S] [--messages N] [--hours H] [--json]

Run it with `cargo xtask bench`, `chaos` or `day`, which build what it needs.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_deref() {
        Some("bench") => bench::run(&rest),
        Some(bench::BARE_LOOP) => bench::run_bare_loop(&rest),
        Some("chaos") => smswatch_bench::chaos::run(&rest),
        Some("day") => smswatch_bench::day::run(&rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
