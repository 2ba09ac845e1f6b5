-- The same key and arguments return the first answer and change nothing (B11).

create table lockstep.idempotency_keys (
    user_id bigint not null,
    key text not null,
    function_name text not null,
    arguments jsonb not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint ck_idempotency_keys_key check (length(key) between 1 and 255)
);

create index ix_idempotency_keys_created_at on lockstep.idempotency_keys (created_at);

comment on table lockstep.idempotency_keys is
'Calls that were answered, by target user and key: a retry gets the stored answer.';
comment on column lockstep.idempotency_keys.user_id is 'The user whose records the call changed.';
comment on column lockstep.idempotency_keys.arguments is
'The arguments as normalized by the function: with its name, the fingerprint of the call.';
comment on column lockstep.idempotency_keys.answer is 'What the first call returned; null only inside that call.';
comment on constraint ck_idempotency_keys_key on lockstep.idempotency_keys is 'A key has 1 to 255 characters.';
comment on index lockstep.ix_idempotency_keys_created_at is 'Serves purge_idempotency_keys().';

create table lockstep.settings (
    name text not null,
    value text not null,
    kind text not null,
    description text not null,
    constraint settings_pkey primary key (name),
    constraint ck_settings_kind check (kind in ('interval', 'integer', 'text'))
);

comment on table lockstep.settings is 'Figures that a school may change; read at each use.';
comment on column lockstep.settings.kind is 'What the value must read as: interval, integer or text.';
comment on constraint ck_settings_kind on lockstep.settings is 'What change_setting() knows how to read.';
comment on column lockstep.settings.description is 'What it decides.';

insert into lockstep.settings (name, value, kind, description)
values ('idempotency_retention', '30 days', 'interval', 'How long an idempotency key is kept.');

grant select, insert, update, delete on lockstep.idempotency_keys to lockstep_coupler;
grant select, update on lockstep.settings to lockstep_coupler;
