-- What the take-over wrote into the history about its repairs.
delete from lockstep.license_progressions as progression
where progression.id in (
    select made.id::bigint
    from desk_found as found
    cross join lateral jsonb_array_elements_text(found.detail) as made (id)
    where found.kind = 'history'
);
