-- What a claim is given is looked at first where its version says how, and what was given back may be used again
-- (design 3.6; decision 0012).

ALTER TABLE template_versions
    ADD COLUMN verify_step boolean NOT NULL GENERATED ALWAYS AS (backend = 'exec' AND files ? 'verify.sh') STORED;

-- How many in turn may have a workspace before it is destroyed.
ALTER TABLE presets
    ADD COLUMN max_uses integer NOT NULL DEFAULT 1 CHECK (max_uses BETWEEN 1 AND 1000);

-- verifying: somebody has claimed it, and its verification has not succeeded yet; until then nobody is given its outputs.
-- dirty: somebody gave it back, and no reset has succeeded since. uses: how many have given it back.
ALTER TABLE workspaces
    ADD COLUMN verifying boolean NOT NULL DEFAULT false,
    ADD COLUMN dirty boolean NOT NULL DEFAULT false,
    ADD COLUMN uses integer NOT NULL DEFAULT 0,
    ADD CHECK (NOT (verifying AND prebuild)),
    ADD CHECK (NOT (dirty AND prebuild AND ready_at IS NOT NULL));
CREATE INDEX workspaces_verifying ON workspaces (id) WHERE verifying AND deleted_at IS NULL;
CREATE INDEX workspaces_resetting ON workspaces (id) WHERE prebuild AND dirty AND deleted_at IS NULL;

-- A claim of exactly one workspace ends where that one turns out to be unfit.
ALTER TABLE claims
    DROP CONSTRAINT claims_check6,
    ADD CONSTRAINT claims_ended_as CHECK (
        CASE WHEN workspace_id IS NULL THEN ended_reason IN ('canceled', 'timed_out', 'preset_not_active')
             ELSE ended_reason IN ('released', 'deleted', 'expired', 'verify_failed') END);
