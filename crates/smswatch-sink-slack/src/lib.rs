//! smswatch-sink-slack.
