//! smswatch-routee.
