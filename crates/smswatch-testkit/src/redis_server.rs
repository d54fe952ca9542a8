//! A real Redis on a free port, gone when it is dropped.
