//! smswatch-store-sqlite.
