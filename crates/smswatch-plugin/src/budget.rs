//! How long things may take, so that the work of a process that died goes on elsewhere in time.
//!
//! | from the claim | a poll | an attempt at a sink |
//! |---|---|---|
//! | begins within | [`POLL_BEGINS_WITHIN`] | [`ATTEMPT_BEGINS_WITHIN`] |
//! | then takes at most | [`LONGEST_POLL`], the provider's own timeout [`MAX_POLL_TIMEOUT`] | its timeout, at most [`MAX_ATTEMPT`] |
//! | the lease ends after | [`POLL_LEASE`] | its timeout and [`DELIVERY_LEASE_MARGIN`] |
//!
//! Records of other kinds belong to their claimer for [`LISTING_LEASE`] (sweeps and campaigns), [`GROUP_LEASE`] (groups, rates
//! and callbacks that are held) or [`REMOVAL_LEASE`] (what has expired).
//!
//! All leases end within [`TAKEN_OVER_WITHIN`], and nothing that was begun under a lease outlasts it.

use std::time::Duration;

/// How soon another process goes on with the work of one that died.
pub const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(45);

/// How long a claimed watch belongs to its claimer. A dead process's watches are polled by another one
/// after this.
pub const POLL_LEASE: Duration = Duration::from_secs(40);

/// How long after the claim a poll may begin.
pub const POLL_BEGINS_WITHIN: Duration = Duration::from_secs(15);

/// How long a poll may take, whatever the provider's own timeout is.
pub const LONGEST_POLL: Duration = Duration::from_secs(20);

/// The longest timeout that an operator can give a provider: a poll that ends by it says why it failed.
pub const MAX_POLL_TIMEOUT: Duration = Duration::from_secs(15);

/// The default timeout of an attempt at a sink.
pub const DEFAULT_ATTEMPT: Duration = Duration::from_secs(30);

/// The longest that an operator can give one attempt at a sink.
pub const MAX_ATTEMPT: Duration = Duration::from_secs(35);

/// How long after the claim an attempt may begin.
pub const ATTEMPT_BEGINS_WITHIN: Duration = Duration::from_secs(5);

/// How much longer the lease of a delivery lasts than an attempt may take.
pub const DELIVERY_LEASE_MARGIN: Duration = Duration::from_secs(10);

/// How long a claimed sweep or campaign belongs to its claimer, which renews it before each page.
pub const LISTING_LEASE: Duration = Duration::from_secs(40);

/// How long a claimed group, rate or held callback belongs to its claimer.
pub const GROUP_LEASE: Duration = Duration::from_secs(20);

/// How long a claimed record that has expired belongs to whoever removes it.
pub const REMOVAL_LEASE: Duration = Duration::from_secs(30);

const _: () = {
    // What is left of a lease is for writing down what came of it.
    let poll = POLL_BEGINS_WITHIN.as_millis() + LONGEST_POLL.as_millis();
    assert!(poll < POLL_LEASE.as_millis());
    assert!(MAX_POLL_TIMEOUT.as_millis() < LONGEST_POLL.as_millis());
    assert!(POLL_LEASE.as_millis() < TAKEN_OVER_WITHIN.as_millis());
    assert!(ATTEMPT_BEGINS_WITHIN.as_millis() < DELIVERY_LEASE_MARGIN.as_millis());
    assert!(DEFAULT_ATTEMPT.as_millis() <= MAX_ATTEMPT.as_millis());
    let longest_lease = MAX_ATTEMPT.as_millis() + DELIVERY_LEASE_MARGIN.as_millis();
    assert!(longest_lease <= TAKEN_OVER_WITHIN.as_millis());
    assert!(LISTING_LEASE.as_millis() < TAKEN_OVER_WITHIN.as_millis());
    assert!(GROUP_LEASE.as_millis() < TAKEN_OVER_WITHIN.as_millis());
    assert!(REMOVAL_LEASE.as_millis() < TAKEN_OVER_WITHIN.as_millis());
};
