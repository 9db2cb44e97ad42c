-- How a pool changes from what it is made of to what it should be made of: rollouts (decision 0046).

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, workspaces, presets, templates, organizations, users IN ACCESS EXCLUSIVE MODE;

-- One change of the stock of the presets of one name in a template. Ended ones are kept for 30 days (larder.cleanup).
-- from_preset_id: the preset of the version before; NULL where the stock of one version is renewed. state is canary: the new
-- version is tried and hands nothing out. held: it goes no further until a person or the preset's onFailure decides.
-- phase_at: when the state began. replaced_at: when old stock was taken last. deadline_at: when it is held where nothing became ready since. verdict: what it was judged by.
CREATE TABLE rollouts (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    template_id     uuid NOT NULL REFERENCES templates,
    preset          text NOT NULL,
    cause           text NOT NULL CHECK (cause IN ('promotion', 'invalidation', 'expiry', 'drift', 'repair')),
    from_preset_id  uuid REFERENCES presets,
    to_preset_id    uuid NOT NULL REFERENCES presets,
    state           text NOT NULL CHECK (state IN ('progressing', 'canary', 'held', 'done', 'rolled_back', 'superseded')),
    reason          text,
    detail          text,
    verdict         jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(verdict) = 'object'),
    initiator_id    uuid NOT NULL REFERENCES users,
    created_at      timestamptz NOT NULL,
    phase_at        timestamptz NOT NULL,
    deadline_at     timestamptz NOT NULL,
    replaced_at     timestamptz,
    paused_at       timestamptz,
    reminded_at     timestamptz,
    ended_at        timestamptz,
    CHECK ((state IN ('done', 'rolled_back', 'superseded')) = (ended_at IS NOT NULL)),
    CHECK (from_preset_id <> to_preset_id),
    CHECK ((cause = 'promotion') = (from_preset_id IS NOT NULL)),
    CHECK (state <> 'canary' OR cause = 'promotion'),
    CHECK (state NOT IN ('held', 'rolled_back') OR reason IS NOT NULL),
    CHECK (paused_at IS NULL OR ended_at IS NULL)
);
CREATE UNIQUE INDEX rollouts_open ON rollouts (template_id, preset) WHERE ended_at IS NULL;
CREATE INDEX rollouts_of_organization ON rollouts (organization_id, id);
CREATE INDEX rollouts_of_preset ON rollouts (to_preset_id, id);
CREATE INDEX rollouts_ended ON rollouts (ended_at) WHERE ended_at IS NOT NULL;

-- rollout_role: what the preset is in its rollout, as long as that is open. target: of the active version, and served. canary: of
-- the active version, and not served yet. before: of a former version, and served. stale_from: stock created before it is to be
-- replaced, and is served until then; last_invalidated_at means at once.
ALTER TABLE presets
    ADD COLUMN rollout_id              uuid REFERENCES rollouts,
    ADD COLUMN rollout_role            text CHECK (rollout_role IN ('target', 'canary', 'before')),
    ADD COLUMN stale_from              timestamptz,
    ADD COLUMN rollout_strategy        text NOT NULL DEFAULT 'rolling' CHECK (rollout_strategy IN ('rolling', 'replace')),
    ADD COLUMN max_surge               text NOT NULL DEFAULT '25%' CHECK (max_surge ~ '^[0-9]{1,4}%?$'),
    ADD COLUMN max_unavailable         text NOT NULL DEFAULT '0' CHECK (max_unavailable ~ '^[0-9]{1,4}%?$'),
    ADD COLUMN canary_instances        integer CHECK (canary_instances BETWEEN 1 AND 1000),
    ADD COLUMN canary_verify           boolean NOT NULL DEFAULT false,
    ADD COLUMN canary_trial_claim      boolean NOT NULL DEFAULT false,
    ADD COLUMN canary_deadline_seconds bigint CHECK (canary_deadline_seconds BETWEEN 60 AND 604800),
    ADD COLUMN on_rollout_failure      text NOT NULL DEFAULT 'hold' CHECK (on_rollout_failure IN ('hold', 'rollback')),
    ADD COLUMN serve_old               boolean NOT NULL DEFAULT true,
    ADD COLUMN expiry_jitter_percent   integer NOT NULL DEFAULT 0 CHECK (expiry_jitter_percent BETWEEN 0 AND 50),
    ADD COLUMN rollout_deadline_seconds bigint NOT NULL DEFAULT 3600 CHECK (rollout_deadline_seconds BETWEEN 60 AND 2592000),
    ADD CONSTRAINT presets_role_in_rollout CHECK ((rollout_id IS NULL) = (rollout_role IS NULL)),
    ADD CONSTRAINT presets_canary CHECK ((canary_instances IS NULL) = (canary_deadline_seconds IS NULL)
        AND (canary_instances IS NOT NULL OR NOT (canary_verify OR canary_trial_claim)));
CREATE INDEX presets_in_rollout ON presets (rollout_id) WHERE rollout_id IS NOT NULL;

-- When its time in stock ends, where the preset's expiryJitter ends it before the ttl.
ALTER TABLE workspaces ADD COLUMN stock_until timestamptz;

-- A rollout's states are events of the preset that it makes ready.
CREATE FUNCTION rollouts_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_event('preset', NEW.to_preset_id, 'rollout.' || NEW.state, coalesce(NEW.ended_at, NEW.phase_at),
                         jsonb_strip_nulls(jsonb_build_object('rollout', NEW.id, 'cause', NEW.cause, 'reason', NEW.reason)));
    RETURN NULL;
END $$;
CREATE TRIGGER rollouts_begin AFTER INSERT ON rollouts FOR EACH ROW EXECUTE FUNCTION rollouts_events();
CREATE TRIGGER rollouts_change AFTER UPDATE ON rollouts
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION rollouts_events();
