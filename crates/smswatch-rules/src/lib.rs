//! smswatch-rules.
