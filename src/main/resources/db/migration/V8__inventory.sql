-- What exists where workspaces are made, as its workers have seen it (decision 0016). The rows follow what exists and what
-- should; what is gone and owned by nobody has none.

-- One place: a PostgreSQL server, a folder of scripts. What a worker of one organization says of a place is that
-- organization's only: it touches no rows of anybody else's.
-- listed_at is the instant at which the latest complete listing began; lost is how many workspaces it missed for the first time.
-- suspicious_since: it missed too many of what was known, and marked none; lost is then all that it missed. accepted_at: an owner says that they are lost indeed.
CREATE TABLE inventory_locations (
    id               uuid PRIMARY KEY,
    organization_id  uuid REFERENCES organizations,
    backend          text NOT NULL,
    location         text NOT NULL CHECK (length(location) BETWEEN 1 AND 200),
    worker_id        uuid NOT NULL REFERENCES workers,
    heard_at         timestamptz NOT NULL,
    listed_at        timestamptz,
    lost             integer NOT NULL DEFAULT 0,
    suspicious_since timestamptz,
    accepted_at      timestamptz,
    UNIQUE NULLS NOT DISTINCT (organization_id, backend, location)
);

-- workspace_id refers to nothing: another deployment may work in the same place, and what it makes looks alike.
-- whole: what makes it usable is there, not only a trace of it. last_seen_at is when the latest listing that names it began.
-- seen_by is whose listing that was.
-- whole_at is when the latest listing that has it whole began.
-- gone_at: a living workspace's, no longer named. removal_tries: how often a worker was told to remove it.
CREATE TABLE inventory (
    id                   uuid PRIMARY KEY,
    location_id          uuid NOT NULL REFERENCES inventory_locations ON DELETE CASCADE,
    workspace_id         uuid NOT NULL,
    name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    whole                boolean NOT NULL,
    whole_at             timestamptz,
    made_at              timestamptz,
    first_seen_at        timestamptz NOT NULL,
    last_seen_at         timestamptz NOT NULL,
    seen_by              uuid NOT NULL REFERENCES workers,
    gone_at              timestamptz,
    removal_requested_at timestamptz,
    removal_requested_by uuid REFERENCES users,
    removal_tries        integer NOT NULL DEFAULT 0,
    UNIQUE (location_id, workspace_id),
    CHECK (NOT whole OR whole_at IS NOT NULL),
    CHECK ((removal_requested_at IS NULL) = (removal_requested_by IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX inventory_of_workspace ON inventory (workspace_id);

-- Set where a complete listing no longer names what a build has made, unset when it is seen again.
ALTER TABLE workspaces ADD COLUMN missing_since timestamptz;

-- Every worker that has not listed since then does so with its next heartbeat.
ALTER TABLE settings ADD COLUMN sweep_wanted_at timestamptz;
