//! The contract suite: what every store must do, as functions over `&dyn Store`.
//!
//! A store's own tests run each of [`CASES`] on a fresh [`Harness`]. The harness's clock stands
//! still unless a case moves it, so times are as repeatable as everything else.

mod candidates;
mod changes;
mod directory;
mod events;
mod evidence;
pub mod expressions;
mod findings;
#[cfg(test)]
mod grouped;
mod isolation;
mod jobs;
pub mod life;
mod lists;
mod long;
mod pages;
mod people;
mod queries;
mod registry;
mod rendered;
mod repeats;
mod samples;
mod tasks;
mod together;
mod totals;
mod undo;
mod undo_order;
mod users;

pub use samples::{Snapshot, snapshot};

use crate::{BoxFuture, Store};
use model::FixedClock;
use std::sync::Arc;

/// A fresh, empty store and what a case may do to it. Cases run on a runtime of tokio.
pub trait Harness: Send + Sync {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Store>;

    /// Closes it and opens it anew; [`Harness::store`] answers the new one from then on.
    fn reopen(&self) -> BoxFuture<'_, ()>;

    /// The clock that the store was given.
    fn clock(&self) -> &FixedClock;

    /// Findings of [`Store::check`] that are unsound here for the sake of fast tests: settings of a server.
    fn unsound(&self) -> &[&'static str] {
        &[]
    }
}

/// A case: panics when the store breaks the contract.
pub type CaseFn = for<'a> fn(&'a dyn Harness) -> BoxFuture<'a, ()>;

