-- How many jobs may be in flight at once, and how many deletes among them (design, section 4; decision 0017).

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces IN ACCESS EXCLUSIVE MODE;

-- scope: a preset, whose limits count the jobs of its stock; an organization; or, as the nil UUID, the whole deployment.
CREATE TABLE job_limits (
    scope   uuid PRIMARY KEY,
    jobs    integer CHECK (jobs >= 1),
    deletes integer CHECK (deletes >= 1),
    CHECK (jobs IS NOT NULL OR deletes IS NOT NULL)
);

-- preset_id: of jobs of the stock; users' jobs have none.
ALTER TABLE jobs
    ADD COLUMN preset_id uuid,
    ADD COLUMN deletes boolean NOT NULL DEFAULT false;
UPDATE jobs j
   SET preset_id = CASE WHEN j.prebuild THEN b.preset_id END, deletes = b.transition = 'delete'
  FROM builds b
 WHERE b.id = j.build_id AND j.completed_at IS NULL;

-- Whoever asks holds the scope until its transaction ends, and what is counted is what has been committed before that: a
-- volatile function looks anew, whatever the statement around it sees. So that of several who take at once each counts the
-- jobs of those before.
CREATE FUNCTION jobs_in_flight(scope uuid, OUT jobs bigint, OUT deletes bigint)
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(scope::text, 0));
    SELECT count(*), count(*) FILTER (WHERE j.deletes) INTO jobs_in_flight.jobs, jobs_in_flight.deletes
      FROM jobs j
     WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
       AND (scope = '00000000-0000-0000-0000-000000000000' OR j.organization_id = scope OR j.preset_id = scope);
END $$;

-- The same rule as before without a regular expression: it is looked at whenever anything of a workspace changes, several
-- times in each of its jobs. What is there has been let in by the old one.
ALTER TABLE workspaces
    DROP CONSTRAINT workspaces_name_check,
    ADD CONSTRAINT workspaces_name_check CHECK (
        length(name) BETWEEN 1 AND 63 AND translate(name, '-abcdefghijklmnopqrstuvwxyz0123456789', '') = ''
        AND left(name, 1) <> '-' AND right(name, 1) <> '-') NOT VALID;
