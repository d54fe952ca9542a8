//! An HTTP server on loopback that keeps what it is sent and answers as it is told.
