//! Chores that cargo alone does not do: `cargo xtask test`, `bench`, `chaos`, `day` and `schema`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores speak to the terminal"
)]

mod browser_tools;
mod command;
mod helm_tools;
mod install;
mod measure;
mod monitoring;
mod package;
mod pictures;
mod python_tools;
mod schema;
mod test;
mod unpacked;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask CHORE

  test [ARGS]   install what the tests need, then run them all; ARGS go to `cargo test`
  schema        write the JSON Schemas in config/, docs/openapi.json, and the alerts and the dashboard in
                deploy/ anew
  package [--binary PATH] [--out FOLDER] [--maintainer 'NAME <MAIL>']
                build a package for Debian, of an optimized program or of the one at PATH
  pictures      make the pictures of alerts in docs/images anew, with Chromium
  bench [PART]  measure, with optimized programs: polls, storm, trickle, neighbors,
                fleet, history, pages, matching, rules, sinks, or all
  bench sources [--seed S] [--messages N] [--only WORDS] [--json]
                what each way to learn of a status costs, in calls and seconds, by simulation
  chaos [--minutes M] [--messages N] [--seed S] [--profile dev|release|dist]
                kill, cut and stop what can be, and count what was lost
  day [--seed S] [--messages N] [--hours H] [--json]
                play a day of messages through the default rules, and say what they told of it
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_deref() {
        Some("package") => package::run(&rest),
        Some("pictures") => pictures::run(),
        Some("schema") => schema::run(),
        Some("test") => test::run(&rest),
        Some("bench") => measure::bench(&rest),
        Some("chaos") => measure::chaos(&rest),
        Some("day") => measure::day(&rest),
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
