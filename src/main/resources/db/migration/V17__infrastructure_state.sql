-- What is known of a workspace's infrastructure, and how far it can be trusted (design, section 6; decision 0033).

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces, template_versions, version_parameters IN ACCESS EXCLUSIVE MODE;

ALTER TABLE template_versions
    DROP CONSTRAINT template_versions_backend_check,
    -- NOT VALID: the old constraint allowed less.
    ADD CONSTRAINT template_versions_backend_check CHECK (backend IN ('postgres', 'exec', 'terraform')) NOT VALID;
ALTER TABLE version_parameters
    DROP CONSTRAINT version_parameters_type_check,
    ADD CONSTRAINT version_parameters_type_check CHECK (type IN ('string', 'number', 'bool', 'list', 'map')) NOT VALID;

-- A module of backend terraform has a claim step where it declares a variable of a certain name, which only the server that
-- imports it can tell. For the others, and for a server of before, the rule is the one that the column had.
ALTER TABLE template_versions ALTER COLUMN claim_step DROP EXPRESSION, ALTER COLUMN claim_step SET DEFAULT false;
CREATE FUNCTION template_versions_claim_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.claim_step := coalesce(NEW.claim_step, false) OR (NEW.backend = 'exec' AND NEW.files ? 'claim.sh');
    RETURN NEW;
END $$;
CREATE TRIGGER template_versions_claim_step BEFORE INSERT ON template_versions
    FOR EACH ROW EXECUTE FUNCTION template_versions_claim_step();

-- How far what is known of the workspace can be trusted, as its last ended mutation left it. NULL: it was built before this
-- column was there, or has not been built; then its build tells. While a job works on it, the job tells (decision 0019).
ALTER TABLE workspaces
    ADD COLUMN state_status text CHECK (state_status IN ('reliable', 'in_flight', 'unreliable', 'corrupt')),
    ADD COLUMN state_reason text,
    ADD COLUMN state_since  timestamptz,
    ADD CONSTRAINT workspaces_state CHECK ((state_status IS NULL) = (state_since IS NULL)
                                           AND (state_status IN ('unreliable', 'corrupt')) = (state_reason IS NOT NULL)) NOT VALID;

-- The mutation that a leased job of a backend with a state has begun. A server of before does not begin one, so it leases no
-- such job.
ALTER TABLE jobs
    ADD COLUMN mutation_id uuid,
    ADD CONSTRAINT jobs_mutation CHECK (
        backend <> 'terraform' OR started_at IS NULL OR completed_at IS NOT NULL OR mutation_id IS NOT NULL) NOT VALID;

