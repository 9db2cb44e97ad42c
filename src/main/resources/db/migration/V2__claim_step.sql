-- What has to be done to a workspace once somebody has it (design 3.5).

ALTER TABLE template_versions
    ADD COLUMN claim_step boolean NOT NULL GENERATED ALWAYS AS (backend = 'exec' AND files ? 'claim.sh') STORED;

-- Set by the claim, unset when the claim build begins. Its owner is the janitor.
ALTER TABLE workspaces
    ADD COLUMN claim_step_wanted_at timestamptz,
    ADD CHECK (claim_step_wanted_at IS NULL OR NOT prebuild);
CREATE INDEX workspaces_to_prepare ON workspaces (claim_step_wanted_at)
    WHERE claim_step_wanted_at IS NOT NULL AND deletion_wanted_at IS NULL AND deleted_at IS NULL;
