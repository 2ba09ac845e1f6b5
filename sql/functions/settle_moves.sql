create or replace function lockstep.settle_moves()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.adoption_staging as staged
    set moves_to = null
    where staged.moves_to is not null
        and staged.outcome = 'conflict';

    -- Who stays keeps an address that somebody else waits for: so it goes on until nobody is kept any more.
    loop
        update lockstep.adoption_staging as staged
        set moves_to = null,
            outcome = 'quarantined',
            reasons = array['mail_taken_here']
        where staged.moves_to is not null
            and (
                exists (
                    select from lockstep.users as holder
                    where lower(holder.email) = staged.moves_to
                        and holder.id <> staged.user_id
                        and not exists (
                            select from lockstep.adoption_staging as other
                            where other.table_name = 'users'
                                and other.user_id = holder.id
                                and other.moves_to is not null
                        )
                )
                or exists (
                    select from lockstep.adoption_staging as other
                    where other.moves_to = staged.moves_to
                        and (length(other.source_id), other.source_id) < (length(staged.source_id), staged.source_id)
                )
            );

        exit when not found;
    end loop;
end;
$function$;

comment on function lockstep.settle_moves() is
$comment$Leaves out the staged users whose new address somebody else here has, and keeps. Whoever gives theirs up in the same
adoption is nobody's obstacle: two may change places.$comment$;

revoke all on function lockstep.settle_moves() from public;
