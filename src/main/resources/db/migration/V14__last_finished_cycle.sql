-- When a cycle of the reconciler that looked at everything last finished, in whichever process (decision 0023). One row, in a
-- table of its own, so that it is never locked by a change of the settings.
CREATE TABLE reconciliation (
    "only"      boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    finished_at timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO reconciliation (finished_at) VALUES (clock_timestamp());

-- A process whose clock was ahead has dated heartbeats in the future: its workers would count as alive until then.
UPDATE workers SET last_seen_at = clock_timestamp() WHERE stopped_at IS NULL AND last_seen_at > clock_timestamp();
