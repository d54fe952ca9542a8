//! The built binary against a simulated Routee, real stores and real receivers on loopback.

mod dead;
mod poison;
mod alarms;
mod process;
mod story;