/// Hands the names of all [`CASES`] to a macro of the caller's, which makes tests of them: a test cannot be made of data.
#[macro_export]
macro_rules! contract_cases {
    ($make:ident) => {
        $make! {
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
            an_account_is_told_and_told_again
            a_renamed_user_keeps_the_former_name
            verifiers_are_kept_and_told_apart
            a_user_without_an_account_is_gone
            a_deleted_user_leaves_no_secret
            accounts_are_read_in_pages
            a_finding_becomes_one_event
            classes_of_findings_say_how_high_a_risk_is
            a_new_password_closes_what_leaked
            an_event_is_open_again_only_for_what_is_newer
            what_is_nobodys_raises_nothing
            a_job_goes_from_version_to_version
            what_a_job_finds_adds_up
            the_first_place_of_what_a_job_finds_is_kept
            jobs_and_findings_are_read_in_pages
            a_task_is_done_by_whoever_has_the_claim
            a_task_that_is_given_up_is_tried_again_and_fails_in_the_end
            what_tasks_were_given_is_sealed_anew
            workers_never_take_the_same_task
            a_worker_passes_over_jobs_that_it_cannot_work_for
            what_a_check_was_given_is_gone_once_it_is_done
            what_waits_for_a_candidate_is_found_once_it_is_current
            a_candidate_is_checked_once_for_the_verifiers_of_a_user
            candidates_of_dead_workers_are_taken_over_and_given_up
            candidates_wait_for_their_jobs
            workers_never_take_the_same_candidate
            what_is_kept_for_later_is_kept_for_its_time
            candidates_are_sealed_anew
            the_record_of_a_job_is_kept_in_its_order
            what_a_job_did_can_be_forgotten
            verifiers_are_sealed_anew
            what_a_job_did_is_taken_back
            what_a_job_found_is_taken_back
            what_others_changed_since_is_left
            what_cannot_be_taken_back_is_told
            whatever_jobs_did_is_taken_back
            what_others_removed_since_is_left
            a_deleted_user_leaves_no_record
            jobs_are_taken_back_newest_first
            a_list_takes_back_what_it_did
            an_undo_with_nothing_to_do_says_of_what
            an_entry_means_who_is_there
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
            long_reads_carry_what_short_ones_do
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
            upkeep_of_directories_raises_the_epoch
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
    };
}

/// Every case by its name.
pub const CASES: &[(&str, CaseFn)] = &[
    ("a_created_event_is_read_back_equal", |h| Box::pin(events::a_created_event_is_read_back_equal(h))),
    ("every_command_on_events_does_its_work", |h| Box::pin(events::every_command_on_events_does_its_work(h))),
    ("an_unchanged_event_keeps_its_version", |h| Box::pin(events::an_unchanged_event_keeps_its_version(h))),
    ("an_event_is_seen_through_its_own_kind", |h| Box::pin(events::an_event_is_seen_through_its_own_kind(h))),
    ("refusals_on_events_leave_nothing_behind", |h| Box::pin(events::refusals_on_events_leave_nothing_behind(h))),
    ("a_taken_id_is_refused_whoever_chose_it", |h| Box::pin(events::a_taken_id_is_refused_whoever_chose_it(h))),
    ("ids_lead_to_their_rows_whatever_they_carry", |h| Box::pin(events::ids_lead_to_their_rows_whatever_they_carry(h))),
    ("an_error_of_the_sink_ends_the_reading", |h| Box::pin(events::an_error_of_the_sink_ends_the_reading(h))),
    ("evidence_comes_and_goes_with_its_event", |h| Box::pin(evidence::evidence_comes_and_goes_with_its_event(h))),
    ("evidence_changes_its_event_and_no_risk", |h| Box::pin(evidence::evidence_changes_its_event_and_no_risk(h))),
    ("evidence_is_refused_where_there_is_no_room_and_no_event", |h| {
        Box::pin(evidence::evidence_is_refused_where_there_is_no_room_and_no_event(h))
    }),
    ("evidence_that_is_sent_again_is_added_once", |h| Box::pin(evidence::evidence_that_is_sent_again_is_added_once(h))),
    ("a_created_user_is_read_back_equal", |h| Box::pin(users::a_created_user_is_read_back_equal(h))),
    ("every_command_on_users_does_its_work", |h| Box::pin(users::every_command_on_users_does_its_work(h))),
    ("names_are_unique_ignoring_case", |h| Box::pin(users::names_are_unique_ignoring_case(h))),
    ("refusals_on_users_leave_nothing_behind", |h| Box::pin(users::refusals_on_users_leave_nothing_behind(h))),
    ("an_account_is_told_and_told_again", |h| Box::pin(directory::an_account_is_told_and_told_again(h))),
    ("a_renamed_user_keeps_the_former_name", |h| Box::pin(directory::a_renamed_user_keeps_the_former_name(h))),
    ("verifiers_are_kept_and_told_apart", |h| Box::pin(directory::verifiers_are_kept_and_told_apart(h))),
    ("a_user_without_an_account_is_gone", |h| Box::pin(directory::a_user_without_an_account_is_gone(h))),
    ("a_deleted_user_leaves_no_secret", |h| Box::pin(directory::a_deleted_user_leaves_no_secret(h))),
    ("accounts_are_read_in_pages", |h| Box::pin(directory::accounts_are_read_in_pages(h))),
    ("a_finding_becomes_one_event", |h| Box::pin(findings::a_finding_becomes_one_event(h))),
    ("classes_of_findings_say_how_high_a_risk_is", |h| {
        Box::pin(findings::classes_of_findings_say_how_high_a_risk_is(h))
    }),
    ("a_new_password_closes_what_leaked", |h| Box::pin(findings::a_new_password_closes_what_leaked(h))),
    ("an_event_is_open_again_only_for_what_is_newer", |h| {
        Box::pin(findings::an_event_is_open_again_only_for_what_is_newer(h))
    }),
    ("what_is_nobodys_raises_nothing", |h| Box::pin(findings::what_is_nobodys_raises_nothing(h))),
    ("a_job_goes_from_version_to_version", |h| Box::pin(jobs::a_job_goes_from_version_to_version(h))),
    ("what_a_job_finds_adds_up", |h| Box::pin(jobs::what_a_job_finds_adds_up(h))),
    ("the_first_place_of_what_a_job_finds_is_kept", |h| Box::pin(jobs::the_first_place_of_what_a_job_finds_is_kept(h))),
    ("jobs_and_findings_are_read_in_pages", |h| Box::pin(jobs::jobs_and_findings_are_read_in_pages(h))),
    ("a_task_is_done_by_whoever_has_the_claim", |h| Box::pin(tasks::a_task_is_done_by_whoever_has_the_claim(h))),
    ("a_task_that_is_given_up_is_tried_again_and_fails_in_the_end", |h| {
        Box::pin(tasks::a_task_that_is_given_up_is_tried_again_and_fails_in_the_end(h))
    }),
    ("what_tasks_were_given_is_sealed_anew", |h| Box::pin(tasks::what_tasks_were_given_is_sealed_anew(h))),
    ("workers_never_take_the_same_task", |h| Box::pin(tasks::workers_never_take_the_same_task(h))),
    ("a_worker_passes_over_jobs_that_it_cannot_work_for", |h| {
        Box::pin(tasks::a_worker_passes_over_jobs_that_it_cannot_work_for(h))
    }),
    ("what_a_check_was_given_is_gone_once_it_is_done", |h| {
        Box::pin(tasks::what_a_check_was_given_is_gone_once_it_is_done(h))
    }),
    ("what_waits_for_a_candidate_is_found_once_it_is_current", |h| {
        Box::pin(candidates::what_waits_for_a_candidate_is_found_once_it_is_current(h))
    }),
    ("a_candidate_is_checked_once_for_the_verifiers_of_a_user", |h| {
        Box::pin(candidates::a_candidate_is_checked_once_for_the_verifiers_of_a_user(h))
    }),
    ("candidates_of_dead_workers_are_taken_over_and_given_up", |h| {
        Box::pin(candidates::candidates_of_dead_workers_are_taken_over_and_given_up(h))
    }),
    ("candidates_wait_for_their_jobs", |h| Box::pin(candidates::candidates_wait_for_their_jobs(h))),
    ("workers_never_take_the_same_candidate", |h| Box::pin(candidates::workers_never_take_the_same_candidate(h))),
    ("what_is_kept_for_later_is_kept_for_its_time", |h| {
        Box::pin(candidates::what_is_kept_for_later_is_kept_for_its_time(h))
    }),
    ("candidates_are_sealed_anew", |h| Box::pin(candidates::candidates_are_sealed_anew(h))),
    ("the_record_of_a_job_is_kept_in_its_order", |h| Box::pin(jobs::the_record_of_a_job_is_kept_in_its_order(h))),
    ("what_a_job_did_can_be_forgotten", |h| Box::pin(jobs::what_a_job_did_can_be_forgotten(h))),
    ("verifiers_are_sealed_anew", |h| Box::pin(jobs::verifiers_are_sealed_anew(h))),
    ("what_a_job_did_is_taken_back", |h| Box::pin(undo::what_a_job_did_is_taken_back(h))),
    ("what_a_job_found_is_taken_back", |h| Box::pin(undo::what_a_job_found_is_taken_back(h))),
    ("what_others_changed_since_is_left", |h| Box::pin(undo::what_others_changed_since_is_left(h))),
    ("what_cannot_be_taken_back_is_told", |h| Box::pin(undo::what_cannot_be_taken_back_is_told(h))),
    ("whatever_jobs_did_is_taken_back", |h| Box::pin(undo::whatever_jobs_did_is_taken_back(h))),
    ("what_others_removed_since_is_left", |h| Box::pin(undo_order::what_others_removed_since_is_left(h))),
    ("a_deleted_user_leaves_no_record", |h| Box::pin(undo_order::a_deleted_user_leaves_no_record(h))),
    ("jobs_are_taken_back_newest_first", |h| Box::pin(undo_order::jobs_are_taken_back_newest_first(h))),
    ("a_list_takes_back_what_it_did", |h| Box::pin(undo_order::a_list_takes_back_what_it_did(h))),
    ("an_undo_with_nothing_to_do_says_of_what", |h| Box::pin(undo_order::an_undo_with_nothing_to_do_says_of_what(h))),
    ("an_entry_means_who_is_there", |h| Box::pin(undo_order::an_entry_means_who_is_there(h))),
    ("the_change_log_tells_what_happened", |h| Box::pin(changes::the_change_log_tells_what_happened(h))),
    ("the_change_log_is_read_in_pieces", |h| Box::pin(changes::the_change_log_is_read_in_pieces(h))),
    ("the_end_of_the_change_log_moves_with_it", |h| Box::pin(changes::the_end_of_the_change_log_moves_with_it(h))),
    ("times_grow_whatever_the_clock_does", |h| Box::pin(changes::times_grow_whatever_the_clock_does(h))),
    ("the_change_log_keeps_who_acted", |h| Box::pin(changes::the_change_log_keeps_who_acted(h))),
    ("kept_totals_equal_a_recount", |h| Box::pin(totals::kept_totals_equal_a_recount(h))),
    ("totals_add_up_and_start_at_zero", |h| Box::pin(totals::totals_add_up_and_start_at_zero(h))),
    ("pages_show_the_newest_first", |h| Box::pin(pages::pages_show_the_newest_first(h))),
    ("a_full_last_page_has_no_cursor", |h| Box::pin(pages::a_full_last_page_has_no_cursor(h))),
    ("pages_of_a_kind_show_only_that_kind", |h| Box::pin(pages::pages_of_a_kind_show_only_that_kind(h))),
    ("cursors_hold_while_rows_come_and_go", |h| Box::pin(pages::cursors_hold_while_rows_come_and_go(h))),
    ("queries_answer_what_the_evaluator_keeps", |h| Box::pin(queries::queries_answer_what_the_evaluator_keeps(h))),
    ("long_reads_carry_what_short_ones_do", |h| Box::pin(long::long_reads_carry_what_short_ones_do(h))),
    ("many_ids_are_looked_up_at_once", |h| Box::pin(pages::many_ids_are_looked_up_at_once(h))),
    ("tenants_never_see_each_other", |h| Box::pin(isolation::tenants_never_see_each_other(h))),
    ("tenants_never_change_each_other", |h| Box::pin(isolation::tenants_never_change_each_other(h))),
    ("no_cursor_leads_to_another_tenant", |h| Box::pin(isolation::no_cursor_leads_to_another_tenant(h))),
    ("no_number_passes_for_a_tenant", |h| Box::pin(isolation::no_number_passes_for_a_tenant(h))),
    ("an_unknown_tenant_is_named", |h| Box::pin(isolation::an_unknown_tenant_is_named(h))),
    ("tenants_come_and_go", |h| Box::pin(registry::tenants_come_and_go(h))),
    ("apps_come_and_go", |h| Box::pin(registry::apps_come_and_go(h))),
    ("an_app_has_two_secrets_at_most", |h| Box::pin(registry::an_app_has_two_secrets_at_most(h))),
    ("the_epoch_grows_with_changes_only", |h| Box::pin(registry::the_epoch_grows_with_changes_only(h))),
    ("upkeep_of_directories_raises_the_epoch", |h| Box::pin(registry::upkeep_of_directories_raises_the_epoch(h))),
    ("each_command_of_a_list_sees_the_ones_before", |h| {
        Box::pin(lists::each_command_of_a_list_sees_the_ones_before(h))
    }),
    ("a_list_that_fails_leaves_nothing_wherever_it_fails", |h| {
        Box::pin(lists::a_list_that_fails_leaves_nothing_wherever_it_fails(h))
    }),
    ("a_list_of_an_unknown_tenant_and_an_empty_one_do_nothing", |h| {
        Box::pin(lists::a_list_of_an_unknown_tenant_and_an_empty_one_do_nothing(h))
    }),
    ("lists_at_once_do_not_mix", |h| Box::pin(lists::lists_at_once_do_not_mix(h))),
    ("a_repeated_request_is_carried_out_once", |h| Box::pin(repeats::a_repeated_request_is_carried_out_once(h))),
    ("the_first_outcome_outlives_its_entity", |h| Box::pin(repeats::the_first_outcome_outlives_its_entity(h))),
    ("another_request_under_the_same_id_is_refused", |h| {
        Box::pin(repeats::another_request_under_the_same_id_is_refused(h))
    }),
    ("a_refused_request_is_not_remembered", |h| Box::pin(repeats::a_refused_request_is_not_remembered(h))),
    ("requests_are_known_to_their_sender_only", |h| Box::pin(repeats::requests_are_known_to_their_sender_only(h))),
    ("repeats_at_the_same_moment_make_one", |h| Box::pin(repeats::repeats_at_the_same_moment_make_one(h))),
    ("requests_outside_of_the_window_are_refused", |h| {
        Box::pin(repeats::requests_outside_of_the_window_are_refused(h))
    }),
    ("what_is_forgotten_stays_refused", |h| Box::pin(repeats::what_is_forgotten_stays_refused(h))),
    ("the_oldest_give_way_when_there_are_too_many", |h| {
        Box::pin(repeats::the_oldest_give_way_when_there_are_too_many(h))
    }),
    ("a_repeated_list_is_carried_out_once_or_not_at_all", |h| {
        Box::pin(repeats::a_repeated_list_is_carried_out_once_or_not_at_all(h))
    }),
    ("what_is_acknowledged_together_is_there", |h| Box::pin(together::what_is_acknowledged_together_is_there(h))),
    ("a_refusal_leaves_its_neighbours_alone", |h| Box::pin(together::a_refusal_leaves_its_neighbours_alone(h))),
    ("one_of_many_gets_a_contested_id", |h| Box::pin(together::one_of_many_gets_a_contested_id(h))),
    ("updates_at_once_lose_nothing", |h| Box::pin(together::updates_at_once_lose_nothing(h))),
    ("reopening_keeps_everything", |h| Box::pin(together::reopening_keeps_everything(h))),
    ("a_closed_store_refuses_politely", |h| Box::pin(together::a_closed_store_refuses_politely(h))),
    ("a_sound_store_checks_as_sound", |h| Box::pin(together::a_sound_store_checks_as_sound(h))),
];
