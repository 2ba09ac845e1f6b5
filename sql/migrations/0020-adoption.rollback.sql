do $$
begin
    execute format('revoke all on sequence %s from lockstep_coupler', pg_get_serial_sequence('lockstep.users', 'id'));
end
$$;

drop table lockstep.adopted_rows;
drop table lockstep.adoption_pairs;
drop table lockstep.adoption_staging;
drop table lockstep.adoption_runs;
