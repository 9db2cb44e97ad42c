-- Drift of infrastructure is found, kept and answered; plans are staged; declarations are checked (decision 0038).

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces, presets IN ACCESS EXCLUSIVE MODE;

-- on_drift: what happens to an unclaimed prebuild whose infrastructure has changed. drift_interval_seconds: how often it is
-- checked; NULL: as larder.drift.interval says; 0: never by itself.
ALTER TABLE presets
    ADD COLUMN on_drift text NOT NULL DEFAULT 'replace' CHECK (on_drift IN ('replace', 'refresh', 'ignore')),
    ADD COLUMN drift_interval_seconds integer CHECK (drift_interval_seconds >= 0);

-- A check is a build that leaves its workspace as it was. resumes_*: the build before it, and what that build had left.
-- drift_checked_at: when the last check by schedule began. refresh_tried_at: when the last refresh began.
ALTER TABLE workspaces
    ADD COLUMN resumes_build_id    uuid,
    ADD COLUMN resumes_finished_at timestamptz,
    ADD COLUMN resumes_ready_at    timestamptz,
    ADD COLUMN drift_checked_at    timestamptz,
    ADD COLUMN refresh_tried_at    timestamptz,
    ADD CONSTRAINT workspaces_resumes CHECK (
        resumes_build_id IS NULL OR (transition = 'start' AND build_status IN ('pending', 'canceling'))) NOT VALID;
CREATE INDEX workspaces_checked ON workspaces (id) WHERE resumes_build_id IS NOT NULL;

-- However a check ends, its workspace is again what it was before. A rule for every statement that ends a build, and for the
-- servers of before. The WHEN is evaluated only for statements that set build_status.
CREATE FUNCTION workspaces_resume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.build_id := OLD.resumes_build_id;
    NEW.build_status := 'succeeded';
    NEW.build_finished_at := OLD.resumes_finished_at;
    NEW.ready_at := OLD.resumes_ready_at;
    NEW.quarantined_at := OLD.quarantined_at;
    NEW.dirty := OLD.dirty;
    NEW.deletion_wanted_at := coalesce(NEW.deletion_wanted_at, OLD.deletion_wanted_at);
    NEW.resumes_build_id := NULL;
    NEW.resumes_finished_at := NULL;
    NEW.resumes_ready_at := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER workspaces_resume BEFORE UPDATE OF build_status ON workspaces FOR EACH ROW
    WHEN (OLD.resumes_build_id IS NOT NULL AND NEW.build_status IN ('succeeded', 'failed', 'canceled'))
    EXECUTE FUNCTION workspaces_resume();

-- Checks have a backend word of their own, which workers of before do not offer: they would apply the module. A server of
-- before leases no check, as it begins no mutation for one.
ALTER TABLE jobs
    ADD CONSTRAINT jobs_mutation_of_checks CHECK (
        backend <> 'terraform_check' OR started_at IS NULL OR completed_at IS NOT NULL OR mutation_id IS NOT NULL) NOT VALID;

-- A time-ordered id (UUIDv7) for rows that a statement makes by itself.
CREATE FUNCTION time_ordered_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (substr(h.ms, 1, 8) || '-' || substr(h.ms, 9, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
      FROM (SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS ms) h
$$;

-- What was found when a workspace's infrastructure was compared with its state, or what a lost job may have left. Written once
-- for each mutation and kind, and never changed. action: what followed by itself. Kept for 30 days (larder.cleanup), the
-- newest of each workspace as long as the workspace is there.
-- state_version: the version that was compared. has_drift: NULL where nothing was compared. claimed: whether a user had it.
CREATE TABLE reconciliation_results (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    workspace_id    uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    preset_id       uuid,
    job_id          uuid,
    mutation_id     uuid NOT NULL,
    changeset_id    uuid,
    kind            text NOT NULL CHECK (kind IN ('interrupted', 'drift', 'state_refresh')),
    scope           text NOT NULL CHECK (scope IN ('all', 'interrupted', 'specific')),
    state_version   bigint NOT NULL,
    has_drift       boolean,
    drifted         integer NOT NULL DEFAULT 0,
    claimed         boolean NOT NULL,
    reason          text,
    recommended     text NOT NULL CHECK (recommended IN ('none', 'refresh', 'replace', 'manual')),
    created_at      timestamptz NOT NULL,
    action          text CHECK (action IN ('replace', 'refresh', 'ignore')),
    action_at       timestamptz,
    UNIQUE (mutation_id, kind),
    CHECK ((has_drift IS NULL) = (kind = 'interrupted')),
    CHECK ((action IS NULL) = (action_at IS NULL))
);
CREATE INDEX reconciliation_results_of_workspace ON reconciliation_results (workspace_id, id);
CREATE INDEX reconciliation_results_of_organization ON reconciliation_results (organization_id, id);
CREATE INDEX reconciliation_results_of_changeset ON reconciliation_results (changeset_id, id) WHERE changeset_id IS NOT NULL;

-- The resources of a result that differ. paths: names of attributes, never values. Kept with the result.
CREATE TABLE resource_drift (
    result_id uuid NOT NULL REFERENCES reconciliation_results ON DELETE CASCADE,
    address   text NOT NULL,
    type      text NOT NULL,
    action    text NOT NULL,
    status    text NOT NULL CHECK (status IN ('changed', 'missing', 'accepted')),
    paths     text[] NOT NULL,
    PRIMARY KEY (result_id, address)
);

-- The plan of a workspace, staged by a job. changes: NULL until it is staged; addresses, actions and paths, never values.
-- Kept for 30 days (larder.cleanup); removed with the workspace.
CREATE TABLE changesets (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    workspace_id    uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    job_id          uuid NOT NULL UNIQUE,
    requested_by    uuid NOT NULL REFERENCES users,
    created_at      timestamptz NOT NULL,
    base_version    bigint NOT NULL,
    staged_at       timestamptz,
    has_drift       boolean,
    changes         jsonb,
    drift           jsonb,
    CHECK ((staged_at IS NULL) = (changes IS NULL)),
    CHECK ((staged_at IS NULL) = (has_drift IS NULL))
);
CREATE INDEX changesets_of_workspace ON changesets (workspace_id, id);

-- A declaration that was checked and not applied. findings: field, code, message. Kept for 30 days (larder.cleanup).
CREATE TABLE validations (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    requested_by    uuid NOT NULL REFERENCES users,
    created_at      timestamptz NOT NULL,
    backend         text,
    status          text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    findings        jsonb NOT NULL
);
CREATE INDEX validations_of_organization ON validations (organization_id, id);
