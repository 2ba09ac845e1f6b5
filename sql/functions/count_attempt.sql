create or replace function lockstep.count_attempt(
    p_kind text,
    p_name text,
    p_free integer
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_count lockstep.sign_in_attempts;
    v_now timestamptz;
    v_wait interval;
begin
    loop
        select attempt.*
        into v_count
        from lockstep.sign_in_attempts as attempt
        where attempt.kind = p_kind
            and attempt.name = p_name
        for no key update;

        exit when found;

        -- Of many at once one inserts; the others wait for it here, and then for its lock above.
        insert into lockstep.sign_in_attempts (kind, name)
        values (p_kind, p_name)
        on conflict on constraint sign_in_attempts_pkey do nothing;
    end loop;

    -- After the lock, for which this may have waited.
    v_now := clock_timestamp();

    if v_count.last_at < v_now - lockstep.setting('sign_in_memory')::interval then
        v_count.failures := 0;
    end if;

    -- After the last free one a second, and twice as long after each further one.
    v_wait := case
        when v_count.failures < p_free then interval '0'
        else least(
            interval '1 second' * power(2, least(v_count.failures - p_free, 30)),
            lockstep.setting('sign_in_longest_wait')::interval
        )
    end;

    -- What is refused here is rolled back, so it makes nobody wait for longer.
    if v_now < v_count.last_at + v_wait then
        raise exception using
            errcode = 'LS033',
            message = 'too many sign-ins failed',
            detail = format('seconds=%s', ceil(extract(epoch from v_count.last_at + v_wait - v_now))),
            hint = 'Wait for so long; the right password is not looked at before.';
    end if;

    update lockstep.sign_in_attempts as attempt
    set failures = v_count.failures + 1,
        last_at = v_now
    where attempt.kind = p_kind
        and attempt.name = p_name;
end;
$function$;

comment on function lockstep.count_attempt(text, text, integer) is
$comment$Counts an attempt to sign in as failed, until it is taken back; so many are free, then there are waits.

Raises LS033 as long as one has to wait, 23502 for no name. Locks the count.$comment$;

revoke all on function lockstep.count_attempt(text, text, integer) from public;
