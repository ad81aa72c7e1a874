//! The contract that every store keeps, each case as a test of its own.

use crate::support::Harness;
use store::contract::CASES;

/// Makes two tests of each name, and a list of all names: over a database as it is made, and over one whose tables have
/// hash partitions by tenant.
macro_rules! cases {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_, case) = CASES.iter().find(|(name, _)| *name == stringify!($name)).expect("a case of the contract");
                case(&Harness::new().await).await;
            }
        )*
        mod over_partitions {
            use super::{CASES, Harness};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (_, case) = CASES.iter().find(|(name, _)| *name == stringify!($name)).expect("a case of the contract");
                    case(&Harness::over_partitions().await).await;
                }
            )*
        }
    };
}

cases! {
    a_created_event_is_read_back_equal
    every_command_on_events_does_its_work
    an_unchanged_event_keeps_its_version
    an_event_is_seen_through_its_own_kind
    refusals_on_events_leave_nothing_behind
    a_taken_id_is_refused_whoever_chose_it
    ids_lead_to_their_rows_whatever_they_carry
    an_error_of_the_sink_ends_the_reading
    evidence_comes_and_goes_with_its_event
    evidence_changes_its_event_and_no_risk
    evidence_is_refused_where_there_is_no_room_and_no_event
    evidence_that_is_sent_again_is_added_once
    a_created_user_is_read_back_equal
    every_command_on_users_does_its_work
    names_are_unique_ignoring_case
    refusals_on_users_leave_nothing_behind
    the_change_log_tells_what_happened
    the_change_log_is_read_in_pieces
    the_end_of_the_change_log_moves_with_it
    times_grow_whatever_the_clock_does
    the_change_log_keeps_who_acted
    kept_totals_equal_a_recount
    totals_add_up_and_start_at_zero
    pages_show_the_newest_first
    a_full_last_page_has_no_cursor
    pages_of_a_kind_show_only_that_kind
    cursors_hold_while_rows_come_and_go
    queries_answer_what_the_evaluator_keeps
    many_ids_are_looked_up_at_once
    tenants_never_see_each_other
    tenants_never_change_each_other
    no_cursor_leads_to_another_tenant
    no_number_passes_for_a_tenant
    an_unknown_tenant_is_named
    tenants_come_and_go
    apps_come_and_go
    an_app_has_two_secrets_at_most
    the_epoch_grows_with_changes_only
    each_command_of_a_list_sees_the_ones_before
    a_list_that_fails_leaves_nothing_wherever_it_fails
    a_list_of_an_unknown_tenant_and_an_empty_one_do_nothing
    lists_at_once_do_not_mix
    a_repeated_request_is_carried_out_once
    the_first_outcome_outlives_its_entity
    another_request_under_the_same_id_is_refused
    a_refused_request_is_not_remembered
    requests_are_known_to_their_sender_only
    repeats_at_the_same_moment_make_one
    requests_outside_of_the_window_are_refused
    what_is_forgotten_stays_refused
    the_oldest_give_way_when_there_are_too_many
    a_repeated_list_is_carried_out_once_or_not_at_all
    what_is_acknowledged_together_is_there
    a_refusal_leaves_its_neighbours_alone
    one_of_many_gets_a_contested_id
    updates_at_once_lose_nothing
    reopening_keeps_everything
    a_closed_store_refuses_politely
    a_sound_store_checks_as_sound
}

#[test]
fn every_case_of_the_contract_is_run() {
    let cases: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, cases);
}
