-- Larder's core. The states a row may be in are stated here as constraints (design, section 1);
-- the tables are the truth, and everything that is told between processes is only a hint.

CREATE TABLE settings (
    "only"      boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    pause_scope text CHECK (pause_scope IN ('create', 'all')),
    pause_until timestamptz,
    CHECK (pause_until IS NULL OR pause_scope IS NOT NULL)
);
INSERT INTO settings DEFAULT VALUES;

CREATE TABLE organizations (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    created_at  timestamptz NOT NULL,
    pause_scope text CHECK (pause_scope IN ('create', 'all')),
    pause_until timestamptz,
    CHECK (pause_until IS NULL OR pause_scope IS NOT NULL)
);

-- Owners, deployment-wide auditors and the system user belong to no organization; all others to exactly one.
CREATE TABLE users (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    role            text NOT NULL CHECK (role IN ('system', 'owner', 'template_admin', 'member', 'worker', 'auditor')),
    is_system       boolean NOT NULL GENERATED ALWAYS AS (role = 'system') STORED,
    created_at      timestamptz NOT NULL,
    UNIQUE (id, is_system),
    UNIQUE NULLS NOT DISTINCT (organization_id, name),
    CHECK (role NOT IN ('system', 'owner') OR organization_id IS NULL),
    CHECK (role NOT IN ('template_admin', 'member') OR organization_id IS NOT NULL),
    CHECK ((role = 'system') = (id = '00000000-0000-7000-8000-000000000001'))
);
INSERT INTO users (id, name, role, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'system', 'system', '2026-01-01T00:00:00Z');

-- The foreign key on (user, is_system) is what keeps the system user from ever holding a token.
CREATE TABLE tokens (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    is_system  boolean NOT NULL DEFAULT false CHECK (NOT is_system),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    hash       bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    FOREIGN KEY (user_id, is_system) REFERENCES users (id, is_system)
);
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE templates (
    id                uuid PRIMARY KEY,
    organization_id   uuid NOT NULL REFERENCES organizations,
    name              text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    active_version_id uuid,
    latest_number     integer NOT NULL DEFAULT 0 CHECK (latest_number >= 0),
    deprecated_reason text CHECK (deprecated_reason <> ''),
    created_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    pause_scope       text CHECK (pause_scope IN ('create', 'all')),
    pause_until       timestamptz,
    CHECK (pause_until IS NULL OR pause_scope IS NOT NULL),
    UNIQUE (id, organization_id)
);
CREATE UNIQUE INDEX templates_by_name ON templates (organization_id, name) WHERE deleted_at IS NULL;

-- content_hash identifies what was declared, so that applying the same declaration again is no new version.
-- files: {"path": "text"}; tags: {"key": "value"}.
CREATE TABLE template_versions (
    id              uuid PRIMARY KEY,
    template_id     uuid NOT NULL,
    organization_id uuid NOT NULL,
    number          integer NOT NULL CHECK (number >= 1),
    backend         text NOT NULL CHECK (backend IN ('postgres', 'exec')),
    files           jsonb NOT NULL CHECK (jsonb_typeof(files) = 'object'),
    tags            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tags) = 'object'),
    start_timeout_seconds integer NOT NULL DEFAULT 600 CHECK (start_timeout_seconds BETWEEN 1 AND 86400),
    content_hash    bytea NOT NULL CHECK (length(content_hash) = 32),
    created_by      uuid NOT NULL REFERENCES users,
    created_at      timestamptz NOT NULL,
    UNIQUE (template_id, number),
    UNIQUE (template_id, id),
    FOREIGN KEY (template_id, organization_id) REFERENCES templates (id, organization_id)
);
ALTER TABLE templates ADD FOREIGN KEY (id, active_version_id) REFERENCES template_versions (template_id, id)
    DEFERRABLE INITIALLY DEFERRED;

