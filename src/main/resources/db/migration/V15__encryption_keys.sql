-- Which key the secrets of this deployment are sealed with. A server compares its own key with it before it serves:
-- one with another key would hand out workspaces whose outputs it cannot open.
CREATE TABLE encryption_keys (
    -- A fingerprint of the key; the key itself is never stored.
    id           text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    -- A known text sealed with the key.
    check_sealed bytea NOT NULL,
    current      boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL
);

-- Of servers that start at once with different keys one writes its own, and the others find it.
CREATE UNIQUE INDEX encryption_keys_one_current ON encryption_keys (current) WHERE current;
