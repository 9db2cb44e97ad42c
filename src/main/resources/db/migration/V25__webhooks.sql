-- Webhooks: events and notifications are sent to addresses that organizations name (design, section 9; decision 0041).

-- What people declare: one row for each webhook, deleted with it. At most larder.webhooks.per-organization of an organization.
-- events: types, or patterns such as workspace.*. Secrets are sealed for the row's id; the previous one signs too until
-- previous_until. failing_since: the first failed attempt after the last one that succeeded.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    url             text NOT NULL CHECK (octet_length(url) <= 2000),
    events          text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 50),
    description     text NOT NULL DEFAULT '',
    secret_sealed   bytea NOT NULL,
    previous_sealed bytea,
    previous_until  timestamptz,
    created_at      timestamptz NOT NULL,
    enabled_at      timestamptz,
    disabled_at     timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('by_user', 'gone', 'failing', 'backlog')),
    failing_since   timestamptz,
    CHECK ((previous_sealed IS NULL) = (previous_until IS NULL)),
    CHECK ((enabled_at IS NULL) <> (disabled_at IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE INDEX webhooks_of_organization ON webhooks (organization_id, id);
CREATE INDEX webhooks_enabled ON webhooks (id) WHERE enabled_at IS NOT NULL;

-- An event that a webhook is sent. Ended ones are kept for 30 days (larder.cleanup); one that is pending ends at expires_at.
-- event: names the event, so that each is sent once whatever the cursor reads again. due_at: when a server sends it; while one
-- does (lease_token), when the lease ends and another server sends it. attempt_log: the last 20 attempts, without content.
CREATE TABLE webhook_deliveries (
    id           uuid PRIMARY KEY,
    webhook_id   uuid NOT NULL,
    event        text NOT NULL,
    type         text NOT NULL,
    body         text NOT NULL,
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    due_at       timestamptz,
    lease_token  uuid,
    attempts     integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    ended_at     timestamptz,
    status_code  integer,
    error_code   text,
    attempt_log  jsonb NOT NULL DEFAULT '[]',
    UNIQUE (webhook_id, event),
    CHECK ((status = 'pending') = (due_at IS NOT NULL)),
    CHECK ((status = 'pending') = (ended_at IS NULL)),
    CHECK (lease_token IS NULL OR status = 'pending'),
    CHECK (status <> 'failed' OR error_code IS NOT NULL)
);
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (webhook_id) WHERE lease_token IS NOT NULL;
CREATE INDEX webhook_deliveries_expiring ON webhook_deliveries (expires_at) WHERE status = 'pending';

-- One row: which events have their deliveries. A server reads under its lock what has committed since the snapshot "previous",
-- and, where that is more than a page, up to the snapshot "until", of which transactions up to "last" were read.
-- rescan: the database was restored into another cluster, whose transactions have other numbers, and all events are read again.
CREATE TABLE webhook_cursor (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    previous pg_snapshot NOT NULL,
    until    pg_snapshot,
    last     xid8 NOT NULL DEFAULT '0',
    rescan   boolean NOT NULL DEFAULT false
);
INSERT INTO webhook_cursor (previous) VALUES (pg_current_snapshot());

-- The transaction that wrote it, as events have it. NULL in notifications of before.
ALTER TABLE notifications ADD COLUMN tx xid8;
ALTER TABLE notifications ALTER COLUMN tx SET DEFAULT pg_current_xact_id();
CREATE INDEX notifications_by_transaction ON notifications (tx) WHERE tx IS NOT NULL;
