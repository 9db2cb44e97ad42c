-- Whose token a remote worker came with: nobody else speaks for it. A worker of a server's own process has none.
-- reserved_slots are those that jobs of prebuilds never take (4.1). last_ask is the number of the latest call by which it asked
-- for jobs: one that comes later and is older was given up by the worker.
ALTER TABLE workers
    ADD COLUMN user_id uuid REFERENCES users,
    ADD COLUMN last_ask integer NOT NULL DEFAULT 0,
    ADD COLUMN reserved_slots integer NOT NULL DEFAULT 0,
    ADD CHECK (reserved_slots BETWEEN 0 AND slots - 1);

-- prebuild: the job is for the stock and not for a user; those of before are held back by no reserve.
-- losses: how many workers were lost over it. A job that was given back in good order has lost none.
ALTER TABLE jobs
    ADD COLUMN prebuild boolean NOT NULL DEFAULT false,
    ADD COLUMN losses integer NOT NULL DEFAULT 0;

-- Either kind is found in its order whatever the other's backlog is.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (tagset_id, prebuild, queue_at, id) WHERE started_at IS NULL AND completed_at IS NULL;
