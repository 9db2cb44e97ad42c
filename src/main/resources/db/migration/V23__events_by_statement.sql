-- A statement that takes the next number of a workspace's partition appends that event itself (lifecycle.WorkspaceEvents). A
-- claim or the end of a build costs less so. The trigger appends the events of every other statement, as before, and of the
-- servers of before.
CREATE OR REPLACE TRIGGER workspaces_tell_events BEFORE UPDATE ON workspaces
    FOR EACH ROW WHEN (OLD.event_seq = NEW.event_seq
                       AND (OLD.prebuild <> NEW.prebuild OR OLD.build_status <> NEW.build_status
                            OR (OLD.deletion_wanted_at IS NULL) <> (NEW.deletion_wanted_at IS NULL)
                            OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)
                            OR OLD.state_status IS DISTINCT FROM NEW.state_status))
    EXECUTE FUNCTION workspaces_events();
