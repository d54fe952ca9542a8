//! The store for production: one Redis, split into shards as Redis Cluster wants them.
//!
//! Every step is one script call on one shard. All keys of a shard carry its number as their hash
//! tag; a script is given what they begin with, `PREFIX:{SHARD}:`, and makes the rest itself.
//!
//! | key | type | what it holds |
//! |---|---|---|
//! | `w:BUCKET` | hash | records of watches, in buckets small enough to stay listpacks |
//! | `x:BUCKET` | hash | records or ids over 64 bytes, which would spoil a small bucket |
//! | `z:LANE` | sorted set | due times of a lane, each in milliseconds |
//! | `s:LANE:DUE` | list | the watches that are due then: bucket and field |
//! | `e:LANE` | sorted set | leases of a lane by their end |
//! | `l:LEASE` | list | the watches under a lease: due time, bucket and field |
//! | `u:LANE` | list | watches whose records a version could not read, for a later one |
//! | `n` | hash | watches by state; log entries appended, routed and set aside; the last version of a record |
//! | `log`, `cur` | stream, string | the event log, and the id of the last routed entry |
//! | `i:BUCKET` | hash | the ids of a message's log entries while they are few |
//! | `j:BUCKET:FIELD` | sorted set | the same of a message that has many, or a long id |
//! | `k:KIND` | stream | the ids of log entries that hold an event of a rare kind |
//! | `i` | hash | what of all this an earlier version may have left out |
//! | `aside` | stream | the newest log entries that could not be routed |
//! | `left` | stream | log entries that a version could not read, for a later one |
//! | `clock` | hash | by how much the store's clock is ahead of Redis's, and what it has shown |
//! | `d:ID` | hash | a delivery |
//! | `q:PRIORITY:SINK` | sorted set | pending deliveries by next attempt or end of lease |
//! | `a:PRIORITY:SINK` | sorted set | pending deliveries by when they were queued |
//! | `v:PRIORITY:SINK` | sorted set | pending deliveries that a version could not read, for a later one, by when |
//! | `delivered:SINK`, `dead:SINK`, `suppressed:SINK` | sorted set | ended deliveries by their end |
//! | `c:PROCESS:PRIORITY:SINK` | string | a process's last claim of a queue: its number and its score |
//! | `c:PROCESS:h:KIND` | string | a process's last claim of records: its number and the end of its lease |
//! | `t:MESSAGE` | sorted set | the deliveries that tell of a message |
//! | `r:SINK` | hash | the rules of which the sink has or had deliveries |
//! | `sinks` | set | every sink that has or had deliveries |
//! | `g:KIND` | hash | records of another kind than watches: version, due time and body |
//! | `h:KIND` | sorted set | those of them that are due some time, by due time or end of lease |
//! | `o:KIND` | sorted set | the ids of all of them, in order |
//! | `m:NAME` | hash | a memo: `version` and `value` |
//! | `rate:NAME` | string | when the rate's next permit would arrive in theory |
//! | `shards` (shard 0) | string | into how many shards the store is split |
//!
//! Instants come from Redis's `TIME`, carried on where that was set back or stands still: each process
//! says every few seconds what it should show at least, and the shards note how far they are ahead.
//!
//! All calls share one connection. One that falls silent, loses its login, or leads to a Redis that is
//! no longer the master is given up for another one, and what it had not brought to Redis yet goes with
//! it; so a failover behind a name or a balancer needs no restart.
//!
//! No admin rights are needed. A user with these has all that are, here for the prefix `smswatch`;
//! without `+info` the start cannot check `maxmemory-policy` and AOF, and warns:
//!
//! ```acl
//! smswatch on resetchannels ~smswatch:*
//! +evalsha +script|load +time +info +get +set +del +exists
//! +hget +hset +hdel +hmget +hgetall +hincrby +lpop +rpush +sadd +smembers
//! +xadd +xdel +xlen +xrange +xrevrange
//! +zadd +zcard +zrange +zrangebyscore +zrevrangebyscore +zrem +zscore
//! ```

mod call;
mod clock;
mod connection;
mod delivery;
mod error;
mod field;
mod open;
mod page;
mod probe;
mod scripts;
mod store;

pub use open::{OpenError, RedisOptions};
pub use probe::{Probed, probe};
pub use store::RedisStore;
