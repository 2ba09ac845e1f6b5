-- Accounts: how people sign in, which groups they are in, and what is left of those who were erased.
-- What signs people in is granted to a role of its own: an application that awards XP reads no password hash.

do $$
begin
    create role lockstep_auth nologin;
exception
    when duplicate_object or unique_violation then
        raise debug 'role lockstep_auth is there already';
end
$$;

grant usage on schema lockstep to lockstep_auth;

create table lockstep.credentials (
    user_id bigint not null,
    password_hash text not null,
    changed_at timestamptz not null default now(),
    constraint credentials_pkey primary key (user_id),
    constraint fk_credentials_user foreign key (user_id) references lockstep.users (id) on delete cascade,
    constraint ck_credentials_password_hash check (password_hash like '$argon2id$%')
);

comment on table lockstep.credentials is 'Passwords, as argon2id hashes; who signs in elsewhere only has none.';
comment on column lockstep.credentials.password_hash is 'In the PHC string format, parameters and salt included.';
comment on constraint fk_credentials_user on lockstep.credentials is 'A password belongs to a person.';
comment on constraint ck_credentials_password_hash on lockstep.credentials is
'A password in clear, or hashed in another way, is refused.';

create table lockstep.identities (
    issuer text not null,
    subject text not null,
    user_id bigint not null,
    email text,
    email_verified boolean not null default false,
    created_at timestamptz not null default now(),
    last_sign_in_at timestamptz,
    constraint identities_pkey primary key (issuer, subject),
    -- Deferred: an identity is claimed before there is somebody to give it to.
    constraint fk_identities_user foreign key (user_id) references lockstep.users (id) on delete cascade
    deferrable initially deferred
);

create index ix_identities_user_id on lockstep.identities (user_id);

comment on table lockstep.identities is
'Who a person is at an OpenID provider, by issuer and subject: never by e-mail, which a provider may hand to another.';
comment on column lockstep.identities.issuer is 'The URL of the provider, as its tokens name it.';
comment on column lockstep.identities.subject is 'The claim sub: the provider never gives it to anybody else.';
comment on column lockstep.identities.email is 'As claimed at the last sign-in.';
comment on column lockstep.identities.email_verified is 'Whether the provider says that it checked the address.';
comment on constraint fk_identities_user on lockstep.identities is 'An identity belongs to a person.';
comment on index lockstep.ix_identities_user_id is 'Serves export and erasure.';

create table lockstep.sessions (
    user_id bigint not null,
    id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    end_reason text,
    address inet,
    constraint sessions_pkey primary key (user_id, id),
    constraint fk_sessions_user foreign key (user_id) references lockstep.users (id) on delete cascade,
    constraint ck_sessions_end check ((ended_at is null) = (end_reason is null))
);

comment on table lockstep.sessions is 'From a sign-in to its end; every access token names one, and ends with it.';
comment on column lockstep.sessions.expires_at is 'When it ends whatever happens: a refresh does not move it.';
comment on column lockstep.sessions.end_reason is 'signed_out, reused, password_changed or deactivated.';
comment on column lockstep.sessions.address is 'Where the sign-in came from.';
comment on constraint fk_sessions_user on lockstep.sessions is 'A session belongs to a person.';
comment on constraint ck_sessions_end on lockstep.sessions is 'A session that ended says why.';

create table lockstep.refresh_tokens (
    user_id bigint not null,
    token_hash bytea not null,
    session_id uuid not null,
    issued_at timestamptz not null default now(),
    used_at timestamptz,
    constraint refresh_tokens_pkey primary key (user_id, token_hash),
    constraint fk_refresh_tokens_session foreign key (user_id, session_id)
    references lockstep.sessions (user_id, id) on delete cascade,
    constraint ck_refresh_tokens_token_hash check (length(token_hash) = 32)
);

create index ix_refresh_tokens_session on lockstep.refresh_tokens (user_id, session_id);

comment on table lockstep.refresh_tokens is
'Each is good for one refresh; one that comes a second time was stolen, and ends its session.';
comment on column lockstep.refresh_tokens.token_hash is 'SHA-256 of the token, which has 256 random bits.';
comment on column lockstep.refresh_tokens.used_at is 'When the next one was given for it.';
comment on constraint fk_refresh_tokens_session on lockstep.refresh_tokens is 'A token goes with its session.';
comment on constraint ck_refresh_tokens_token_hash on lockstep.refresh_tokens is 'A token in clear is refused.';
comment on index lockstep.ix_refresh_tokens_session is 'Serves the foreign key.';

create table lockstep.password_resets (
    user_id bigint not null,
    token_hash bytea not null,
    requested_by bigint not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint password_resets_pkey primary key (user_id),
    constraint fk_password_resets_user foreign key (user_id) references lockstep.users (id) on delete cascade,
    constraint ck_password_resets_token_hash check (length(token_hash) = 32)
);

comment on table lockstep.password_resets is 'One open reset a person: a new one replaces it, its use deletes it.';
comment on column lockstep.password_resets.token_hash is 'SHA-256 of the token, which has 256 random bits.';
comment on column lockstep.password_resets.requested_by is 'The admin who made it.';
comment on constraint fk_password_resets_user on lockstep.password_resets is 'A reset belongs to a person.';
comment on constraint ck_password_resets_token_hash on lockstep.password_resets is 'A token in clear is refused.';

