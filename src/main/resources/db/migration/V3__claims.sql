-- Claims that wait, that are leased, that come several at once, and what may be claimed at most (design 3.3 to 3.7).

-- What may be claimed at once; NULL: no limit.
ALTER TABLE organizations
    ADD COLUMN claims_max integer CHECK (claims_max >= 0),
    ADD COLUMN claims_max_per_user integer CHECK (claims_max_per_user >= 0);

-- Which of several claimable prebuilds are given first.
ALTER TABLE presets
    ADD COLUMN claim_order text NOT NULL DEFAULT 'oldest' CHECK (claim_order IN ('oldest', 'newest', 'random'));

-- A claim without workspace waits for one, until waits_until; it is served by priority, then by age. ordinal: which of the
-- claims of one request. generation: the workspace's version when it was given, by which an old holder is told from a new.
ALTER TABLE claims
    ALTER COLUMN workspace_id DROP NOT NULL,
    ADD COLUMN ordinal integer NOT NULL DEFAULT 0 CHECK (ordinal BETWEEN 0 AND 99),
    ADD COLUMN priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    ADD COLUMN waits_until timestamptz,
    ADD COLUMN then_cold boolean NOT NULL DEFAULT false,
    ADD COLUMN granted_at timestamptz,
    ADD COLUMN generation integer,
    ADD COLUMN ttl_seconds integer CHECK (ttl_seconds BETWEEN 1 AND 2592000),
    ADD COLUMN expires_at timestamptz,
    DROP CONSTRAINT claims_ended_reason_check;
UPDATE claims c
   SET granted_at = c.created_at, generation = (SELECT w.version FROM workspaces w WHERE w.id = c.workspace_id);
ALTER TABLE claims
    ADD CHECK ((workspace_id IS NULL) = (granted_at IS NULL)),
    ADD CHECK ((workspace_id IS NULL) = (generation IS NULL)),
    ADD CHECK (workspace_id IS NOT NULL OR waits_until IS NOT NULL),
    ADD CHECK (workspace_id IS NOT NULL OR expires_at IS NULL),
    ADD CHECK (CASE WHEN workspace_id IS NULL THEN ended_reason IN ('canceled', 'timed_out', 'preset_not_active')
                    ELSE ended_reason IN ('released', 'deleted', 'expired') END);

DROP INDEX claims_by_key;
CREATE UNIQUE INDEX claims_by_key ON claims (user_id, idempotency_key, ordinal) WHERE idempotency_key IS NOT NULL;
CREATE INDEX claims_waiting ON claims (preset_id, priority DESC, created_at, id) WHERE workspace_id IS NULL AND ended_at IS NULL;
CREATE INDEX claims_expiring ON claims (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX claims_held ON claims (organization_id, user_id) WHERE ended_at IS NULL;