-- A sensitive default lies in default_sealed and nowhere else.
CREATE TABLE version_parameters (
    version_id     uuid NOT NULL REFERENCES template_versions,
    ordinal        integer NOT NULL,
    name           text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    type           text NOT NULL CHECK (type IN ('string', 'number', 'bool')),
    required       boolean NOT NULL,
    mutable        boolean NOT NULL,
    sensitive      boolean NOT NULL,
    default_value  text,
    default_sealed bytea,
    PRIMARY KEY (version_id, name),
    CHECK (CASE WHEN sensitive THEN default_value IS NULL ELSE default_sealed IS NULL END)
);

-- instances NULL: a preset without prebuilds. attempts counts the creating cycles of this preset; a cycle that
-- decided on an older count creates nothing, so that losing the reconciler's lock cannot over-provision (2.1.6).
CREATE TABLE presets (
    id                  uuid PRIMARY KEY,
    version_id          uuid NOT NULL,
    template_id         uuid NOT NULL,
    organization_id     uuid NOT NULL,
    ordinal             integer NOT NULL,
    name                text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    instances           integer CHECK (instances BETWEEN 0 AND 1000),
    ttl_seconds         bigint CHECK (ttl_seconds BETWEEN 60 AND 31536000),
    timezone            text,
    status              text NOT NULL DEFAULT 'healthy' CHECK (status IN ('healthy', 'hard_limited', 'validation_failed')),
    status_reason       text,
    last_invalidated_at timestamptz,
    failures_from       timestamptz,
    attempts            integer NOT NULL DEFAULT 0,
    pause_scope         text CHECK (pause_scope IN ('create', 'all')),
    pause_until         timestamptz,
    UNIQUE (version_id, name),
    UNIQUE (id, organization_id),
    FOREIGN KEY (template_id, version_id) REFERENCES template_versions (template_id, id),
    FOREIGN KEY (template_id, organization_id) REFERENCES templates (id, organization_id),
    CHECK ((status = 'healthy') = (status_reason IS NULL)),
    CHECK (pause_until IS NULL OR pause_scope IS NOT NULL)
);
COMMENT ON COLUMN presets.failures_from IS 'set by a reset: builds created before it no longer count as failures';

CREATE TABLE preset_parameters (
    preset_id uuid NOT NULL REFERENCES presets,
    name      text NOT NULL,
    value     text,
    sealed    bytea,
    PRIMARY KEY (preset_id, name),
    CHECK ((value IS NULL) <> (sealed IS NULL))
);

CREATE TABLE preset_schedules (
    preset_id uuid NOT NULL REFERENCES presets,
    ordinal   integer NOT NULL,
    cron      text NOT NULL,
    instances integer NOT NULL CHECK (instances BETWEEN 0 AND 1000),
    PRIMARY KEY (preset_id, ordinal)
);

