//! smswatch-store-redis.
