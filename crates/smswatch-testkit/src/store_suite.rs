//! What every store must hold to, as tests that a store crate runs against itself.
//!
//! A store crate writes a fixture and one line:
//!
//! ```ignore
//! smswatch_testkit::store_suite!(Fixture::fresh);
//! ```
//!
//! where `Fixture::fresh` is an async function that makes an empty store and something that keeps it
//! alive, and the type implements [`StoreFixture`].

mod about;
mod deliveries;
mod early;
mod history;
mod instead;
mod interleavings;
mod leases;
mod left;
mod log;
mod lookup;
mod memos;
mod newer;
mod queue;
mod rates;
mod records;
mod redrive;
mod samples;
mod suppressed;
mod versions;
mod waiting;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::store::Store;

pub use about::*;
pub use deliveries::*;
pub use early::*;
pub use history::*;
pub use instead::*;
pub use leases::*;
pub use left::*;
pub use log::*;
pub use lookup::*;
pub use memos::*;
pub use newer::*;
pub use queue::*;
pub use rates::*;
pub use records::*;
pub use redrive::*;
pub use samples::{add, claim_new, completion, delivery, put, record, step};
pub use suppressed::*;
pub use versions::*;
pub use waiting::*;
pub use watches::*;

use samples::{id_in, until};

/// An empty store, and whatever must live as long as it does.
pub trait StoreFixture: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
}

/// A lease that does not end during a test.
const LONG: Duration = Duration::from_secs(3600);

/// Makes one test of each promise; `$fresh` is an async function that makes a [`StoreFixture`].
#[macro_export]
macro_rules! store_suite {
    ($fresh:expr) => {
        $crate::store_suite! { $fresh =>
            a_watch_is_written_only_over_what_was_expected,
            items_of_one_step_do_not_depend_on_each_other,
            a_due_watch_is_claimed_once_until_its_lease_ends,
            claims_take_the_earliest_first_and_no_more_than_asked_for,
            lanes_are_separate,
            a_commit_ends_the_claim_and_sets_the_next_due_time,
            a_commit_of_the_same_due_time_leaves_the_claim_alone,
            a_superseded_due_time_is_not_claimed,
            a_deleted_watch_is_not_claimed,
            a_released_lease_is_due_at_once,
            a_finished_lease_gives_nothing_back,
            a_due_time_that_stays_is_due_when_its_lease_is_finished,
            what_is_put_aside_is_due_to_nobody_and_stays,
            what_is_scheduled_too_far_ahead_is_due_when_it_is_recalled,
            a_left_entry_is_kept_whole_until_somebody_routes_it,
            left_entries_that_a_bound_removes_are_counted,
            what_is_left_to_a_later_version_stays_pending_in_nobodys_way,
            what_waits_is_left_unless_somebody_has_claimed_it,
            a_delivery_that_waits_for_longer_than_it_can_is_recalled,
            concurrent_claims_share_the_watches,
            ids_and_records_of_any_size_come_back,
            all_watches_but_removed_ones_are_paged_once,
            watches_are_counted_by_state,
            the_log_is_read_in_order_behind_the_cursor,
            the_log_is_read_on_from_any_place_whatever_is_routed,
            a_commit_tells_where_its_entries_stand,
            a_route_step_refuses_when_the_cursor_has_moved,
            what_is_set_aside_is_kept_and_counted,
            what_is_set_aside_is_bounded,
            a_delivery_is_queued_once,
            events_are_paged_newest_first,
            trimming_never_passes_the_cursor,
            deliveries_are_claimed_by_priority_the_earliest_first,
            the_next_due_time_is_that_of_the_priority,
            a_claimed_delivery_belongs_to_its_claimer_until_the_lease_ends,
            a_delivery_that_goes_back_is_due_at_once_without_an_attempt,
            a_postponed_delivery_is_due_after_its_delay_without_an_attempt,
            what_is_queued_together_is_claimed_in_its_order,
            a_lost_lease_cannot_complete,
            a_retry_is_due_after_its_delay,
            the_first_and_the_newest_attempts_are_kept_and_all_are_counted,
            what_waits_for_a_later_attempt_can_be_claimed_early,
            what_is_claimed_is_not_claimed_early,
            what_waits_is_made_due_in_the_order_of_its_age,
            all_that_waits_is_made_due_however_much_it_is,
            what_another_sink_gets_is_queued_as_the_first_one_dies,
            a_lost_lease_queues_nothing_elsewhere,
            a_dead_letter_queues_its_fallback_and_nothing_else,
            deliveries_are_found_by_state_sink_and_message,
            deliveries_are_found_by_rule_and_time,
            ended_deliveries_are_trimmed_and_pending_ones_are_not,
            one_sinks_history_may_fill_what_all_may_keep,
            no_more_history_goes_than_there_is_too_much,
            the_events_of_a_message_are_found_among_those_of_others,
            the_events_of_messages_with_ids_of_any_size_are_found,
            events_of_a_rare_kind_are_found_among_the_common_ones,
            what_is_written_with_a_memo_or_a_record_is_found_by_its_message,
            the_events_before_a_moment_are_found_without_those_after_it,
            what_is_trimmed_is_found_no_more_and_the_rest_still_is,
            the_deliveries_of_a_message_are_found_wherever_they_are,
            the_deliveries_of_several_messages_are_found_together,
            watches_are_found_among_many_removed_ones,
            sinks_of_any_name_have_a_queue,
            a_requeued_delivery_is_due_at_once_and_keeps_its_history,
            a_requeued_delivery_is_not_completed_by_an_earlier_claim,
            only_a_delivery_in_a_named_state_is_redriven,
            a_forgotten_delivery_is_gone,
            a_redrive_goes_through_all_of_a_sink_in_bounded_steps,
            a_redrive_takes_what_ended_between_two_instants,
            what_is_held_back_from_the_beginning_takes_no_place_in_the_queue,
            what_is_held_back_after_its_claim_was_not_attempted,
            what_was_held_back_is_sent_once_somebody_wants_it,
            what_is_held_back_is_trimmed_with_what_was_delivered,
            a_queue_is_looked_through_in_the_order_of_queueing,
            a_queue_is_looked_through_in_bounded_slices,
            the_oldest_of_a_queue_is_told_however_late_it_is_due,
            what_is_claimed_is_told_apart_and_not_dead_lettered,
            what_is_dead_lettered_is_dead_and_says_why,
            only_what_waits_and_is_not_critical_is_dead_lettered,
            a_memo_is_written_only_over_the_version_that_was_expected,
            a_memo_and_its_log_entries_are_written_together,
            one_of_many_changes_of_a_memo_takes_place,
            a_record_changes_only_as_expected_and_no_version_comes_twice,
            a_due_record_is_claimed_once_until_its_lease_ends,
            a_change_ends_the_lease_of_a_record,
            a_change_of_a_record_and_what_belongs_to_it_are_written_together,
            one_of_many_changes_of_a_record_takes_place,
            records_are_paged_once,
            a_route_step_takes_its_records_along_or_does_nothing,
            left_entries_are_routed_with_their_records_or_not,
            a_queue_keeps_to_its_model,
            watches_keep_to_their_model,
            a_rate_grants_no_more_than_its_permits_at_once,
            rates_do_not_share_permits,
        }
    };
    ($fresh:expr => $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let fixture = $fresh().await;
                $crate::store_suite::$name(&fixture).await;
            }
        )*
    };
}
