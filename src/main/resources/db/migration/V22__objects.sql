-- Objects under a key, for deployments without a bucket, and what a bucket needs of the database (decision 0034).

-- etag: a number that no other write of any object ever has, so that an object which is written back to an earlier body does not
-- pass a condition on the earlier one. writer: of the latest write. Rows stay until the client that wrote them deletes them.
CREATE SEQUENCE objects_etag;
CREATE TABLE objects (
    key         text COLLATE "C" PRIMARY KEY CHECK (octet_length(key) BETWEEN 1 AND 1024),
    body        bytea NOT NULL,
    etag        bigint NOT NULL,
    writer      uuid NOT NULL,
    modified_at timestamptz NOT NULL
);
ALTER TABLE objects ALTER COLUMN body SET STORAGE EXTERNAL;

-- A bucket, or a prefix in it, belongs to one deployment: another one would take its bodies for orphans.
ALTER TABLE settings ADD COLUMN deployment_id uuid NOT NULL DEFAULT gen_random_uuid();

-- Whether a body in a bucket has a row. No two rows share a body.
CREATE UNIQUE INDEX state_versions_by_object ON state_versions (object_key) WHERE object_key IS NOT NULL;
CREATE UNIQUE INDEX state_rejects_by_object ON state_rejects (object_key) WHERE object_key IS NOT NULL;
