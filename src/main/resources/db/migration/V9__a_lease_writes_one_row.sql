-- A lease writes its job and nothing else (decision 0019): that a worker has begun the latest build of a workspace, its job
-- says. 'pending' is what is not ended.

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces IN ACCESS EXCLUSIVE MODE;

UPDATE workspaces SET build_status = 'pending' WHERE build_status = 'running';
-- What V5 changed in the same transaction is still to be checked, and a table cannot be altered before that.
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE workspaces
    DROP CONSTRAINT workspaces_build_status_check,
    ADD CONSTRAINT workspaces_build_status_check CHECK (
        build_status IN ('pending', 'succeeded', 'canceling', 'canceled', 'failed')) NOT VALID;

-- The jobs of a workspace are those of its builds.
DROP INDEX jobs_of_workspace;
