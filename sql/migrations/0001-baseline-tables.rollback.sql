drop table lockstep.license_progressions;
drop table lockstep.user_licenses;
drop table lockstep.specialization_progress;
drop table lockstep.specializations;
drop table lockstep.users;

comment on schema lockstep is null;
