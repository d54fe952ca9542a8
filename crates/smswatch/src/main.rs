//! smswatch.
fn main() {}
