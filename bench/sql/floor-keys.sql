-- The keys of the tables of floor to users, specializations and levels, as Lockstep's tables have them.
alter table floor.specialization_progress
add foreign key (student_id) references lockstep.users (id),
add foreign key (specialization_id) references lockstep.specializations (id),
add foreign key (specialization_id, current_level)
references lockstep.specialization_levels (specialization_id, level);

alter table floor.user_licenses
add foreign key (user_id) references lockstep.users (id),
add foreign key (specialization_type) references lockstep.specializations (id),
add foreign key (specialization_type, current_level)
references lockstep.specialization_levels (specialization_id, level),
add foreign key (specialization_type, max_achieved_level)
references lockstep.specialization_levels (specialization_id, level);

alter table floor.license_progressions
add foreign key (user_id, user_license_id) references floor.user_licenses (user_id, id),
add foreign key (advanced_by) references lockstep.users (id);
