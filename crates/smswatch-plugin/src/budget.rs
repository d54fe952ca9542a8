//! How long things may take, so that the work of a process that died goes on elsewhere in time.

use std::time::Duration;

/// Within what time the work of a process that died goes on in another one.
pub const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(45);

/// How long one attempt at a sink may take unless the operator says otherwise.
pub const DEFAULT_ATTEMPT: Duration = Duration::from_secs(30);

/// The longest that an operator can give one attempt at a sink.
pub const MAX_ATTEMPT: Duration = Duration::from_secs(35);

/// How much longer the lease of a delivery lasts than an attempt may take.
pub const DELIVERY_LEASE_MARGIN: Duration = Duration::from_secs(10);

const _: () = {
    assert!(DEFAULT_ATTEMPT.as_millis() <= MAX_ATTEMPT.as_millis());
    let longest_lease = MAX_ATTEMPT.as_millis() + DELIVERY_LEASE_MARGIN.as_millis();
    assert!(longest_lease <= TAKEN_OVER_WITHIN.as_millis());
};