-- One row for each cycle that created prebuilds of a preset: what the hard limit counts (2.3.4).
CREATE TABLE attempts (
    preset_id  uuid NOT NULL REFERENCES presets,
    number     integer NOT NULL,
    size       integer NOT NULL CHECK (size > 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (preset_id, number)
);

-- deletion_wanted_at: its owner gave it back; the janitor deletes it as soon as no build is active.
-- transition, build_status and build_finished_at are the latest build's, written in the transaction that changes it,
-- so that what a cycle or a claim reads follows the live prebuilds and never the history.
CREATE TABLE workspaces (
    id                uuid PRIMARY KEY,
    organization_id   uuid NOT NULL REFERENCES organizations,
    owner_id          uuid NOT NULL REFERENCES users,
    prebuild          boolean NOT NULL,
    template_id       uuid NOT NULL,
    version_id        uuid NOT NULL,
    preset_id         uuid REFERENCES presets,
    name              text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    version           integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at        timestamptz NOT NULL,
    ready_at          timestamptz,
    claimed_at        timestamptz,
    deletion_wanted_at timestamptz,
    deleted_at        timestamptz,
    build_id          uuid NOT NULL,
    build_number      integer NOT NULL CHECK (build_number >= 1),
    transition        text NOT NULL CHECK (transition IN ('start', 'stop', 'delete')),
    build_status      text NOT NULL
                      CHECK (build_status IN ('pending', 'running', 'succeeded', 'canceling', 'canceled', 'failed')),
    build_finished_at timestamptz,
    outputs_sealed    bytea,
    FOREIGN KEY (template_id, organization_id) REFERENCES templates (id, organization_id),
    FOREIGN KEY (template_id, version_id) REFERENCES template_versions (template_id, id),
    CHECK (prebuild = (owner_id = '00000000-0000-7000-8000-000000000001')),
    CHECK (NOT prebuild OR (preset_id IS NOT NULL AND claimed_at IS NULL)),
    CHECK (prebuild OR claimed_at IS NOT NULL),
    CHECK ((build_finished_at IS NOT NULL) = (build_status IN ('succeeded', 'canceled', 'failed'))),
    CHECK (ready_at IS NULL OR (transition = 'start' AND build_status = 'succeeded') OR transition <> 'start'),
    CHECK (deleted_at IS NULL
           OR (transition = 'delete' AND build_status = 'succeeded')
           OR (transition = 'start' AND build_status = 'canceled'))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX workspaces_by_name ON workspaces (owner_id, name) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_of_organization ON workspaces (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_live_prebuilds ON workspaces (preset_id, created_at, id)
    WHERE prebuild AND deleted_at IS NULL AND build_status IN ('pending', 'running', 'canceling', 'succeeded');
CREATE INDEX workspaces_claimable ON workspaces (preset_id, created_at, id)
    WHERE prebuild AND ready_at IS NOT NULL AND transition = 'start' AND build_status = 'succeeded';
CREATE INDEX workspaces_to_delete ON workspaces (deletion_wanted_at)
    WHERE deletion_wanted_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX workspaces_failed_prebuilds ON workspaces (preset_id, build_finished_at)
    WHERE prebuild AND deleted_at IS NULL AND transition = 'start' AND build_status = 'failed';

CREATE TABLE builds (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    number       integer NOT NULL CHECK (number >= 1),
    transition   text NOT NULL CHECK (transition IN ('start', 'stop', 'delete')),
    initiator_id uuid NOT NULL REFERENCES users,
    reason       text NOT NULL,
    version_id   uuid NOT NULL REFERENCES template_versions,
    preset_id    uuid,
    attempt      integer,
    created_at   timestamptz NOT NULL,
    UNIQUE (workspace_id, number),
    FOREIGN KEY (preset_id, attempt) REFERENCES attempts (preset_id, number)
);
ALTER TABLE workspaces ADD FOREIGN KEY (build_id) REFERENCES builds DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX builds_of_attempts ON builds (preset_id, attempt, created_at) WHERE attempt IS NOT NULL;

-- The id of a tag set is what jobs carry and workers are matched by; {} is the untagged set.
CREATE TABLE tagsets (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tags jsonb NOT NULL UNIQUE CHECK (jsonb_typeof(tags) = 'object')
);
INSERT INTO tagsets (tags) VALUES ('{}');

-- A worker that serves every organization has none. last_seen_at is not indexed, so that a heartbeat is a HOT update.
CREATE TABLE workers (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    name            text NOT NULL,
    tags            jsonb NOT NULL DEFAULT '{}',
    backends        text[] NOT NULL,
    slots           integer NOT NULL CHECK (slots > 0),
    created_at      timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    stopped_at      timestamptz
) WITH (fillfactor = 50);
CREATE INDEX workers_live ON workers (id) WHERE stopped_at IS NULL;

-- status is derived here and nowhere else. queue_at is the creation time plus a handicap by kind (users' jobs none,
-- prebuild deletes some, prebuild starts more): one column that orders by priority and ages by itself (4.1).
CREATE TABLE jobs (
    id              uuid PRIMARY KEY,
    build_id        uuid NOT NULL UNIQUE REFERENCES builds,
    workspace_id    uuid NOT NULL REFERENCES workspaces,
    organization_id uuid NOT NULL REFERENCES organizations,
    backend         text NOT NULL,
    tagset_id       integer NOT NULL REFERENCES tagsets,
    queue_at        timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    timeout_seconds integer NOT NULL CHECK (timeout_seconds > 0),
    attempt         integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    started_at      timestamptz,
    deadline_at     timestamptz,
    worker_id       uuid REFERENCES workers,
    lease_token     uuid,
    canceled_at     timestamptz,
    completed_at    timestamptz,
    error_code      text,
    error           text,
    status          text NOT NULL GENERATED ALWAYS AS (
                        CASE WHEN completed_at IS NOT NULL THEN
                                  CASE WHEN canceled_at IS NOT NULL THEN 'canceled'
                                       WHEN error_code IS NOT NULL THEN 'failed'
                                       ELSE 'succeeded' END
                             WHEN canceled_at IS NOT NULL THEN 'canceling'
                             WHEN started_at IS NULL THEN 'pending'
                             ELSE 'running' END) STORED,
    CHECK ((error_code IS NULL) = (error IS NULL)),
    CHECK (error_code IS NULL OR completed_at IS NOT NULL),
    CHECK ((lease_token IS NOT NULL) = (started_at IS NOT NULL AND completed_at IS NULL)),
    CHECK (started_at IS NULL OR (worker_id IS NOT NULL AND deadline_at IS NOT NULL)),
    CHECK (started_at IS NOT NULL OR canceled_at IS NULL OR completed_at IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX jobs_waiting ON jobs (tagset_id, queue_at, id) WHERE started_at IS NULL AND completed_at IS NULL;
CREATE INDEX jobs_running ON jobs (worker_id, deadline_at) WHERE started_at IS NOT NULL AND completed_at IS NULL;
CREATE INDEX jobs_of_workspace ON jobs (workspace_id);
CREATE INDEX jobs_of_organization ON jobs (organization_id, id);

CREATE TABLE job_logs (
    job_id uuid NOT NULL REFERENCES jobs,
    seq    integer NOT NULL,
    at     timestamptz NOT NULL,
    stream text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'larder')),
    line   text NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- request_hash tells a retry from another request under the same key (3.3).
CREATE TABLE claims (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    user_id         uuid NOT NULL REFERENCES users,
    workspace_id    uuid NOT NULL REFERENCES workspaces,
    preset_id       uuid REFERENCES presets,
    path            text NOT NULL CHECK (path IN ('warm', 'waited', 'cold')),
    idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_reason    text CHECK (ended_reason IN ('released', 'deleted')),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL)),
    CHECK ((idempotency_key IS NULL) = (request_hash IS NULL))
);
CREATE UNIQUE INDEX claims_by_key ON claims (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX claims_live ON claims (workspace_id) WHERE ended_at IS NULL;
CREATE INDEX claims_of_organization ON claims (organization_id, id);

-- Appended to, never updated: marks of one preset do not wait for each other inside claims. A cycle deletes what it read.
CREATE TABLE dirty_presets (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    preset_id uuid NOT NULL
);

-- Told once: the key names the occasion.
CREATE TABLE notifications (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    audience        text NOT NULL CHECK (audience IN ('template_admin')),
    kind            text NOT NULL,
    occasion        text NOT NULL UNIQUE,
    detail          jsonb NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX notifications_of_organization ON notifications (organization_id, id);

CREATE TABLE audit (
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL,
    organization_id uuid,
    actor_id        uuid NOT NULL,
    action          text NOT NULL,
    target_id       uuid,
    detail          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_of_organization ON audit (organization_id, id);
