drop table lockstep.settings;
drop table lockstep.idempotency_keys;
