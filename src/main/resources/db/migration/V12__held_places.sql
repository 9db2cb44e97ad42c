-- What surrounds a template is not its failure (decision 0025).

-- All that is needed at once: a server of before that works meanwhile has a statement in this table all the time.
LOCK TABLE jobs, workspaces IN ACCESS EXCLUSIVE MODE;

-- blame: whose failure it was, sorted by its code when the job ended; NULL in jobs that ended before: the template's.
-- place_failures: how often the job was put back because of its place while that worker's other jobs succeeded.
ALTER TABLE jobs
    ADD COLUMN blame text,
    ADD COLUMN place_failures integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT jobs_blame_check CHECK (blame IN ('template', 'place', 'quota', 'passing')) NOT VALID;

-- A worker whose place is in trouble gets no job of this backend until probe_at, and then one at a time until one succeeds.
-- location is the inventory's; NULL where the worker has not listed it. tries: how many probes failed in a row.
CREATE TABLE held_places (
    worker_id uuid NOT NULL REFERENCES workers ON DELETE CASCADE,
    backend   text NOT NULL,
    location  text,
    since     timestamptz NOT NULL,
    code      text NOT NULL,
    reason    text NOT NULL,
    tries     integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    probe_at  timestamptz NOT NULL,
    told_at   timestamptz,
    PRIMARY KEY (worker_id, backend)
);

-- Waiting jobs that no living worker can take, by what they ask for; a row is one occurrence, told once.
CREATE TABLE unserved_jobs (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    backend         text NOT NULL,
    tagset_id       integer NOT NULL REFERENCES tagsets,
    since           timestamptz NOT NULL,
    PRIMARY KEY (organization_id, backend, tagset_id)
);

-- NULL: of the whole deployment; every organization's admins see it.
ALTER TABLE notifications ALTER COLUMN organization_id DROP NOT NULL;

-- Given back while their first build still waits: such a build is withdrawn, and a deletion needs no worker.
CREATE INDEX workspaces_to_withdraw ON workspaces (deletion_wanted_at)
    WHERE deletion_wanted_at IS NOT NULL AND deleted_at IS NULL
      AND transition = 'start' AND build_number = 1 AND build_status = 'pending';