-- What a tool remembers of real infrastructure: of a workspace, or under a name that a person gave.
-- current_version: 0 where nothing was ever written. reliable_version: the last one that a mutation ended well with.
-- fence: grows with each mutation; a writer with an older one changes nothing.
CREATE TABLE states (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organizations,
    workspace_id     uuid UNIQUE REFERENCES workspaces,
    name             text CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    owner_id         uuid REFERENCES users,
    created_at       timestamptz NOT NULL,
    lineage          text,
    serial           bigint,
    current_version  bigint NOT NULL DEFAULT 0 CHECK (current_version >= 0),
    reliable_version bigint NOT NULL DEFAULT 0 CHECK (reliable_version BETWEEN 0 AND current_version),
    status           text NOT NULL CHECK (status IN ('new', 'reliable', 'in_flight', 'unreliable', 'corrupt', 'tombstoned')),
    status_reason    text,
    status_since     timestamptz NOT NULL,
    fence            bigint NOT NULL DEFAULT 0,
    tombstoned_at    timestamptz,
    CHECK ((workspace_id IS NULL) = (name IS NOT NULL)),
    CHECK ((workspace_id IS NULL) = (owner_id IS NOT NULL)),
    CHECK ((status IN ('unreliable', 'corrupt')) = (status_reason IS NOT NULL)),
    CHECK ((status = 'tombstoned') = (tombstoned_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX states_untrusted ON states (workspace_id) WHERE status IN ('unreliable', 'corrupt');
CREATE UNIQUE INDEX states_by_name ON states (organization_id, name) WHERE name IS NOT NULL AND tombstoned_at IS NULL;

-- The span in which a job, or a person, changes infrastructure. A job's lease is the mutation's; a person's has a time of its own.
-- lock_id, lock_info: of the tool that holds the lock inside the mutation. failed_writes: since the last accepted one.
-- previous_*: what the state was before, for a mutation in which nothing was changed.
CREATE TABLE state_mutations (
    id               uuid PRIMARY KEY,
    state_id         uuid NOT NULL REFERENCES states,
    fence            bigint NOT NULL,
    kind             text NOT NULL
                     CHECK (kind IN ('create', 'update', 'claim', 'plan', 'refresh', 'repair', 'destroy', 'restore')),
    job_id           uuid REFERENCES jobs,
    attempt          integer,
    user_id          uuid REFERENCES users,
    idempotency_key  text,
    token_hash       bytea CHECK (length(token_hash) = 32),
    lock_id          text,
    lock_info        jsonb,
    base_version     bigint NOT NULL,
    previous_status  text NOT NULL,
    previous_reason  text,
    previous_since   timestamptz NOT NULL,
    opened_at        timestamptz NOT NULL,
    lease_expires_at timestamptz,
    writes           integer NOT NULL DEFAULT 0,
    failed_writes    integer NOT NULL DEFAULT 0,
    ended_at         timestamptz,
    outcome          text CHECK (outcome IN ('succeeded', 'failed', 'aborted', 'canceled', 'expired', 'forced')),
    end_version      bigint,
    UNIQUE (state_id, fence),
    CHECK ((job_id IS NULL) <> (user_id IS NULL)),
    CHECK ((job_id IS NULL) = (attempt IS NULL)),
    CHECK ((job_id IS NULL) = (lease_expires_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((ended_at IS NULL) = (end_version IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX state_mutations_open ON state_mutations (state_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX state_mutations_by_key ON state_mutations (state_id, user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX state_mutations_of_job ON state_mutations (job_id) WHERE job_id IS NOT NULL;

-- An accepted body, never changed. managed: how many resources it lists; NULL where it cannot be read (encrypted by the client,
-- or not Terraform's). body is compressed and sealed with a key of its own, which is wrapped with the key key_id names.
CREATE TABLE state_versions (
    state_id         uuid NOT NULL REFERENCES states,
    version          bigint NOT NULL CHECK (version >= 1),
    kind             text NOT NULL CHECK (kind IN ('final', 'intermediate', 'restore', 'acknowledged')),
    serial           bigint,
    lineage          text,
    managed          integer,
    client_encrypted boolean NOT NULL,
    size             bigint NOT NULL,
    digest           bytea NOT NULL CHECK (length(digest) = 32),
    content_type     text NOT NULL,
    key_id           text NOT NULL,
    wrapped_key      bytea NOT NULL,
    body             bytea,
    object_key       text,
    mutation_id      uuid REFERENCES state_mutations,
    tool             text,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (state_id, version),
    CHECK ((body IS NULL) OR (object_key IS NULL))
);
ALTER TABLE state_versions ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX state_versions_by_key ON state_versions (key_id, state_id, version);

-- A body that was not accepted: it may be the only record of resources that exist. The last five of each state are kept.
CREATE TABLE state_rejects (
    id           uuid PRIMARY KEY,
    state_id     uuid NOT NULL REFERENCES states,
    mutation_id  uuid REFERENCES state_mutations,
    user_id      uuid REFERENCES users,
    reason       text NOT NULL,
    serial       bigint,
    lineage      text,
    base_version bigint NOT NULL,
    size         bigint NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    content_type text NOT NULL,
    key_id       text NOT NULL,
    wrapped_key  bytea NOT NULL,
    body         bytea,
    object_key   text,
    created_at   timestamptz NOT NULL,
    CHECK ((body IS NULL) OR (object_key IS NULL))
);
ALTER TABLE state_rejects ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX state_rejects_of_state ON state_rejects (state_id, id);
CREATE INDEX state_rejects_by_key ON state_rejects (key_id, id);

-- A rotation wraps the keys of all bodies with the current key; it can be stopped and goes on where it was.
CREATE TABLE key_rotations (
    id           uuid PRIMARY KEY,
    key_id       text NOT NULL,
    status       text NOT NULL CHECK (status IN ('running', 'stopped', 'completed', 'failed')),
    started_by   uuid NOT NULL REFERENCES users,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    ended_at     timestamptz,
    rewrapped    bigint NOT NULL DEFAULT 0,
    error        text,
    CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX key_rotations_one_running ON key_rotations (status) WHERE status = 'running';

-- A person's tool began it with its lock and ends it by unlocking. It sends no sign of life, so its lease ends only when another
-- caller, or a job, wants the state.
ALTER TABLE state_mutations
    ADD COLUMN implicit boolean NOT NULL DEFAULT false CHECK (NOT implicit OR user_id IS NOT NULL);
-- What people have open, by the end of their leases.
CREATE INDEX state_mutations_of_people ON state_mutations (lease_expires_at)
    WHERE ended_at IS NULL AND user_id IS NOT NULL;
