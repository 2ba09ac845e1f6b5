"""The register of differences: the tests that are left out on a server of LOCKSTEP_TEST_DSN, where and why.

A row is as many tests as its pattern names, one condition, one reason. What applies is deselected, counted, and
printed at the end of the run. `--prove-differences` runs just these tests, and fails for one that passes.
A pattern is a test's id, `*` stands for any text; without a `[…]` it means every case of the test.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.cluster import variant
from tests.given import data_directory, largest, preloaded

NO_STATISTICS = "pg_stat_statements is not preloaded"
FEW = "it takes fewer than 170 connections"
ELSEWHERE = "its data are not on this machine"
CLUSTER = "the school is on a Citus cluster"
CUT = "the school is cut by rows over a Citus cluster"
WHOLE = "the school is whole on one node of a Citus cluster"

# What can be said of a given server.
CONDITIONS: Mapping[str, Callable[[], bool]] = {
    NO_STATISTICS: lambda: "pg_stat_statements" not in preloaded(),
    FEW: lambda: largest() < 170,
    ELSEWHERE: lambda: data_directory() is None,
    CLUSTER: lambda: variant() is not None,
    CUT: lambda: variant() == "rows",
    WHOLE: lambda: variant() == "school",
}


@dataclass(frozen=True)
class Difference:
    """Tests that cannot pass on a server of which the condition holds; where it is a race, not each time."""

    tests: str
    condition: str
    reason: str

    @property
    def certain(self) -> bool:
        """Whether a test that passes is a proof that there is no difference."""
        return not self.reason.startswith(RACE)

    def names(self, nodeid: str) -> bool:
        """Whether this test is meant."""
        pattern = re.escape(self.tests).replace(r"\*", ".*")
        return re.fullmatch(rf"{pattern}(\[.*\])?", nodeid, re.DOTALL) is not None


# What a reason begins with that many sessions may or may not meet.
RACE = "in some runs: "

COUNTS = "nothing counts the server's statements"

# Of Citus; docs/schools.md has what each means for a school.
NO_HOOK = "the lock-order hook is left out: a policy may not call a volatile function there"
DEADLOCK = f"{RACE}without the lock-order hook, raw SQL on a license and a function end in a deadlock"
NOT_ARMED = "the keys are not armed: their triggers have other names on each node"
VIEWS = "a view is read with the rights of whoever asks"
ONE_BY_ONE = "a level is written in three statements"
PARTS = "the parts of one statement are carried out one after the other, so a mirror fires before the last"
CLOCK = "the clock in an UPDATE is that of the beginning of the statement"
MERGE = "MERGE is refused"
ROUTED = "a row goes where the user that it names is: a remark names its own"
NO_KEY = "rows are locked with the user's id only"
REFERENCE = "one lock on a row of a reference table is one on all of its rows"
SHARDS = "who waits and what connects is seen with shards and with connections of the cluster's own"
SCRIPT = "the test changes two tables, or runs DDL, in one string"
IDENTITY = "an identity of a cluster's table is not altered"
ORIGIN = "a drained entry is written by who drains, one by one"
ADOPTED = "an adoption joins tables that are cut with others: a school is taken over before it is cut"
COMPARED = "the schema is compared with that of a school on one server"
COUNTED = "a raw statement is counted on every shard"
GARBLED = "an adoption is refused: Citus garbles an insert of selected rows with a clock; a school is taken over before"
NO_CALLS = "(EXPLAIN) ANALYZE and VACUUM want a connection from the node to itself, which the server is set not to make"
WHICH_KEY = "of two keys that refuse a statement the other comes first: on a shard their triggers have another order"
CARRIED = "what leaves a database with Citus takes functions along that arm no keys, until they are loaded again"
DUMPED = "a dump of a cluster at work is not as of one moment"
REFUSED_DDL = "Citus refuses the key or the column that the test breaks the catalog with"
ALREADY = "the school is distributed already"
RIGHTS = "admins and functions may read the columns beneath their views"
VIEW_WRITE = "a write to a view is refused for what it is, before anybody's rights are asked"
LOGINS = "the nodes call each other as that role, so it logs in"
OWN_OBJECTS = "Citus's own tables and the shards have no descriptions"
MOVED = "an UPDATE that names another user is refused by Citus itself"
RETRIED = "of two reasons for a retry it tells the other"
FOUND = "it also finds what Citus refuses in an adoption, and what the cluster's own bodies do not use"
FOUND_FIRST = f"{RACE}Citus looks for deadlocks, too: it may end the other one, or both may end, and no counter has it"

DIFFERENCES = (
    Difference("tests/projects/test_races.py::test_a_hundred_sharers_*", FEW, "a hundred sessions, beside other tests"),
    Difference(
        "tests/faults/test_faults.py::test_on_a_full_disk_*", ELSEWHERE, "the disk that it fills is one of here"
    ),
    Difference("tests/monitoring/test_sampler.py::test_a_statement_that_got_slower_is_recorded", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_an_extension_that_comes_later_*", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_a_statement_that_prints_a_password_*", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_a_statement_that_takes_longer_*", NO_STATISTICS, COUNTS),
    Difference("tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*", CUT, NO_HOOK),
    Difference("tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*[select id *", WHOLE, NO_HOOK),
    Difference(
        "tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*[update lockstep.*", WHOLE, NO_HOOK
    ),
    Difference("tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*[delete from *", WHOLE, NO_HOOK),
    Difference("tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*[statement2]", WHOLE, NO_HOOK),
    Difference("tests/functions/test_lock_order.py::test_raw_sql_on_a_license_waits_*[statement6]", WHOLE, NO_HOOK),
    Difference("tests/functions/test_mirror.py::test_copy_into_licenses_is_refused_*", CLUSTER, NO_HOOK),
    Difference(
        "tests/functions/test_levels.py::test_a_held_level_cannot_go_under_the_replica_role", CLUSTER, NOT_ARMED
    ),
    Difference("tests/functions/test_mirror.py::test_under_the_replica_role_a_one_sided_*", CLUSTER, NOT_ARMED),
    Difference("tests/functions/test_mirror.py::test_what_a_superuser_forces_past_the_keys_*", CLUSTER, NOT_ARMED),
    Difference("tests/test_edge_cases.py::test_license_without_progress", CLUSTER, NOT_ARMED),
    Difference("tests/test_edge_cases.py::test_progress_without_license", CLUSTER, NOT_ARMED),
    Difference("tests/functions/test_levels.py::test_nobody_writes_through_the_views_*", CLUSTER, VIEWS),
    Difference("tests/views/test_desync.py::test_a_dba_reads_the_view[lockstep_readonly]", CLUSTER, VIEWS),
    Difference("tests/functions/test_batch.py::test_set_constraints_immediate_*", CLUSTER, ONE_BY_ONE),
    Difference("tests/functions/test_update_level.py::test_constraints_set_immediate_*", CLUSTER, ONE_BY_ONE),
    Difference("tests/functions/test_mirror.py::test_both_tables_written_alike_in_one_*", CLUSTER, PARTS),
    Difference("tests/functions/test_mirror.py::test_an_exception_that_is_swallowed_*-False]", CUT, PARTS),
    Difference(
        "tests/functions/test_lock_order.py::test_who_waited_dates_its_change_*level_up(1, 'PLAYER', 5)]",
        CLUSTER,
        CLOCK,
    ),
    Difference("tests/functions/test_mirror.py::test_delete_goes_on_both_sides_*", CLUSTER, MERGE),
    Difference("tests/functions/test_mirror.py::test_the_other_table_agrees_*[statement16-*", CLUSTER, MERGE),
    Difference("tests/functions/test_mirror.py::test_the_other_table_agrees_*[statement17-*", CLUSTER, MERGE),
    Difference("tests/functions/test_history.py::test_a_client_cannot_pass_its_remark_off_*", CUT, ROUTED),
    Difference("tests/functions/test_history.py::test_a_remark_on_a_license_that_does_not_*", CUT, ROUTED),
    Difference("tests/functions/test_history.py::test_a_row_that_a_client_inserts_*", CUT, ROUTED),
    Difference("tests/functions/test_mirror.py::test_an_old_clients_transaction_*", CUT, NO_KEY),
    Difference("tests/functions/test_accounts.py::test_who_is_no_admin_leaves_*", CUT, REFERENCE),
    Difference("tests/functions/test_batch.py::test_a_batch_in_the_opposite_order_*[True]", CUT, REFERENCE),
    Difference("tests/queue/test_queue.py::test_a_second_drain_takes_no_entry_*", CUT, REFERENCE),
    Difference("tests/queue/test_queue.py::test_a_key_that_somebody_holds_*", CUT, REFERENCE),
    Difference("tests/queue/test_queue.py::test_an_entry_waits_for_an_earlier_one_*", CUT, REFERENCE),
    Difference("tests/monitoring/test_sampler.py::test_a_wait_is_recorded_with_the_chain_*", CLUSTER, SHARDS),
    Difference("tests/monitoring/test_sampler.py::test_too_many_connections_*", CLUSTER, SHARDS),
    Difference("tests/monitoring/test_views.py::test_a_planted_chain_*", CLUSTER, SHARDS),
    Difference("tests/monitoring/test_views.py::test_the_chain_is_printed_*", CLUSTER, SHARDS),
    Difference("tests/queue/test_queue.py::test_an_entry_that_spoils_*", CLUSTER, SCRIPT),
    Difference("tests/test_seed.py::test_two_databases_get_the_same_school", CLUSTER, IDENTITY),
    Difference("tests/queue/test_queue.py::test_entries_of_a_pair_become_one_write_*", CLUSTER, ORIGIN),
    Difference("tests/http/test_users.py::test_two_admins_who_demote_*", CUT, REFERENCE),
    Difference("tests/http/test_pool.py::test_a_connection_that_breaks_in_*", CUT, NO_KEY),
    Difference("tests/http/test_pool.py::test_a_connection_that_breaks_while_*", CLUSTER, SCRIPT),
    Difference("tests/http/test_pool.py::test_a_call_that_meets_a_lock_is_*", CUT, NO_KEY),
    Difference("tests/http/test_pool.py::test_a_call_that_meets_a_lock_for_*", CUT, NO_KEY),
    Difference("tests/http/test_pool.py::test_a_lock_is_*", CUT, NO_KEY),
    Difference("tests/http/test_pool.py::test_a_breach_that_*", CUT, NO_KEY),
    Difference("tests/http/test_project_races.py::test_every_version_that_*", CUT, REFERENCE),
    Difference("tests/isolation/test_specs.py::test_each_permutation_*[level-up-raw-license-*", CLUSTER, NO_HOOK),
    Difference("tests/isolation/test_specs.py::test_each_permutation_*[raw-progress-raw-license-*", CLUSTER, NO_HOOK),
    Difference("tests/isolation/test_specs.py::test_each_permutation_*[level-inserts-serializable]", CUT, RETRIED),
    Difference(
        "tests/isolation/test_specs.py::test_each_permutation_*[update-level-level-removal-read*", CUT, ONE_BY_ONE
    ),
    Difference("tests/isolation/test_anomalies.py::test_each_level_*[g2_anti_dependency_cycle-*", CUT, REFERENCE),
    Difference("tests/adoption/test_adopt.py::test_a_dry_run_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_every_row_and_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_what_came_over_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_a_row_comes_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_what_cannot_come_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_the_source_is_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_a_second_adoption_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_a_later_adoption_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_pairs_out_of_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_somebody_here_already_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_a_time_zone_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_somebody_erased_does_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_nothing_of_somebody_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_what_the_source_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_columns_that_a_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_a_figure_that_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt.py::test_no_staged_row_*", CUT, ADOPTED),
    Difference("tests/contract/test_portability.py::test_the_check_of_*[keys_without_the_user]", CUT, REFUSED_DDL),
    Difference("tests/contract/test_portability.py::test_the_check_of_*[keys_that_cascade]", CUT, REFUSED_DDL),
    Difference("tests/contract/test_portability.py::test_the_check_of_*[distributed_by_no_key]", CUT, REFUSED_DDL),
    Difference("tests/contract/test_portability.py::test_the_check_of_*[keys_that_leave_a_node]", CUT, REFUSED_DDL),
    Difference("tests/contract/test_portability.py::test_without_citus_a_*", CLUSTER, ALREADY),
    Difference("tests/adoption/test_adopt_projects.py::test_every_project_asset_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_project_comes_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_later_adoption_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_content_that_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_both_kinds_of_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_what_the_source_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_bytes_that_did_*", CUT, ADOPTED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_file_that_*", CUT, ADOPTED),
    Difference("tests/contract/test_roles.py::test_a_role_has_*[lockstep_admin]", CLUSTER, RIGHTS),
    Difference("tests/contract/test_roles.py::test_the_functions_own_*", CLUSTER, RIGHTS),
    Difference("tests/contract/test_roles.py::test_what_was_not_*[lockstep_app]", CLUSTER, VIEW_WRITE),
    Difference("tests/contract/test_roles.py::test_what_was_not_*[lockstep_admin]", CLUSTER, RIGHTS),
    Difference("tests/contract/test_roles.py::test_what_was_not_*[lockstep_auth]", CLUSTER, VIEW_WRITE),
    Difference("tests/contract/test_roles.py::test_what_was_not_*[lockstep_readonly]", CLUSTER, VIEW_WRITE),
    Difference("tests/contract/test_roles.py::test_what_was_not_*[lockstep_legacy]", CLUSTER, VIEW_WRITE),
    Difference("tests/contract/test_roles.py::test_no_role_can_*[lockstep_admin]", CLUSTER, LOGINS),
    Difference("tests/contract/test_roles.py::test_no_role_can_*[lockstep_coupler]", CLUSTER, LOGINS),
    Difference("tests/contract/test_roles.py::test_no_role_can_*[lockstep_owner]", CLUSTER, LOGINS),
    Difference("tests/adoption/test_in_place.py::test_the_schema_is_*", CLUSTER, COMPARED),
    Difference("tests/contract/test_sql_files.py::test_every_constraint_is_*", CLUSTER, OWN_OBJECTS),
    Difference("tests/contract/test_sql_files.py::test_every_trigger_and_*", CLUSTER, OWN_OBJECTS),
    Difference("tests/deployment/test_backup.py::test_a_restored_backup_*", CLUSTER, CARRIED),
    Difference("tests/deployment/test_backup.py::test_what_is_written_*", CLUSTER, DUMPED),
    Difference("tests/deployment/test_backup.py::test_a_backup_of_*", CLUSTER, CARRIED),
    Difference("tests/deployment/test_backup.py::test_a_role_of_*", CLUSTER, LOGINS),
    Difference("tests/adoption/test_interrupted.py::test_a_pair_that_*", CUT, ADOPTED),
    Difference("tests/adoption/test_interrupted.py::test_killed_in_the_*", CUT, ADOPTED),
    Difference("tests/adoption/test_interrupted.py::test_the_command_reports_*", CUT, ADOPTED),
    Difference("tests/adoption/test_levels.py::*", CUT, ADOPTED),
    Difference("tests/adoption/test_people.py::*", CUT, ADOPTED),
    Difference("tests/adoption/test_side_by_side.py::test_old_writers_and_*", CUT, ROUTED),
    Difference("tests/adoption/test_side_by_side.py::test_it_is_seen_*", CUT, ROUTED),
    Difference("tests/adoption/test_side_by_side.py::test_sessions_that_ended_*", CUT, COUNTED),
    Difference("tests/faults/test_races.py::test_whoever_waits_for_*[update of license]", CLUSTER, NO_HOOK),
    Difference(
        "tests/faults/test_races.py::test_whoever_waits_for_*[select for update of a license]", CLUSTER, NO_HOOK
    ),
    Difference("tests/projects/test_races.py::test_uploads_and_sweeps_*", CUT, REFERENCE),
    Difference("tests/properties/test_programs.py::*", CUT, ROUTED),
    Difference("tests/functions/test_lock_order.py::test_hostile_writers_of_*", CLUSTER, DEADLOCK),
    Difference("tests/functions/test_lock_order.py::test_a_superuser_passes_the_hook_*", CLUSTER, FOUND_FIRST),
    Difference("tests/functions/test_erase.py::test_the_functions_own_*", CUT, MOVED),
    Difference("tests/queue/test_queue.py::test_calls_batches_raw_*", CLUSTER, DEADLOCK),
    Difference("tests/adoption/test_adopt.py::test_a_dry_run_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_a_figure_that_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_a_later_adoption_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_a_row_comes_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_a_second_adoption_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_a_time_zone_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_columns_that_a_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_each_row_level_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_every_row_and_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_no_staged_row_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_nothing_of_somebody_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_pairs_out_of_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_somebody_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_the_source_is_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt.py::test_what_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_content_that_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_file_that_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_later_adoption_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_a_project_comes_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_both_kinds_of_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_bytes_that_did_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_every_project_asset_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_adopt_projects.py::test_what_the_source_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_interrupted.py::test_a_pair_that_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_interrupted.py::test_killed_in_the_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_interrupted.py::test_the_command_reports_*", WHOLE, GARBLED),
    Difference("tests/adoption/test_levels.py::*", WHOLE, GARBLED),
    Difference("tests/adoption/test_people.py::*", WHOLE, GARBLED),
    Difference("tests/adoption/test_side_by_side.py::test_old_writers_and_*", WHOLE, NO_HOOK),
    Difference("tests/deployment/test_deploy.py::test_traffic_goes_on_*", CLUSTER, DUMPED),
    Difference("tests/faults/test_races.py::test_whoever_*[merge of license]", CLUSTER, MERGE),
    Difference("tests/faults/test_races.py::test_whoever_waits_for_*[delete of license]", CLUSTER, NO_HOOK),
    Difference("tests/test_season.py::test_nothing_fails_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_season_of_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_is_spoiled_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_a_connection_that_is_left_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[without_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_another_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_a_replayed_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_an_unseen_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_a_change_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_a_missing_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_a_session_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*[with_a_desync_*", WHOLE, NO_HOOK),
    Difference("tests/test_season.py::test_keys_are_armed_again_*", WHOLE, NOT_ARMED),
    Difference("tests/torture/test_torture.py::test_raw_sql_of_*", CLUSTER, MERGE),
    Difference("tests/torture/test_torture.py::test_writers_lose_nothing_to_*", CLUSTER, NO_CALLS),
    Difference(
        "tests/isolation/test_specs.py::test_each_permutation_*[update-level-level-removal-read committed]",
        WHOLE,
        WHICH_KEY,
    ),
    Difference("tests/contract/test_portability.py::test_the_check_of_*[ids_too_small]", WHOLE, REFUSED_DDL),
    Difference(
        "tests/isolation/test_histories.py::test_eight_sessions_*[read committed-disciplined]", CLUSTER, DEADLOCK
    ),
    Difference("tests/schools/test_move.py::test_a_school_moves_whole_*", CLUSTER, CARRIED),
    Difference("tests/functions/test_accounts.py::test_a_page_of_*", CLUSTER, NO_CALLS),
    Difference("tests/properties/test_programs.py::test_random_programs_*", WHOLE, MERGE),
    Difference("tests/test_bench.py::test_a_school_is_loaded_*", CLUSTER, NO_CALLS),
    Difference("tests/test_bench.py::test_the_cost_of_finding_*", CLUSTER, NO_CALLS),
    Difference("tests/adoption/test_adopt.py::test_each_row_level_*", CUT, ADOPTED),
    Difference("tests/contract/test_plpgsql_check.py::test_nothing_is_found_*", CLUSTER, FOUND),
    Difference("tests/migrations/test_constraints.py::test_level_nine_of_*_whatever_writes_it", CLUSTER, MERGE),
    Difference("tests/migrations/test_constraints.py::test_level_nine_of_*_through_every_function", CLUSTER, NOT_ARMED),
    Difference("tests/monitoring/test_sampler.py::test_a_quiet_database_*", CLUSTER, SHARDS),
    Difference("tests/docs/test_readme.py::test_a_session_*[first-screen]", CLUSTER, NOT_ARMED),
    Difference("tests/docs/test_readme.py::test_a_session_*[find-plan-apply-undo]", CLUSTER, NOT_ARMED),
    Difference("tests/docs/test_schema.py::test_the_committed_*", CLUSTER, COMPARED),
    Difference("tests/drills/test_drills.py::test_a_deadlock_ends_*", CLUSTER, FOUND_FIRST),
    Difference("tests/drills/test_drills.py::test_a_statement_that_lost_*", CLUSTER, NO_CALLS),
    Difference("tests/schools/test_schools.py::test_reports_show_*", CLUSTER, VIEWS),
    Difference("tests/test_season.py::test_season_of_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_nothing_fails_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_what_is_spoiled_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_what_was_seen_wrong_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_a_connection_that_is_left_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_the_pair_that_is_forced_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_keys_are_armed_again_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_without_a_superuser_*", CUT, ROUTED),
    Difference("tests/test_season.py::test_a_defect_in_*", CUT, ROUTED),
)


def applying() -> tuple[Difference, ...]:
    """The rows whose condition holds of the given server."""
    return tuple(difference for difference in DIFFERENCES if CONDITIONS[difference.condition]())
