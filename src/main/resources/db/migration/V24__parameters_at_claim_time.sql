-- Parameters that a claim may give to a workspace which is built already, and limits of values (decision 0040).

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE workspaces, claims, version_parameters IN ACCESS EXCLUSIVE MODE;

-- limits: {"allowed": ["a"], "min": "1", "max": "9", "minLength": "1", "maxLength": "9", "pattern": "[a-z]+"}, each
-- of them optional. Rows are kept as long as their version.
ALTER TABLE version_parameters
    ADD COLUMN late boolean NOT NULL DEFAULT false,
    ADD COLUMN description text,
    ADD COLUMN limits jsonb;

-- The values of late parameters that a claim gave: {"name": {"value": "text"}}, or {"name": {"sealed": "hex", "of": "id"}}
-- where the version declares it sensitive; "of" is the id that it was sealed for. A claim has them until it ends; its
-- workspace until it is in stock again or deleted, because its later scripts read them.
ALTER TABLE claims
    ADD COLUMN late_parameters jsonb,
    ADD CONSTRAINT claims_late_parameters_check CHECK (
        late_parameters IS NULL OR (jsonb_typeof(late_parameters) = 'object' AND ended_at IS NULL)) NOT VALID;
ALTER TABLE workspaces
    ADD COLUMN late_parameters jsonb,
    ADD CONSTRAINT workspaces_late_parameters_check CHECK (
        late_parameters IS NULL OR (jsonb_typeof(late_parameters) = 'object' AND NOT prebuild AND deleted_at IS NULL)) NOT VALID;

-- The triggers also erase them where an older server ends the claim, resets the workspace or deletes it. They cost the
-- statements that do not set these columns nothing; a claim from stock sets none of them.
CREATE FUNCTION claims_erase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.late_parameters := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER claims_erase BEFORE UPDATE OF ended_at ON claims
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL AND NEW.late_parameters IS NOT NULL) EXECUTE FUNCTION claims_erase();

CREATE OR REPLACE FUNCTION workspaces_erase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.outputs_sealed := NULL;
    NEW.parameters := NULL;
    NEW.late_parameters := NULL;
    RETURN NEW;
END $$;
CREATE FUNCTION workspaces_erase_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.late_parameters := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER workspaces_erase_late BEFORE UPDATE OF deletion_wanted_at ON workspaces
    FOR EACH ROW WHEN (NEW.prebuild AND NEW.late_parameters IS NOT NULL) EXECUTE FUNCTION workspaces_erase_late();
