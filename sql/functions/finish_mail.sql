create or replace function lockstep.finish_mail(
    p_mail_id bigint,
    p_outcome text,
    p_error text default null
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_mail lockstep.incident_mails;
    v_state text;
    v_now timestamptz;
    v_try_after timestamptz;
begin
    if p_outcome is null or p_outcome not in ('sent', 'failed', 'refused') then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('outcome %s', coalesce(p_outcome, 'null')),
            hint = 'sent, failed (to be tried again) or refused (for good).';
    end if;

    select mail.*
    into v_mail
    from lockstep.incident_mails as mail
    where mail.id = p_mail_id
        and mail.sent_at is null
        and mail.set_aside_at is null
    for no key update;

    if not found then
        return null;
    end if;

    v_state := case
        when p_outcome = 'sent' then 'sent'
        when p_outcome = 'refused' then 'set_aside'
        when v_mail.attempts + 1 >= lockstep.setting('mail_attempts')::integer then 'set_aside'
        else 'retrying'
    end;
    v_now := clock_timestamp();
    v_try_after := v_now + least(
        lockstep.setting('mail_retry_pause')::interval * (2 ^ least(v_mail.attempts, 20)), interval '1 hour'
    );

    update lockstep.incident_mails as mail
    set error = left(p_error, 1000),
        sent_at = case when v_state = 'sent' then v_now end,
        attempts = v_mail.attempts + (p_outcome <> 'sent')::integer,
        set_aside_at = case when v_state = 'set_aside' then v_now end,
        try_after = v_try_after
    where mail.id = p_mail_id;

    return v_state;
end;
$function$;

comment on function lockstep.finish_mail(bigint, text, text) is
$comment$Says what came of a delivery: sent, failed (tried again after a pause that doubles) or refused (set aside at once).

One that failed as often as the setting mail_attempts is set aside. Returns sent, retrying or set_aside; null where
it was ended before. Raises LS006 for another outcome. Locks the mail.$comment$;

revoke all on function lockstep.finish_mail(bigint, text, text) from public;
grant execute on function lockstep.finish_mail(bigint, text, text) to lockstep_admin;
