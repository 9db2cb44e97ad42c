-- A staged changeset can be applied (decision 0039). plan_sealed: the digest of the plan, sealed: with the digest alone a guess of
-- a secret in the plan could be checked. NULL: staged before this column, or by a worker of before; it cannot be applied.
ALTER TABLE changesets
    ADD COLUMN plan_sealed    bytea,
    ADD COLUMN apply_job_id   uuid UNIQUE,
    ADD COLUMN applied_by     uuid REFERENCES users,
    ADD COLUMN apply_asked_at timestamptz,
    ADD COLUMN applied_at     timestamptz,
    ADD CONSTRAINT changesets_apply CHECK (
        (apply_job_id IS NULL) = (apply_asked_at IS NULL) AND (apply_job_id IS NULL) = (applied_by IS NULL)
        AND (applied_at IS NULL OR apply_job_id IS NOT NULL)),
    ADD CONSTRAINT changesets_apply_of_staged CHECK (apply_job_id IS NULL OR (staged_at IS NOT NULL AND NOT has_drift));
