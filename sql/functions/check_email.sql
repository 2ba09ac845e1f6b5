create or replace function lockstep.check_email(
    p_email text
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- What stands for an address that nobody has ends in .invalid: of those erased, say.
    if p_email is null
        or length(p_email) > 254
        or p_email !~ '^[^@[:space:]]+@[^@[:space:]]+$'
        or lower(p_email) like '%.invalid'
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('email=%s', coalesce(left(p_email, 254), 'null')),
            hint = 'Give an e-mail address of at most 254 characters.';
    end if;
end;
$function$;

comment on function lockstep.check_email(text) is 'Raises LS006 for what is no e-mail address, or only stands for one.';

revoke all on function lockstep.check_email(text) from public;
grant execute on function lockstep.check_email(text) to lockstep_coupler;
