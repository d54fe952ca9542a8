//! smswatch-core.
