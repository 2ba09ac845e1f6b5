-- Puts a school whole on one node of a Citus cluster: a schema a school. With its rows, if it has any.

-- They would run on the copy while it is made; the loader puts them back.
do $$
declare
    v_trigger record;
begin
    for v_trigger in
        select trig.tgname, trig.tgrelid::regclass as table_name
        from pg_catalog.pg_trigger as trig
        inner join pg_catalog.pg_class as class on class.oid = trig.tgrelid
        where class.relnamespace = 'lockstep'::regnamespace
            and not trig.tgisinternal
    loop
        execute format('drop trigger %I on %s', v_trigger.tgname, v_trigger.table_name);
    end loop;
end
$$;

select citus_schema_distribute('lockstep');
