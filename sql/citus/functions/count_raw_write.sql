create or replace function lockstep.count_raw_write()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_role constant text := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    -- A school that is cut has this table on the coordinator, and its rows elsewhere.
    if to_regclass('lockstep.raw_writes') is null then
        return null;
    end if;

    -- A serializable transaction only adds: what it read here, others would conflict with.
    if current_setting('transaction_isolation') <> 'serializable' then
        -- The session's own row, so nobody waits; after PREPARE TRANSACTION that may be held: then another.
        update lockstep.raw_writes as seen
        set statements = seen.statements + 1,
            last_seen_at = clock_timestamp()
        where seen.id = (
            select own.id
            from lockstep.raw_writes as own
            where own.backend_pid = pg_backend_pid()
                and own.table_name = tg_argv[0]
                and own.operation = tg_op
                and own.database_role = v_role
                and own.application_name = current_setting('application_name')
            limit 1
            for no key update skip locked
        );

        if found then
            return null;
        end if;
    end if;

    insert into lockstep.raw_writes (database_role, application_name, table_name, operation)
    values (v_role, current_setting('application_name'), tg_argv[0], tg_op);

    return null;
end;
$function$;

comment on function lockstep.count_raw_write() is
$comment$After a raw statement on a coupled table or the history: counts it, for the view raw_writers.

Locks a row that is the session's own, and waits for nobody.$comment$;

revoke all on function lockstep.count_raw_write() from public;

create or replace trigger count_insert
after insert on lockstep.specialization_progress
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('specialization_progress');

create or replace trigger count_update
after update on lockstep.specialization_progress
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('specialization_progress');

create or replace trigger count_delete
after delete on lockstep.specialization_progress
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('specialization_progress');

create or replace trigger count_insert
after insert on lockstep.user_licenses
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('user_licenses');

create or replace trigger count_update
after update on lockstep.user_licenses
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('user_licenses');

create or replace trigger count_delete
after delete on lockstep.user_licenses
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('user_licenses');

create or replace trigger count_insert
after insert on lockstep.license_progressions
for each statement when (current_user <> 'lockstep_coupler')
execute function lockstep.count_raw_write('license_progressions');

comment on trigger count_insert on lockstep.specialization_progress is
'Raw INSERT: counted. The functions'' own role passes.';
comment on trigger count_update on lockstep.specialization_progress is
'Raw UPDATE: counted, also where no level changes. The functions'' own role passes.';
comment on trigger count_delete on lockstep.specialization_progress is
'Raw DELETE: counted. The functions'' own role passes.';
comment on trigger count_insert on lockstep.user_licenses is
'Raw INSERT: counted. The functions'' own role passes.';
comment on trigger count_update on lockstep.user_licenses is
'Raw UPDATE: counted, also where no level changes. The functions'' own role passes.';
comment on trigger count_delete on lockstep.user_licenses is
'Raw DELETE: counted. The functions'' own role passes.';
comment on trigger count_insert on lockstep.license_progressions is
'A remark of a client: counted. The functions'' own role passes.';
