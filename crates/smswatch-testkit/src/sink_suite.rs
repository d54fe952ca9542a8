//! What every sink must hold to, as tests that a sink crate runs against itself.
