package dev.larder.history.states;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * What the database notes by itself: triggers keep each change of a state's head, each reject, and what was true when a
 * workspace was handed out or removed. So a wrong value is found even where a later change has put it right.
 */
public record Journal(
        List<Head> heads,
        List<Handed> handed,
        List<Removed> removed,
        List<Kept> rejects,
        List<Version> versions,
        List<Mutation> mutations) {

    /** A state's row before and after one statement, in the order of the statements. */
    public record Head(
            UUID state, long wasVersion, long version, long wasFence, long fence, String wasStatus, String status) {}

    /** A workspace that was handed out, with what was known of its state. */
    public record Handed(
            UUID workspace,
            @Nullable String mirror,
            @Nullable String status,
            long open) {}

    /** @param managed resources that the last version lists */
    public record Removed(UUID workspace, int managed) {}

    public record Kept(UUID state, long size) {}

    /** @param mutation null where a person settled the state */
    public record Version(
            UUID state, long version, long size, @Nullable UUID mutation) {}

    /**
     * @param lock of the tool that began it; null for others
     * @param outcome null while it is open
     */
    public record Mutation(
            UUID id,
            UUID state,
            long fence,
            String kind,
            boolean job,
            @Nullable String lock,
            String previous,
            int failedWrites,
            @Nullable String outcome) {}

    private static final String TRIGGERS = """
            CREATE SCHEMA journal;
            CREATE TABLE journal.heads (n bigint GENERATED ALWAYS AS IDENTITY, state_id uuid, was_version bigint, version bigint,
                                        was_fence bigint, fence bigint, was_status text, status text);
            CREATE FUNCTION journal.head() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'INSERT' THEN
                    INSERT INTO journal.heads (state_id, was_version, version, was_fence, fence, was_status, status)
                    VALUES (NEW.id, 0, NEW.current_version, 0, NEW.fence, 'new', NEW.status);
                ELSE
                    INSERT INTO journal.heads (state_id, was_version, version, was_fence, fence, was_status, status)
                    VALUES (NEW.id, OLD.current_version, NEW.current_version, OLD.fence, NEW.fence, OLD.status, NEW.status);
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER journal AFTER INSERT OR UPDATE ON states FOR EACH ROW EXECUTE FUNCTION journal.head();

            CREATE TABLE journal.handed (workspace_id uuid, mirror text, status text, open bigint);
            CREATE FUNCTION journal.hand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal.handed
                VALUES (NEW.id, NEW.state_status, (SELECT s.status FROM states s WHERE s.workspace_id = NEW.id),
                        (SELECT count(*) FROM states s JOIN state_mutations m ON m.state_id = s.id
                          WHERE s.workspace_id = NEW.id AND m.ended_at IS NULL));
                RETURN NULL;
            END $$;
            CREATE TRIGGER journal_handed AFTER UPDATE ON workspaces FOR EACH ROW
                WHEN (OLD.claimed_at IS NULL AND NEW.claimed_at IS NOT NULL) EXECUTE FUNCTION journal.hand();

            CREATE TABLE journal.removed (workspace_id uuid, managed integer);
            CREATE FUNCTION journal.remove() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal.removed
                VALUES (NEW.id, (SELECT coalesce(v.managed, 0) FROM states s JOIN state_versions v
                                     ON v.state_id = s.id AND v.version = s.current_version WHERE s.workspace_id = NEW.id));
                RETURN NULL;
            END $$;
            CREATE TRIGGER journal_removed AFTER UPDATE ON workspaces FOR EACH ROW
                WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION journal.remove();

            CREATE TABLE journal.rejects (state_id uuid, size bigint);
            CREATE FUNCTION journal.reject() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal.rejects VALUES (NEW.state_id, NEW.size);
                RETURN NULL;
            END $$;
            CREATE TRIGGER journal AFTER INSERT ON state_rejects FOR EACH ROW EXECUTE FUNCTION journal.reject();""";

    /** To be called once, before the load. */
    public static void begin(Pool pool) {
        pool.query(TRIGGERS).executeAndAwait();
    }

    /** The database notes nothing any more. */
    public static void end(Pool pool) {
        pool.query("DROP SCHEMA journal CASCADE").executeAndAwait();
    }

    /** To be called after the load. */
    public static Journal read(Pool pool) {
        return new Journal(
                rows(pool, "SELECT * FROM journal.heads ORDER BY n", Journal::head),
                rows(
                        pool,
                        "SELECT * FROM journal.handed",
                        row -> new Handed(
                                row.getUUID("workspace_id"),
                                row.getString("mirror"),
                                row.getString("status"),
                                row.getLong("open"))),
                rows(
                        pool,
                        "SELECT workspace_id, coalesce(managed, 0) AS managed FROM journal.removed",
                        row -> new Removed(row.getUUID("workspace_id"), row.getInteger("managed"))),
                rows(
                        pool,
                        "SELECT * FROM journal.rejects",
                        row -> new Kept(row.getUUID("state_id"), row.getLong("size"))),
                rows(
                        pool,
                        "SELECT state_id, version, size, mutation_id FROM state_versions ORDER BY state_id, version",
                        row -> new Version(
                                row.getUUID("state_id"),
                                row.getLong("version"),
                                row.getLong("size"),
                                row.getUUID("mutation_id"))),
                rows(pool, "SELECT * FROM state_mutations ORDER BY state_id, fence", Journal::mutation));
    }

    private static Head head(Row row) {
        return new Head(
                row.getUUID("state_id"),
                row.getLong("was_version"),
                row.getLong("version"),
                row.getLong("was_fence"),
                row.getLong("fence"),
                row.getString("was_status"),
                row.getString("status"));
    }

    private static Mutation mutation(Row row) {
        return new Mutation(
                row.getUUID("id"),
                row.getUUID("state_id"),
                row.getLong("fence"),
                row.getString("kind"),
                row.getUUID("job_id") != null,
                row.getBoolean("implicit") ? row.getString("lock_id") : null,
                row.getString("previous_status"),
                row.getInteger("failed_writes"),
                row.getString("outcome"));
    }

    private static <T> List<T> rows(Pool pool, String sql, Function<Row, T> map) {
        return StreamSupport.stream(pool.query(sql).executeAndAwait().spliterator(), false)
                .map(map)
                .toList();
    }
}
