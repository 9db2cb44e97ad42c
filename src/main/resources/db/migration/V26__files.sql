-- Files of templates are uploaded, kept once for each organization, and referred to by their digests (decision 0042).

-- A file, or a part of it. received: how many bytes from its beginning are there. writer: the request that is sending bytes; no
-- other one writes meanwhile, until it has been silent for a minute. touched_at: when the file was last sent, asked for or
-- declared. A part goes a day after that (larder.cleanup), and so does a whole file to which no version refers.
CREATE TABLE files (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    digest          text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    bytes           bigint NOT NULL CHECK (bytes >= 0),
    received        bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND bytes),
    stored_at       timestamptz,
    writer          uuid,
    writer_at       timestamptz,
    created_by      uuid NOT NULL REFERENCES users,
    created_at      timestamptz NOT NULL,
    touched_at      timestamptz NOT NULL,
    UNIQUE (organization_id, digest),
    CHECK (stored_at IS NULL OR (received = bytes AND writer IS NULL)),
    CHECK ((writer IS NULL) = (writer_at IS NULL))
);
CREATE INDEX files_of_organization ON files (organization_id, id);
CREATE INDEX files_by_touch ON files (touched_at, id);

-- The bytes of a file, in pieces of at most 1 MiB: in the row, or in the bucket of the deployment under object_key.
-- Removed with the file.
CREATE TABLE file_chunks (
    file_id    uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    start      bigint NOT NULL CHECK (start >= 0),
    bytes      integer NOT NULL CHECK (bytes > 0),
    body       bytea,
    object_key text,
    PRIMARY KEY (file_id, start),
    CHECK ((body IS NULL) <> (object_key IS NULL))
);
ALTER TABLE file_chunks ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX file_chunks_by_object ON file_chunks (object_key) WHERE object_key IS NOT NULL;

-- Which files a version refers to. While a version does, its file cannot be removed. Kept as long as the version; those of a
-- deleted template go a day after it, once its workspaces are deleted.
CREATE TABLE version_files (
    version_id      uuid NOT NULL REFERENCES template_versions ON DELETE CASCADE,
    path            text NOT NULL,
    organization_id uuid NOT NULL,
    digest          text NOT NULL,
    PRIMARY KEY (version_id, path),
    FOREIGN KEY (organization_id, digest) REFERENCES files (organization_id, digest)
);
CREATE INDEX version_files_by_file ON version_files (organization_id, digest);

-- A fingerprint in which every file counts by its digest: the same content declared as text or by reference is the same version.
-- NULL for versions of before. In template_versions.files a reference is an object with the digest and bytes of the file.
ALTER TABLE template_versions ADD COLUMN digest_hash bytea;
