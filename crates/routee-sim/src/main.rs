//! routee-sim.
fn main() {}
