//! smswatch-http.
