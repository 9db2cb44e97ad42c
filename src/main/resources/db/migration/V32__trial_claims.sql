-- The system user claims a version that is tried before it is served, and gives it back (decision 0046).

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE workspaces, rollouts IN ACCESS EXCLUSIVE MODE;

-- The last trial claim of the rollout. It is of the present phase where it was made since phase_at. The claim and its workspace are
-- removed as those of clients are, so the column may name one that is gone.
ALTER TABLE rollouts ADD COLUMN trial_claim_id uuid;
CREATE INDEX rollouts_tried ON rollouts (trial_claim_id) WHERE trial_claim_id IS NOT NULL;

-- trial: the system user has claimed it. A prebuild is owned by the system user, and of claimed workspaces only these are.
-- NOT VALID: the old constraint allowed less, so every row that exists satisfies the new one.
ALTER TABLE workspaces
    ADD COLUMN trial boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT workspaces_check,
    ADD CONSTRAINT workspaces_owner CHECK (
        (owner_id = '00000000-0000-7000-8000-000000000001') = (prebuild OR trial)) NOT VALID;

-- As before (V11). A trial claim takes nothing from the organization's share: no client has its password.
CREATE OR REPLACE FUNCTION connection_room(place uuid, organization uuid) RETURNS integer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    room integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('larder.connections.' || place, 0));
    SELECT greatest(least((l.connections - c.in_all * l.connections_per_workspace) / l.connections_per_workspace,
                          (l.connections_per_organization - c.of_organization * l.connections_per_workspace)
                            / l.connections_per_workspace), 0)
      INTO room
      FROM inventory_locations l
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE w.organization_id = organization)::integer AS of_organization, count(*)::integer AS in_all
             FROM workspaces w
            WHERE w.place_id = place AND NOT w.prebuild AND NOT w.trial AND w.deleted_at IS NULL
              AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))) c
     WHERE l.id = place AND l.connections IS NOT NULL;
    RETURN room;
END $$;
