//! What every implementation of [`Journal`] must do: each sentence of the trait is a case here.
//!
//! An implementation writes `conformance::suite!(new_world)`, where `new_world()` makes a [`World`] with an empty
//! journal, and gets one test for each case.

pub(crate) mod crowd;
pub(crate) mod deliveries;
pub(crate) mod inbox;
pub(crate) mod interleavings;
pub(crate) mod outbox;
pub(crate) mod reading;
pub(crate) mod steps;
mod world;

pub(crate) use world::{Hand, World, looks, released, session, stop, task, tell_fleet, wanted};

macro_rules! suite {
    ($world:path) => {
        $crate::journal::conformance::cases! { $world;
            deliveries::a_delivery_is_new_once_and_known_ever_after,
            deliveries::unrouted_deliveries_come_back_as_they_were_oldest_first,
            deliveries::a_routed_delivery_is_out_of_the_way_and_its_posts_are_in_inboxes,
            deliveries::a_second_routing_does_nothing,
            deliveries::routing_an_unknown_delivery_does_nothing,
            deliveries::a_buried_delivery_is_kept_and_counted_and_cannot_be_routed,
            inbox::a_cause_is_accepted_once_ever,
            inbox::events_wait_in_the_order_in_which_they_came,
            inbox::a_cause_stays_known_after_its_event_was_consumed,
            steps::a_first_step_makes_the_machine,
            steps::a_step_on_another_version_is_a_conflict_and_changes_nothing,
            steps::a_repeated_step_is_a_duplicate_and_changes_nothing,
            steps::a_step_cannot_consume_the_event_of_another_machine,
            steps::told_events_land_in_inboxes_in_the_same_transaction,
            steps::a_machine_may_tell_itself,
            steps::a_deadline_is_due_at_its_moment_most_overdue_first,
            steps::a_step_replaces_the_deadline,
            steps::a_deadline_is_consumed_once,
            steps::a_deadline_that_was_moved_is_a_duplicate,
            steps::the_next_deadline_is_the_earliest_of_machines_and_postponed_effects,
            steps::machines_are_found_by_the_keys_of_their_last_step,
            steps::several_machines_share_a_key,
            steps::machines_are_listed_by_kind_and_sorted_by_number,
            outbox::effects_of_a_lane_are_claimed_one_after_the_other,
            outbox::lanes_are_claimed_in_parallel_oldest_first_up_to_the_limit,
            outbox::a_claim_hands_out_what_was_ordered,
            outbox::a_told_event_is_never_claimed,
            outbox::a_lease_that_ran_out_is_claimed_again_and_the_first_claimant_is_stale,
            outbox::a_lease_that_ran_out_still_counts_until_somebody_else_claims,
            outbox::an_outcome_lands_in_the_inbox_once,
            outbox::progress_survives_and_tells_the_machine_each_time,
            outbox::a_postponed_effect_holds_up_its_lane_until_its_moment,
            outbox::tries_are_counted_apart_from_waits,
            outbox::a_postponed_claim_is_over,
            outbox::reclaiming_frees_everything_and_makes_old_claims_stale,
            outbox::an_unknown_effect_is_stale,
            reading::the_tail_of_the_log_follows_a_position,
            reading::an_entry_records_everything_that_a_replay_needs,
            reading::the_history_of_a_machine_is_its_newest_entries_oldest_first,
            reading::a_text_is_kept_under_its_hash,
            reading::the_head_is_there_before_the_answer,
            reading::news_come_with_everything_that_somebody_may_wait_for,
            reading::stats_count_what_is_there,
            reading::an_empty_journal_answers_with_nothing,
            crowd::many_machines_step_at_the_same_time,
            crowd::of_many_steps_on_one_version_exactly_one_is_carried_out,
            crowd::a_failing_step_takes_nobody_with_it,
            crowd::whoever_was_answered_sees_its_own_write,
        }

        #[test]
        fn any_interleaving_of_operations_does_what_the_model_says() {
            $crate::journal::conformance::interleavings::any_interleaving_does_what_the_model_says($world);
        }
    };
}

macro_rules! cases {
    ($world:path; $($file:ident::$case:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::journal::conformance::$file::$case($world()).await;
        })*
    };
}

pub(crate) use {cases, suite};
