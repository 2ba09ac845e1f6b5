create or replace function lockstep.find_guards()
returns table (
    kind text,
    name text,
    definition text
)
language sql
stable
security definer
-- Pinned, which matters here twice: the catalog prints names as the search_path has them.
set search_path = pg_catalog, pg_temp
as $function$
    with relation as (
        select class.oid, class.relname, class.relkind, class.relowner, class.relacl, class.relpersistence,
            class.relrowsecurity, class.relforcerowsecurity, class.reloptions, class.relhastriggers,
            class.relhasindex, class.relchecks
        from pg_catalog.pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p', 'v', 'm', 'f')
    ),

    routine as (
        select
            proc.oid, proc.proowner, proc.proacl, proc.prosrc, proc.prokind, proc.provolatile, proc.prosecdef,
            proc.proisstrict, proc.proleakproof, proc.proargdefaults, proc.proconfig, proc.prorettype, proc.prolang,
            format('%s(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid)) as name
        from pg_catalog.pg_proc as proc
        where proc.pronamespace = 'lockstep'::regnamespace
    ),

    lockstep_role as (
        select role.oid, role.rolname, role.rolcanlogin, role.rolsuper, role.rolbypassrls, role.rolreplication,
            role.rolcreaterole
        from pg_catalog.pg_roles as role
        where role.rolname in (
            'lockstep_owner', 'lockstep_coupler', 'lockstep_app',
            'lockstep_admin', 'lockstep_auth', 'lockstep_readonly', 'lockstep_legacy'
        )
    ),

    granted as (
        select 'schema lockstep'::text as name, acl.grantee, acl.privilege_type, acl.is_grantable
        from pg_catalog.pg_namespace as namespace
        cross join lateral aclexplode(coalesce(namespace.nspacl, acldefault('n', namespace.nspowner))) as acl
        where namespace.oid = 'lockstep'::regnamespace
        union all
        select relation.relname, acl.grantee, acl.privilege_type, acl.is_grantable
        from relation
        cross join lateral aclexplode(coalesce(relation.relacl, acldefault('r', relation.relowner))) as acl
        union all
        select format('%s.%s', relation.relname, att.attname), acl.grantee, acl.privilege_type, acl.is_grantable
        from relation
        inner join pg_catalog.pg_attribute as att on att.attrelid = relation.oid
        cross join lateral aclexplode(att.attacl) as acl
        union all
        select routine.name, acl.grantee, acl.privilege_type, acl.is_grantable
        from routine
        cross join lateral aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) as acl
        union all
        -- What a superuser alone may set, given to somebody else.
        select format('parameter %s', parameter.parname), acl.grantee, acl.privilege_type, acl.is_grantable
        from pg_catalog.pg_parameter_acl as parameter
        cross join lateral aclexplode(parameter.paracl) as acl
        left outer join pg_catalog.pg_roles as grantee on grantee.oid = acl.grantee
        where parameter.parname in ('session_replication_role', 'fsync', 'full_page_writes')
            and grantee.rolsuper is not true
    )

    select 'table' as kind, relation.relname::text as name, concat_ws(
        ', ',
        format(
            'kind %s, persistence %s, row security %s, forced %s',
            relation.relkind, relation.relpersistence, relation.relrowsecurity, relation.relforcerowsecurity
        ),
        -- Edits of the catalog that leave the guards in place and have the server pass them by.
        case when not relation.relhastriggers and exists (
            select from pg_catalog.pg_trigger as trig
            where trig.tgrelid = relation.oid
        ) then 'triggers ignored' end,
        case when not relation.relhasindex and exists (
            select from pg_catalog.pg_index as index
            where index.indrelid = relation.oid
        ) then 'indexes ignored' end,
        case when relation.relchecks <> (
            select count(*) from pg_catalog.pg_constraint as con
            where con.conrelid = relation.oid and con.contype = 'c'
        ) then 'checks ignored' end
    ) as definition
    from relation
    where relation.relkind <> 'v'

    union all
    select 'view', relation.relname, concat_ws(
        ' ', md5(pg_get_viewdef(relation.oid)), array_to_string(relation.reloptions, ' ')
    )
    from relation
    where relation.relkind = 'v'

    union all
    select 'column', format('%s.%s', relation.relname, att.attname), concat_ws(
        ' ',
        format_type(att.atttypid, att.atttypmod),
        case when att.attcollation <> type.typcollation then 'collate ' || att.attcollation::regcollation end,
        case when att.attnotnull then 'not null' end,
        'default ' || pg_get_expr(def.adbin, def.adrelid),
        'generated ' || nullif(att.attgenerated::text, ''),
        'identity ' || nullif(att.attidentity::text, '')
    )
    from relation
    inner join pg_catalog.pg_attribute as att on att.attrelid = relation.oid
    inner join pg_catalog.pg_type as type on type.oid = att.atttypid
    left outer join pg_catalog.pg_attrdef as def on def.adrelid = att.attrelid and def.adnum = att.attnum
    where relation.relkind <> 'v'
        and att.attnum > 0
        and not att.attisdropped

    union all
    select 'constraint', format('%s on %s', con.conname, relation.relname), concat_ws(
        ' ',
        pg_get_constraintdef(con.oid),
        case when not con.convalidated then 'not validated' end
    )
    from pg_catalog.pg_constraint as con
    inner join relation on relation.oid = con.conrelid
    where con.contype in ('c', 'f', 'p', 'u', 'x')

    union all
    select 'index', index_class.relname, concat_ws(
        ' ',
        pg_get_indexdef(index.indexrelid),
        case when not index.indisvalid then 'invalid' end,
        case when not index.indisready then 'not ready' end,
        case when not index.indislive then 'not live' end,
        case when not index.indimmediate then 'deferrable' end
    )
    from pg_catalog.pg_index as index
    inner join relation on relation.oid = index.indrelid
    inner join pg_catalog.pg_class as index_class on index_class.oid = index.indexrelid

    union all
    select 'key trigger', format(
        '%s: %s on %s', con.conname, proc.proname, trig.tgrelid::regclass
    ), format(
        '%s, type %s, deferrable %s, deferred %s',
        case trig.tgenabled
            when 'A' then 'fires always'
            when 'O' then 'fires, but not under the replica role'
            when 'R' then 'fires under the replica role only'
            else 'disabled'
        end,
        trig.tgtype, trig.tgdeferrable, trig.tginitdeferred
    )
    from pg_catalog.pg_trigger as trig
    inner join pg_catalog.pg_constraint as con on con.oid = trig.tgconstraint
    inner join pg_catalog.pg_proc as proc on proc.oid = trig.tgfoid
    inner join relation on relation.oid = con.conrelid
    where trig.tgisinternal

    union all
    select 'trigger', format('%s on %s', trig.tgname, relation.relname), format(
        '%s, %s',
        pg_get_triggerdef(trig.oid),
        case trig.tgenabled
            when 'A' then 'fires always'
            when 'O' then 'fires'
            when 'R' then 'fires under the replica role only'
            else 'disabled'
        end
    )
    from pg_catalog.pg_trigger as trig
    inner join relation on relation.oid = trig.tgrelid
    where not trig.tgisinternal

    union all
    select 'rule', format('%s on %s', rule.rulename, relation.relname), format(
        '%s, enabled %s', pg_get_ruledef(rule.oid), rule.ev_enabled
    )
    from pg_catalog.pg_rewrite as rule
    inner join relation on relation.oid = rule.ev_class
    where rule.rulename <> '_RETURN'

    union all
    select 'policy', format('%s on %s', policy.polname, relation.relname), concat_ws(
        ' ',
        case when policy.polpermissive then 'permissive' else 'restrictive' end,
        policy.polcmd::text,
        'to ' || (
            select string_agg(
                case when role_oid = 0 then 'public' else role_oid::regrole::text end, ', '
                order by role_oid
            )
            from unnest(policy.polroles) as role_oid
        ),
        'using ' || pg_get_expr(policy.polqual, policy.polrelid),
        'check ' || pg_get_expr(policy.polwithcheck, policy.polrelid)
    )
    from pg_catalog.pg_policy as policy
    inner join relation on relation.oid = policy.polrelid

    union all
    select 'child table', format('%s of %s', inherits.inhrelid::regclass, relation.relname), 'inherits'
    from pg_catalog.pg_inherits as inherits
    inner join relation on relation.oid = inherits.inhparent

    union all
    -- A write to the parent asks for no right on the child, and passes its row security by.
    select 'parent table', format('%s over %s', inherits.inhparent::regclass, relation.relname), 'inherits'
    from pg_catalog.pg_inherits as inherits
    inner join relation on relation.oid = inherits.inhrelid

    union all
    -- What a subscription applies comes under the replica role: past mirrors and history.
    select 'subscription', format('%s to %s', subscription.subname, relation.relname), 'applies'
    from pg_catalog.pg_subscription_rel as subscribed
    inner join pg_catalog.pg_subscription as subscription on subscription.oid = subscribed.srsubid
    inner join relation on relation.oid = subscribed.srrelid

    union all
    select 'shadow table', format('%s.%s', class.relnamespace::regnamespace, class.relname), 'hides the table of this name'
    from pg_catalog.pg_class as class
    inner join relation on relation.relname = class.relname
    where class.relpersistence = 't'
        and class.relkind in ('r', 'p', 'v', 'f')

    union all
    select 'function', routine.name, format(
        'returns %s, language %s, kind %s, volatility %s, security definer %s, strict %s, leakproof %s, settings %s,'
        || ' defaults %s, body %s',
        routine.prorettype::regtype, lang.lanname, routine.prokind, routine.provolatile, routine.prosecdef,
        routine.proisstrict, routine.proleakproof, routine.proconfig, pg_get_expr(routine.proargdefaults, 0),
        md5(routine.prosrc)
    )
    from routine
    inner join pg_catalog.pg_language as lang on lang.oid = routine.prolang

    union all
    select 'owner', owned.name, owned.owner_oid::regrole::text
    from (
        select 'schema lockstep'::text as name, namespace.nspowner as owner_oid
        from pg_catalog.pg_namespace as namespace
        where namespace.oid = 'lockstep'::regnamespace
        union all
        select relation.relname, relation.relowner from relation
        union all
        select routine.name, routine.proowner from routine
    ) as owned

    union all
    select
        'grant',
        format(
            '%s on %s to %s', granted.privilege_type, granted.name,
            case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end
        ),
        case when bool_or(granted.is_grantable) then 'with grant option' else 'granted' end
    from granted
    -- Two may have granted the same.
    group by granted.name, granted.privilege_type, granted.grantee

    union all
    select 'role', lockstep_role.rolname, format(
        'login %s, superuser %s, bypasses row security %s, replication %s, creates roles %s',
        lockstep_role.rolcanlogin, lockstep_role.rolsuper, lockstep_role.rolbypassrls, lockstep_role.rolreplication,
        lockstep_role.rolcreaterole
    )
    from lockstep_role

    union all
    -- Who may act as the owner or as the functions' own role stands outside the rules; so does one
    -- of our roles that may act as another.
    select
        'membership',
        format('%s in %s', member.rolname, role.rolname),
        case when bool_or(membership.admin_option) then 'member, may add members' else 'member' end
    from pg_catalog.pg_auth_members as membership
    inner join pg_catalog.pg_roles as role on role.oid = membership.roleid
    inner join pg_catalog.pg_roles as member on member.oid = membership.member
    where role.rolname in ('lockstep_owner', 'lockstep_coupler')
        or member.oid in (select lockstep_role.oid from lockstep_role)
    group by member.rolname, role.rolname

    union all
    select 'setting', format(
        '%s for %s in %s',
        split_part(setting, '=', 1),
        coalesce(role.rolname::text, 'every role'),
        case when stored.setdatabase = 0 then 'every database' else 'this database' end
    ), setting
    from pg_catalog.pg_db_role_setting as stored
    cross join lateral unnest(stored.setconfig) as setting
    left outer join pg_catalog.pg_roles as role on role.oid = stored.setrole
    where stored.setdatabase in (0, (select db.oid from pg_catalog.pg_database as db where db.datname = current_database()))
        and split_part(setting, '=', 1) in (
            'session_replication_role', 'row_security', 'search_path', 'default_transaction_read_only'
        )

    union all
    select 'setting', setting.name, setting.reset_val
    from pg_catalog.pg_settings as setting
    where setting.name in (
        'fsync', 'full_page_writes', 'synchronous_commit', 'max_prepared_transactions', 'session_replication_role'
    );
$function$;

comment on function lockstep.find_guards() is
$comment$Everything that the guarantee rests on, as the catalog shows it now, one row a thing.

guard_status compares it with what was installed. Locks nothing.$comment$;

revoke all on function lockstep.find_guards() from public;
grant execute on function lockstep.find_guards() to lockstep_owner, lockstep_admin, lockstep_readonly;
