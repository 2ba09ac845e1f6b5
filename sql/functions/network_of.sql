create or replace function lockstep.network_of(
    p_address inet
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select host(network(set_masklen(p_address, case family(p_address) when 6 then 64 else 32 end)));
$function$;

comment on function lockstep.network_of(inet) is
'What sign-ins are counted by: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has whole.';

revoke all on function lockstep.network_of(inet) from public;
-- Asked by functions that run as their owner.
grant execute on function lockstep.network_of(inet) to lockstep_coupler;
