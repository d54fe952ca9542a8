//! custom sink.
fn main() {}
