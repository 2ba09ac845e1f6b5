create or replace function lockstep.claim_mail()
returns lockstep.outbox
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_mail_id bigint;
    v_claimed lockstep.outbox;
begin
    select mail.id
    into v_mail_id
    from lockstep.incident_mails as mail
    where mail.sent_at is null
        and mail.set_aside_at is null
        and mail.try_after <= clock_timestamp()
        -- That it is over is told after that it began.
        and not (
            mail.event = 'closed'
            and exists (
                select from lockstep.incident_mails as opened
                where opened.incident_id = mail.incident_id
                    and opened.event = 'opened'
                    and opened.sent_at is null
                    and opened.set_aside_at is null
            )
        )
    order by mail.id
    limit 1
    for no key update of mail skip locked;

    select claimed.*
    into v_claimed
    from lockstep.outbox as claimed
    where claimed.mail_id = v_mail_id;

    return v_claimed;
end;
$function$;

comment on function lockstep.claim_mail() is
$comment$Takes the oldest mail that is due and that nobody else is delivering, to be ended by finish_mail() in the same transaction.

Returns it as the view outbox shows it; nulls where there is none. Locks the mail until the commit: of a deliverer
that dies the next one takes it. Waits for nobody.$comment$;

revoke all on function lockstep.claim_mail() from public;
grant execute on function lockstep.claim_mail() to lockstep_admin;
