-- What happened to a workspace, a claim, a preset, a state or a clean-up, in order and without gaps (design, section 8; decision 0035).

-- All that is needed at once: a server of before that works meanwhile has a statement in these tables all the time.
LOCK TABLE workspaces, claims, presets, states, state_rejects, reconciliation_results, cleanup_operations IN ACCESS EXCLUSIVE MODE;

-- Kept for 7 days, and at most 10,000 of one partition (kind and subject); the last one of a live subject is never removed.
-- tx: the transaction that appended it. A reader that keeps the snapshot of its last look finds exactly what has committed since.
CREATE TABLE events (
    kind    text NOT NULL CHECK (kind IN ('workspace', 'claim', 'preset', 'state', 'cleanup')),
    subject uuid NOT NULL,
    seq     bigint NOT NULL CHECK (seq >= 1),
    type    text NOT NULL,
    at      timestamptz NOT NULL,
    data    jsonb NOT NULL DEFAULT '{}',
    tx      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (subject, kind, seq)
);
CREATE INDEX events_by_transaction ON events (tx);

-- The number of the partition's last event. The statement that changes the row has it locked anyway, so numbers are committed in
-- order and none is left out.
ALTER TABLE workspaces ADD COLUMN event_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN event_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE presets ADD COLUMN event_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE states ADD COLUMN event_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE cleanup_operations ADD COLUMN event_seq bigint NOT NULL DEFAULT 0;

-- A full partition loses its oldest events. It never holds up the change that appends one: an event that retention removes at this
-- moment is passed over.
CREATE FUNCTION events_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM events d USING (SELECT e.seq FROM events e
                                 WHERE e.subject = NEW.subject AND e.kind = NEW.kind AND e.seq <= NEW.seq - 10000
                                   FOR UPDATE SKIP LOCKED) surplus
     WHERE d.subject = NEW.subject AND d.kind = NEW.kind AND d.seq = surplus.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER events_full AFTER INSERT ON events
    FOR EACH ROW WHEN (NEW.seq > 10000 AND NEW.seq % 100 = 0) EXECUTE FUNCTION events_full();

-- Events of a change of another row than the subject's. Locks the row of the subject. Data of more than 1,000 bytes is left out:
-- 10,000 events are 10 MiB at most.
CREATE FUNCTION append_event(of_kind text, of_subject uuid, new_type text, happened timestamptz, new_data jsonb) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    CASE of_kind
        WHEN 'workspace' THEN UPDATE workspaces SET event_seq = event_seq + 1 WHERE id = of_subject RETURNING event_seq INTO number;
        WHEN 'claim' THEN UPDATE claims SET event_seq = event_seq + 1 WHERE id = of_subject RETURNING event_seq INTO number;
        WHEN 'preset' THEN UPDATE presets SET event_seq = event_seq + 1 WHERE id = of_subject RETURNING event_seq INTO number;
        WHEN 'state' THEN UPDATE states SET event_seq = event_seq + 1 WHERE id = of_subject RETURNING event_seq INTO number;
        WHEN 'cleanup' THEN UPDATE cleanup_operations SET event_seq = event_seq + 1 WHERE id = of_subject
                            RETURNING event_seq INTO number;
    END CASE;
    IF number IS NOT NULL THEN
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES (of_kind, of_subject, number, new_type, happened,
                CASE WHEN octet_length(new_data::text) <= 1000 THEN new_data ELSE '{"omitted": true}' END);
    END IF;
    RETURN number;
END $$;

-- The row is locked and its newest form before the function is called, so the event can be appended right here. A check that
-- ends has built nothing: workspaces_resume, which comes first by its name, has made the workspace what it was.
CREATE FUNCTION workspaces_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint := OLD.event_seq;
BEGIN
    IF OLD.prebuild AND NOT NEW.prebuild THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES ('workspace', NEW.id, number, 'workspace.claimed', NEW.claimed_at, jsonb_build_object('version', NEW.version));
    END IF;
    IF OLD.quarantined_at IS NULL AND NEW.quarantined_at IS NOT NULL THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at)
        VALUES ('workspace', NEW.id, number, 'workspace.quarantined', NEW.quarantined_at);
    ELSIF OLD.build_status <> NEW.build_status AND NEW.build_finished_at IS NOT NULL AND OLD.resumes_build_id IS NULL
       AND (NEW.transition = 'start' OR NEW.build_status <> 'succeeded') THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES ('workspace', NEW.id, number,
                CASE NEW.build_status WHEN 'succeeded' THEN 'workspace.built'
                                      WHEN 'canceled' THEN 'workspace.build_canceled' ELSE 'workspace.build_failed' END,
                NEW.build_finished_at, jsonb_build_object('build', NEW.build_number, 'transition', NEW.transition));
    END IF;
    IF NOT OLD.prebuild AND OLD.deletion_wanted_at IS NULL AND (NEW.prebuild OR NEW.deletion_wanted_at IS NOT NULL) THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES ('workspace', NEW.id, number, 'workspace.released',
                coalesce(NEW.deletion_wanted_at, NEW.ready_at, NEW.build_finished_at, clock_timestamp()),
                jsonb_build_object('version', NEW.version));
    END IF;
    IF coalesce(OLD.state_status, 'reliable') <> coalesce(NEW.state_status, 'reliable')
       AND (NEW.state_status IN ('unreliable', 'corrupt') OR OLD.state_status IN ('unreliable', 'corrupt'))
       AND NEW.state_status IS DISTINCT FROM 'in_flight' THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES ('workspace', NEW.id, number,
                CASE WHEN NEW.state_status IN ('unreliable', 'corrupt') THEN 'workspace.unreliable' ELSE 'workspace.reliable' END,
                coalesce(NEW.state_since, clock_timestamp()), jsonb_strip_nulls(jsonb_build_object('reason', NEW.state_reason)));
    END IF;
    IF OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN
        number := number + 1;
        INSERT INTO events (kind, subject, seq, type, at, data)
        VALUES ('workspace', NEW.id, number, 'workspace.deleted', NEW.deleted_at, jsonb_build_object('version', NEW.version));
    END IF;
    NEW.event_seq := number;
    RETURN NEW;
