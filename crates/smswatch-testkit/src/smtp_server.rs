//! A real SMTP server on loopback that keeps what it is sent.
