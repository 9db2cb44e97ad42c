-- Users who are disabled or deleted, organizations that are deleted, and which token made which.

-- All that V10 to V16 change, at once: one after the other would meet an older server's statements crosswise.
LOCK TABLE jobs, workspaces, claims, users, organizations, tokens IN ACCESS EXCLUSIVE MODE;

-- A disabled user's tokens open nothing until the user is enabled again. A deleted user or organization keeps its row, which
-- the history refers to, under a name that no new one can take.
ALTER TABLE users
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN deleted_at timestamptz,
    ADD CONSTRAINT users_system_stays CHECK (role <> 'system' OR (disabled_at IS NULL AND deleted_at IS NULL));
CREATE INDEX users_deleted ON users (deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE organizations ADD COLUMN deleted_at timestamptz;

-- parent_id: the token with which the call was made that made this one. Unknown for those made before.
ALTER TABLE tokens ADD COLUMN parent_id uuid REFERENCES tokens;
CREATE INDEX tokens_by_parent ON tokens (parent_id) WHERE parent_id IS NOT NULL;
