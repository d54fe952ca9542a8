//! smswatch.
