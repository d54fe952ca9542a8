//! The built binary against a simulated Routee, real stores and real receivers on loopback.

mod alarms;
mod breaker;
mod dead;
mod poison;
mod process;
mod story;
