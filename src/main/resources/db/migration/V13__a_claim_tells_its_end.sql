-- A claim tells how it ended, a cold build has parameters of its own, and what failed is found without a look at
-- the history (design, sections 3.2, 3.5 and 2.3.7; decision 0026).

-- unfit: how many workspaces this claim was given that failed their verification.
-- impatient: its caller would not have waited, so it ends when nothing is left to try.
-- failure_code, failure: what went wrong last; final once the claim has ended.
ALTER TABLE claims
    ADD COLUMN unfit integer NOT NULL DEFAULT 0,
    ADD COLUMN impatient boolean NOT NULL DEFAULT false,
    ADD COLUMN failure_code text,
    ADD COLUMN failure text,
    DROP CONSTRAINT claims_ended_as,
    -- NOT VALID: the old constraint allowed less, so every row that exists satisfies these.
    ADD CONSTRAINT claims_ended_as CHECK (
        CASE WHEN workspace_id IS NULL THEN ended_reason IN ('canceled', 'timed_out', 'preset_not_active', 'failed')
             ELSE ended_reason IN ('released', 'deleted', 'expired', 'verify_failed', 'failed') END) NOT VALID,
    ADD CONSTRAINT claims_failure CHECK (
        (failure_code IS NULL) = (failure IS NULL) AND (ended_reason <> 'failed' OR failure_code IS NOT NULL)) NOT VALID;

-- What a cold claim asked for beyond its preset: {"name": {"value": "text"}}, or {"name": {"sealed": "hex"}} where the
-- version declares it sensitive. All builds of the workspace read it before the preset's values and the defaults.
ALTER TABLE workspaces
    ADD COLUMN parameters jsonb,
    ADD CONSTRAINT workspaces_parameters_check CHECK (
        parameters IS NULL OR (jsonb_typeof(parameters) = 'object' AND NOT prebuild)) NOT VALID;

-- Failed cold builds whose claims are still to be ended, and the evidence that failed prebuilds are.
CREATE INDEX workspaces_ended_badly ON workspaces (prebuild, build_number, id)
    WHERE deleted_at IS NULL AND deletion_wanted_at IS NULL AND transition = 'start'
      AND build_status IN ('failed', 'canceled');