END $$;
CREATE TRIGGER workspaces_tell_events BEFORE UPDATE ON workspaces
    FOR EACH ROW WHEN (OLD.prebuild <> NEW.prebuild OR OLD.build_status <> NEW.build_status
                       OR (OLD.deletion_wanted_at IS NULL) <> (NEW.deletion_wanted_at IS NULL)
                       OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)
                       OR OLD.state_status IS DISTINCT FROM NEW.state_status)
    EXECUTE FUNCTION workspaces_events();

-- A claim that is given a workspace at once appends to its workspace's partition alone: its answer tells the rest.
CREATE FUNCTION claims_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_seq := OLD.event_seq + 1;
    INSERT INTO events (kind, subject, seq, type, at, data)
    VALUES ('claim', NEW.id, NEW.event_seq,
            CASE WHEN NEW.ended_at IS NOT NULL THEN 'claim.' || NEW.ended_reason
                 WHEN NEW.workspace_id IS NOT NULL THEN 'claim.active' ELSE 'claim.waiting' END,
            coalesce(NEW.ended_at, NEW.granted_at, clock_timestamp()),
            jsonb_strip_nulls(jsonb_build_object('workspaceId', NEW.workspace_id, 'code', NEW.failure_code)));
    RETURN NEW;
END $$;
CREATE TRIGGER claims_events BEFORE UPDATE ON claims
    FOR EACH ROW WHEN (OLD.workspace_id IS DISTINCT FROM NEW.workspace_id
                       OR (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL))
    EXECUTE FUNCTION claims_events();

-- No claim writes the row of its preset, so these numbers hold up none.
CREATE FUNCTION presets_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_seq := OLD.event_seq + 1;
    INSERT INTO events (kind, subject, seq, type, at, data)
    VALUES ('preset', NEW.id, NEW.event_seq, 'preset.' || NEW.status, clock_timestamp(),
            jsonb_strip_nulls(jsonb_build_object('reason', left(NEW.status_reason, 500))));
    RETURN NEW;
END $$;
CREATE TRIGGER presets_events BEFORE UPDATE ON presets
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION presets_events();

-- What a change of a state's row tells, in order.
CREATE FUNCTION state_event_types(before states, after states) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_remove(ARRAY[
        CASE WHEN after.status = 'in_flight' AND after.fence <> coalesce(before.fence, 0) THEN 'state.mutation_begun' END,
        CASE WHEN after.current_version > coalesce(before.current_version, 0) THEN 'state.version_created' END,
        CASE WHEN before.status = 'in_flight' AND after.status <> 'in_flight' THEN 'state.mutation_ended' END,
        CASE WHEN before.status NOT IN ('in_flight', 'tombstoned') AND after.status = 'reliable' AND after.fence > before.fence
             THEN 'state.acknowledged' END,
        CASE WHEN after.status IN ('unreliable', 'corrupt') AND before.status <> after.status THEN 'state.' || after.status END,
        CASE WHEN before.status NOT IN ('in_flight', 'tombstoned') AND after.status = 'tombstoned' THEN 'state.deleted' END], NULL)
$$;
CREATE FUNCTION states_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_seq := NEW.event_seq + cardinality(state_event_types(CASE TG_OP WHEN 'UPDATE' THEN OLD END, NEW));
    RETURN NEW;
END $$;
-- After the statement, so that the rows of its mutation and its version are there.
CREATE FUNCTION states_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    types text[] := state_event_types(CASE TG_OP WHEN 'UPDATE' THEN OLD END, NEW);
    m state_mutations;
    v state_versions;
