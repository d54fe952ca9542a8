//! routee-sim.
