-- Whether this database was taken over in place.
select exists (select from lockstep.taken_over);
