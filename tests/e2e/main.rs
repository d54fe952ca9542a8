//! The built binary against a simulated Routee, real stores and real receivers on loopback.

mod process;
mod story;
