-- What is not trusted since the database was restored from a backup (decision 0029).

-- A quarantined workspace is given to no client, and is neither counted nor deleted by the reconciler: a user may hold it since
-- after the backup.
ALTER TABLE workspaces ADD COLUMN quarantined_at timestamptz;

-- system_identifier: of the PostgreSQL cluster in which this database was served last. suspect_since: since when servers hold back,
-- because this database may be older than what they have answered; an owner ends it.
ALTER TABLE settings
    ADD COLUMN system_identifier text,
    ADD COLUMN suspect_since timestamptz,
    ADD COLUMN suspect_reason text CHECK (suspect_reason IN ('another_server', 'claims_missing')),
    ADD CONSTRAINT settings_suspect CHECK ((suspect_since IS NULL) = (suspect_reason IS NULL));
