-- Clean-up operations, and what the removal of old rows needs (decision 0036).

-- One run of one type of clean-up. Kept: the last 50 of each type, and those that run.
-- requested_by: NULL where it began on schedule.
-- heartbeat_at: of the last batch; a run that is silent for 5 minutes has failed.
CREATE TABLE cleanup_operations (
    id           uuid PRIMARY KEY,
    type         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
    requested_by uuid,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    ended_at     timestamptz,
    examined     bigint NOT NULL DEFAULT 0 CHECK (examined >= 0),
    deleted      bigint NOT NULL DEFAULT 0 CHECK (deleted >= 0),
    bytes        bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    objects      bigint NOT NULL DEFAULT 0 CHECK (objects >= 0),
    error_code   text,
    CHECK ((status = 'running') = (ended_at IS NULL)),
    CHECK ((status = 'failed') = (error_code IS NOT NULL))
);
CREATE UNIQUE INDEX cleanup_operations_one_running ON cleanup_operations (type) WHERE status = 'running';
CREATE INDEX cleanup_operations_of_type ON cleanup_operations (type, id);

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces, claims, state_mutations, states, state_versions, state_rejects, inventory IN ACCESS EXCLUSIVE MODE;

-- Without an index, each deleted row of the other table would read all of these tables; and an index would be written by each
-- claim, lease or build. A deletion looks itself for what still needs the row: it goes by the latest build of a workspace, by the
-- build of a job, by the live claim of a workspace and by the running jobs of a worker, which all have an index.
ALTER TABLE workspaces DROP CONSTRAINT workspaces_build_id_fkey;
ALTER TABLE jobs DROP CONSTRAINT jobs_workspace_id_fkey, DROP CONSTRAINT jobs_worker_id_fkey;
ALTER TABLE claims DROP CONSTRAINT claims_workspace_id_fkey;
ALTER TABLE inventory DROP CONSTRAINT inventory_seen_by_fkey;

-- What a deleted workspace gave its user is of no use any more. The trigger also erases it where an older server deletes the
-- workspace; it costs the statements that do not set the column nothing.
CREATE FUNCTION workspaces_erase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.outputs_sealed := NULL;
    NEW.parameters := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER workspaces_erase BEFORE UPDATE OF deleted_at ON workspaces
    FOR EACH ROW WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION workspaces_erase();

-- Those deleted before are erased by the clean-up of workspaces.
CREATE INDEX workspaces_to_erase ON workspaces (id)
    WHERE deleted_at IS NOT NULL AND (outputs_sealed IS NOT NULL OR parameters IS NOT NULL);

-- A mutation is removed after the versions and rejects that it wrote.
CREATE INDEX state_versions_of_mutation ON state_versions (mutation_id) WHERE mutation_id IS NOT NULL;
CREATE INDEX state_rejects_of_mutation ON state_rejects (mutation_id) WHERE mutation_id IS NOT NULL;
CREATE INDEX state_mutations_ended ON state_mutations (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX states_tombstoned ON states (tombstoned_at) WHERE tombstoned_at IS NOT NULL;
CREATE INDEX state_versions_intermediate ON state_versions (created_at) WHERE kind = 'intermediate';
CREATE INDEX attempts_by_age ON attempts (created_at);
