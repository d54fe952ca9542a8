//! smswatch-sink-webhook.
