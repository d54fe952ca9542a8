//! What every store must hold to, as tests that a store crate runs against itself.
