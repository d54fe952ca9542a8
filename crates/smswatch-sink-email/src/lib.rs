//! smswatch-sink-email.
