-- What these functions write goes with them; the role stays, it belongs to the cluster.
delete from lockstep.settings
where name in (
    'session_lifetime', 'password_reset_lifetime', 'sign_in_free_failures', 'sign_in_free_failures_address',
    'sign_in_longest_wait', 'sign_in_memory'
);

revoke insert, update on lockstep.users from lockstep_coupler;
grant update (updated_at) on lockstep.users to lockstep_coupler;
revoke update (advancement_reason, requirements_met, application_name, client_address)
on lockstep.license_progressions from lockstep_coupler;
revoke select, update (row_before, row_after) on lockstep.quarantine from lockstep_coupler;
revoke usage on schema lockstep from lockstep_auth;

drop type lockstep.signed_in;
drop table lockstep.erasures;
drop table lockstep.group_members;
drop table lockstep.groups;
drop table lockstep.sign_in_attempts;
drop table lockstep.password_resets;
drop table lockstep.refresh_tokens;
drop table lockstep.sessions;
drop table lockstep.identities;
drop table lockstep.credentials;