BEGIN
    SELECT * INTO m FROM state_mutations WHERE state_id = NEW.id AND fence = NEW.fence;
    IF 'state.version_created' = ANY (types) THEN
        SELECT state_id, version, kind, serial, size, created_at INTO v.state_id, v.version, v.kind, v.serial, v.size, v.created_at
          FROM state_versions WHERE state_id = NEW.id AND version = NEW.current_version;
    END IF;
    INSERT INTO events (kind, subject, seq, type, at, data)
    SELECT 'state', NEW.id, NEW.event_seq - cardinality(types) + t.n,
           CASE WHEN t.type = 'state.mutation_ended' AND m.outcome = 'expired' THEN 'state.mutation_expired'
                WHEN t.type = 'state.acknowledged' AND m.kind = 'restore' THEN 'state.restored' ELSE t.type END,
           coalesce(CASE t.type WHEN 'state.mutation_begun' THEN m.opened_at WHEN 'state.mutation_ended' THEN m.ended_at
                                WHEN 'state.version_created' THEN v.created_at END, NEW.status_since),
           jsonb_strip_nulls(CASE t.type
               WHEN 'state.version_created' THEN
                    jsonb_build_object('version', NEW.current_version, 'kind', v.kind, 'serial', v.serial, 'size', v.size)
               WHEN 'state.unreliable' THEN jsonb_build_object('version', NEW.current_version, 'reason', NEW.status_reason)
               WHEN 'state.corrupt' THEN jsonb_build_object('version', NEW.current_version, 'reason', NEW.status_reason)
               WHEN 'state.deleted' THEN jsonb_build_object('version', NEW.current_version)
               ELSE jsonb_build_object('mutationId', m.id, 'kind', m.kind, 'jobId', m.job_id, 'fence', NEW.fence,
                                       'version', NEW.current_version, 'outcome', m.outcome,
                                       'status', CASE WHEN t.type <> 'state.mutation_begun' THEN NEW.status END) END)
      FROM unnest(types) WITH ORDINALITY t (type, n);
    RETURN NULL;
END $$;
CREATE TRIGGER states_numbers_of_new BEFORE INSERT ON states FOR EACH ROW EXECUTE FUNCTION states_numbers();
CREATE TRIGGER states_numbers BEFORE UPDATE ON states
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.fence <> NEW.fence OR OLD.current_version <> NEW.current_version)
    EXECUTE FUNCTION states_numbers();
CREATE TRIGGER states_inserted AFTER INSERT ON states
    FOR EACH ROW WHEN (NEW.event_seq > 0) EXECUTE FUNCTION states_events();
CREATE TRIGGER states_updated AFTER UPDATE ON states
    FOR EACH ROW WHEN (OLD.event_seq <> NEW.event_seq
                       AND (OLD.status <> NEW.status OR OLD.fence <> NEW.fence OR OLD.current_version <> NEW.current_version))
    EXECUTE FUNCTION states_events();

CREATE FUNCTION state_rejects_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_event('state', NEW.state_id, 'state.write_rejected', NEW.created_at, jsonb_strip_nulls(
                jsonb_build_object('rejectId', NEW.id, 'reason', NEW.reason, 'version', NEW.base_version, 'serial', NEW.serial)));
    RETURN NULL;
END $$;
CREATE TRIGGER state_rejects_events AFTER INSERT ON state_rejects FOR EACH ROW EXECUTE FUNCTION state_rejects_events();

-- A refresh accepts the drift that it finds. The transaction that inserts a result has the row of its workspace locked.
CREATE FUNCTION reconciliation_results_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_event('workspace', NEW.workspace_id,
                         CASE NEW.kind WHEN 'state_refresh' THEN 'drift.accepted' ELSE 'drift.detected' END, NEW.created_at,
                         jsonb_build_object('resultId', NEW.id, 'resources', NEW.drifted, 'recommended', NEW.recommended));
    RETURN NULL;
END $$;
CREATE TRIGGER reconciliation_results_events AFTER INSERT ON reconciliation_results
    FOR EACH ROW WHEN (NEW.has_drift) EXECUTE FUNCTION reconciliation_results_events();

-- After the statement: an operation that is not inserted, because one of its type is running, tells nothing.
CREATE FUNCTION cleanup_operations_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_event('cleanup', NEW.id,
                         CASE NEW.status WHEN 'running' THEN 'cleanup.begun' ELSE 'cleanup.' || NEW.status END,
                         coalesce(NEW.ended_at, NEW.started_at), jsonb_strip_nulls(jsonb_build_object(
                             'type', NEW.type, 'examined', NEW.examined, 'deleted', NEW.deleted, 'bytes', NEW.bytes,
                             'objects', NEW.objects, 'errorCode', NEW.error_code)));
    RETURN NULL;
END $$;
CREATE TRIGGER cleanup_operations_begun AFTER INSERT ON cleanup_operations
    FOR EACH ROW EXECUTE FUNCTION cleanup_operations_events();
CREATE TRIGGER cleanup_operations_ended AFTER UPDATE ON cleanup_operations
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION cleanup_operations_events();
