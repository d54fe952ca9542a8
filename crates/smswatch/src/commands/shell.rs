//! `smswatch completions` and `smswatch man`: what a shell and `man` know of the commands.

use anyhow::Context as _;
use clap::Command;

use super::print;
use crate::cli::{CompletionsArgs, ManArgs};

/// Prints a script that completes the commands in a shell.
pub(crate) fn completions(mut command_line: Command, args: &CompletionsArgs) -> anyhow::Result<()> {
    let name = command_line.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line, name, &mut script);
    print(&String::from_utf8(script).context("the script is not UTF-8")?)
}

/// Writes a page for the program and one for each command.
pub(crate) fn man(command_line: Command, args: &ManArgs) -> anyhow::Result<()> {
    let directory = &args.directory;
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command_line, directory));
    written.with_context(|| format!("could not write manual pages to {}", directory.display()))
}
