create or replace function lockstep.refuse_closed()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception using
        errcode = 'LS100',
        message = 'this school is closed to writing',
        detail = tg_argv[0],
        hint = 'Write to it where it is now; flask school list says which schools of a database are closed.';
end;
$function$;

comment on function lockstep.refuse_closed() is
$comment$Raises LS100, with the reason that the trigger carries for an argument.

No table has the trigger until its school is moved to another database: then each gets one.$comment$;

revoke all on function lockstep.refuse_closed() from public;
