//! The smswatch binary, with the built-in sinks and no others.

fn main() -> std::process::ExitCode {
    smswatch::App::new().main()
}