create table lockstep.sign_in_attempts (
    kind text not null,
    name text not null,
    failures integer not null default 0,
    last_at timestamptz not null default now(),
    constraint sign_in_attempts_pkey primary key (kind, name),
    constraint ck_sign_in_attempts_kind check (kind in ('account', 'address'))
);

create index ix_sign_in_attempts_last_at on lockstep.sign_in_attempts (last_at);

comment on table lockstep.sign_in_attempts is
'Sign-ins that were begun and did not succeed, by account and by address: the next one has to wait for longer.';
comment on column lockstep.sign_in_attempts.kind is 'account or address.';
comment on column lockstep.sign_in_attempts.name is
'The e-mail address in lower case, whether anybody has it or not; or the address of the network.';
comment on column lockstep.sign_in_attempts.failures is 'Since the last success, or since they were forgotten.';
comment on constraint ck_sign_in_attempts_kind on lockstep.sign_in_attempts is 'What is counted.';
comment on index lockstep.ix_sign_in_attempts_last_at is 'Serves the purge of what is forgotten.';

create table lockstep.groups (
    id bigint generated always as identity,
    name text not null,
    created_at timestamptz not null default now(),
    constraint groups_pkey primary key (id),
    constraint uq_groups_name unique (name),
    constraint ck_groups_name check (length(name) between 1 and 200)
);

comment on table lockstep.groups is
'Classes, teams: an instructor''s students are those who share a group with them, or are in none.';
comment on constraint uq_groups_name on lockstep.groups is 'One group a name.';
comment on constraint ck_groups_name on lockstep.groups is 'A name has 1 to 200 characters.';

create table lockstep.group_members (
    user_id bigint not null,
    group_id bigint not null,
    source text not null default 'manual',
    created_at timestamptz not null default now(),
    constraint group_members_pkey primary key (user_id, group_id),
    constraint fk_group_members_user foreign key (user_id) references lockstep.users (id) on delete cascade,
    constraint fk_group_members_group foreign key (group_id) references lockstep.groups (id) on delete cascade,
    constraint ck_group_members_source check (source in ('manual', 'claim'))
);

create index ix_group_members_group_id on lockstep.group_members (group_id);

comment on table lockstep.group_members is 'Who is in which group.';
comment on column lockstep.group_members.source is
'manual: an admin put them in. claim: the provider said so, and takes them out by not saying so at a later sign-in.';
comment on constraint fk_group_members_user on lockstep.group_members is 'A member is a person.';
comment on constraint fk_group_members_group on lockstep.group_members is 'A group that is gone has no members.';
comment on constraint ck_group_members_source on lockstep.group_members is 'There are two ways into a group.';
comment on index lockstep.ix_group_members_group_id is 'Serves who is in a group.';

create table lockstep.erasures (
    user_id bigint not null,
    erased_by bigint not null,
    erased_at timestamptz not null default clock_timestamp(),
    reason text,
    counts jsonb not null,
    constraint erasures_pkey primary key (user_id)
);

comment on table lockstep.erasures is
'Who was erased, by whom, and how many rows were touched: the one exception to a history that only grows.';
comment on column lockstep.erasures.erased_by is 'The admin who did it.';
comment on column lockstep.erasures.counts is 'Rows deleted or emptied, by table.';

create type lockstep.signed_in as (
    user_id bigint,
    session_id uuid,
    role text,
    end_reason text
);

comment on type lockstep.signed_in is
'A session that somebody has: what an access token names. end_reason: null as long as it goes on.';

insert into lockstep.settings (name, value, kind, description)
values
('session_lifetime', '14 days', 'interval', 'From a sign-in to the next, however often the session is refreshed.'),
('password_reset_lifetime', '1 hour', 'interval', 'How long the token of a password reset is good for.'),
('sign_in_free_failures', '5', 'integer', 'Failed sign-ins of an account before the next has to wait.'),
('sign_in_free_failures_address', '50', 'integer', 'Failed sign-ins from an address before the next has to wait.'),
('sign_in_longest_wait', '15 minutes', 'interval', 'The longest wait after a failed sign-in; it doubles from a second up.'),
('sign_in_memory', '1 day', 'interval', 'How long failed sign-ins are remembered.');

grant select, insert, update, delete on lockstep.credentials, lockstep.identities, lockstep.sessions,
lockstep.refresh_tokens, lockstep.password_resets, lockstep.sign_in_attempts, lockstep.groups,
lockstep.group_members
to lockstep_coupler;
grant select, insert, update (counts) on lockstep.erasures to lockstep_coupler;
-- What an erasure empties, and no figure.
grant update (advancement_reason, requirements_met, application_name, client_address)
on lockstep.license_progressions to lockstep_coupler;
grant select, update (row_before, row_after) on lockstep.quarantine to lockstep_coupler;
-- What stood for row locks is part of it now.
revoke update (updated_at) on lockstep.users from lockstep_coupler;
grant insert, update on lockstep.users to lockstep_coupler;
