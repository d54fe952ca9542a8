//! smswatch-testkit.
