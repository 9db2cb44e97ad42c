package dev.larder.files;

import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Removes parts with which no upload has gone on, and files to which no version refers, a day after they were last
 * sent, asked for or declared. The versions of a deleted template do not count once its workspaces are deleted.
 *
 * <p>A declaration touches the files to which it refers in its own transaction, so that one of the two waits for the
 * other: either the declaration finds its file missing, or the clean-up leaves it.
 */
@Singleton
class FileCleanupStore implements CleanupType {

    @Override
    public String name() {
        return "files";
    }

    @Override
    public Retention retention() {
        return Retention.of(Duration.ofDays(1), Duration.ofHours(1));
    }

    @Override
    public List<String> tables() {
        return List.of("files", "file_chunks", "version_files");
    }

    private static final String UNUSED = """
            NOT EXISTS (SELECT FROM version_files v
                         WHERE v.organization_id = f.organization_id AND v.digest = f.digest)""";

    // A batch has at most 256 MiB and one file more: its deletion takes a second or two. The row is locked as it is
    // then: a declaration that was first has touched it, and it is left.
    private static final Sql REMOVE = Sql.of("""
            WITH place AS (
                SELECT coalesce(split_part(:position::text, ' ', 1)::timestamptz, '-infinity') AS touched,
                       coalesce(split_part(:position, ' ', 2)::uuid, '00000000-0000-0000-0000-000000000000') AS id),
            old AS (
                SELECT f.id, f.touched_at, f.received, {unused} AS unused
                  FROM files f
                 WHERE (f.touched_at, f.id) > ((SELECT touched FROM place), (SELECT id FROM place))
                   AND f.touched_at < :before::timestamptz
                 ORDER BY f.touched_at, f.id LIMIT :rows::integer),
            examined AS (
                SELECT * FROM (SELECT *, sum(CASE WHEN unused THEN received ELSE 0 END)
                                           OVER (ORDER BY touched_at, id) - received AS earlier FROM old) o
                 WHERE earlier <= 268435456),
            locked AS (
                SELECT f.id FROM files f
                 WHERE f.id = ANY (ARRAY(SELECT id FROM examined WHERE unused)) AND f.touched_at < :before
                   FOR UPDATE SKIP LOCKED),
            pieces AS (
                DELETE FROM file_chunks c WHERE c.file_id = ANY (ARRAY(SELECT id FROM locked))),
            gone AS (
                DELETE FROM files f WHERE f.id = ANY (ARRAY(SELECT id FROM locked)) RETURNING f.received)
            SELECT (SELECT count(*) FROM examined) AS examined, (SELECT count(*) FROM gone) AS deleted,
                   (SELECT coalesce(sum(received), 0)::bigint FROM gone) AS bytes,
                   CASE WHEN (SELECT count(*) FROM old) = :rows
                          OR (SELECT count(*) FROM old) > (SELECT count(*) FROM examined)
                        THEN (SELECT replace(touched_at::text, ' ', 'T') || ' ' || id FROM examined
                               ORDER BY touched_at DESC, id DESC LIMIT 1) END AS position""".replace("{unused}", UNUSED), "position", "before", "rows");

    // The jobs of workspaces that are still there need the files, also those that delete the workspaces.
    private static final Sql RELEASE = Sql.of("""
            DELETE FROM version_files f
             WHERE f.version_id IN (
                   SELECT v.id
                     FROM version_files g
                     JOIN template_versions v ON v.id = g.version_id
                     JOIN templates t ON t.id = v.template_id
                    WHERE t.deleted_at < :before::timestamptz
                      AND NOT EXISTS (SELECT FROM workspaces w
                                       WHERE w.organization_id = t.organization_id AND w.template_id = t.id
                                         AND w.deleted_at IS NULL)
                    LIMIT :rows::integer)""", "before", "rows");

    /** An operation begins with the references of deleted templates. */
    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        Uni<?> released = slice.position() == null
                ? RELEASE.on(transaction, Rows.utc(slice.before()), slice.rows())
                : Uni.createFrom().voidItem();
        return released.chain(() -> REMOVE.on(transaction, slice.position(), Rows.utc(slice.before()), slice.rows()))
                .map(rows -> batch(rows.iterator().next()));
    }

    private static Batch batch(Row row) {
        return new Batch(
                row.getLong("examined"), row.getLong("deleted"), row.getLong("bytes"), 0, row.getString("position"));
    }

    private static final Sql OLDEST =
            Sql.of("SELECT f.touched_at AS at FROM files f WHERE " + UNUSED + " ORDER BY f.touched_at, f.id LIMIT 1");

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return OLDEST.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
