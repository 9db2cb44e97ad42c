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
