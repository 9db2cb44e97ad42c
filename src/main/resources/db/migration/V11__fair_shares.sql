-- No organization takes everything that all share: slots, waiting places, connections (decision 0022).

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces IN ACCESS EXCLUSIVE MODE;

-- A line for each tag set, kind and organization. The kinds are: 0 a user's job, 1 a prebuild's, 2 a prebuild's that may take
-- more than an hour. The statement that leases jobs names the kind with the same expression.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (
    tagset_id, (CASE WHEN NOT prebuild THEN 0 WHEN timeout_seconds <= 3600 THEN 1 ELSE 2 END), organization_id, queue_at, id)
    WHERE started_at IS NULL AND completed_at IS NULL;

-- Slots that prebuild jobs which may take more than an hour never take; reserved_slots are those that no prebuild job takes.
ALTER TABLE workers
    ADD COLUMN long_reserved_slots integer NOT NULL DEFAULT 0,
    ADD CHECK (long_reserved_slots BETWEEN 0 AND slots - 1);

-- How many claims wait, of a user in an organization and of the organization. Statements that add a claim of one user take
-- turns here, so that each counts those before it: a volatile function looks anew, whatever the statement around it sees. Those
-- of one organization take turns as soon as fewer than 500 places are left: no more statements than that are under way at once.
CREATE FUNCTION waiting_claims(organization uuid, claimant uuid, organization_max integer, OUT of_user bigint, OUT in_all bigint)
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('larder.waiting.' || claimant, 0));
    FOR attempt IN 1..2 LOOP
        SELECT count(*) FILTER (WHERE c.user_id = claimant), count(*) INTO of_user, in_all
          FROM claims c
         WHERE c.organization_id = organization AND c.workspace_id IS NULL AND c.ended_at IS NULL;
        EXIT WHEN in_all + 500 <= organization_max;
        PERFORM pg_advisory_xact_lock(hashtextextended('larder.waiting.' || organization, 0));
    END LOOP;
END $$;

-- What the PostgreSQL server of a place can give to claimed workspaces, and to those of one organization; NULL: not told.
ALTER TABLE inventory_locations
    ADD COLUMN connections integer CHECK (connections >= 0),
    ADD COLUMN connections_per_organization integer CHECK (connections_per_organization >= 0),
    ADD COLUMN connections_per_workspace integer CHECK (connections_per_workspace > 0),
    ADD CHECK (num_nulls(connections, connections_per_organization, connections_per_workspace) IN (0, 3));

-- place_id: the PostgreSQL server, as a row of inventory_locations, that a worker builds on and that a workspace is on. It may
-- name a place that has been forgotten; then nothing is bounded there.
ALTER TABLE workers ADD COLUMN place_id uuid;
ALTER TABLE workspaces ADD COLUMN place_id uuid;
CREATE INDEX workspaces_connected ON workspaces (place_id, organization_id)
    WHERE place_id IS NOT NULL AND NOT prebuild AND deleted_at IS NULL;

-- How many more workspaces an organization may claim at a place. Statements that claim there take turns, so that each counts
-- those before it. A prebuild does not count: no client has its password. A first build that failed made nothing.
CREATE FUNCTION connection_room(place uuid, organization uuid) RETURNS integer
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
            WHERE w.place_id = place AND NOT w.prebuild AND w.deleted_at IS NULL
              AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))) c
     WHERE l.id = place AND l.connections IS NOT NULL;
    RETURN room;
END $$;
