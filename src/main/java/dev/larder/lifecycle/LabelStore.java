package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Labels of claims and of states with a name. They are replaced as a whole. */
@ApplicationScoped
public class LabelStore {

    /** A condition: a row of {@code labels} has these. Parameters {@code :pairs} (jsonb) and {@code :keys}. */
    private static final String MATCHING = "l.pairs @> :pairs::jsonb AND l.pairs ?& :keys::text[]";

    private final Pool pool;

    public LabelStore(Pool pool) {
        this.pool = pool;
    }

    /**
     * Labels as they are.
     *
     * @param version 1 where there never were any; it grows with each replacement
     */
    public record Labels(Map<String, String> pairs, int version) {}

    /**
     * The CTE that writes the labels of new claims.
     *
     * @param claims a relation {@code m} with {@code claim_id} and {@code labels}, a text of JSON or null
     */
    public static String write(String claims) {
        return """
                labelled AS (
                    INSERT INTO labels (subject_id, pairs)
                    SELECT m.claim_id, m.labels::jsonb FROM %s m WHERE m.labels IS NOT NULL)""".formatted(claims);
    }

    /** A condition: the claim or the state has the labels. Parameters {@code :pairs} and {@code :keys}. */
    public static String labelled(String subject) {
        return "%s IN (SELECT l.subject_id FROM labels l WHERE %s)".formatted(subject, MATCHING);
    }

    /** A condition: the claim that holds the workspace has the labels. The same parameters. */
    public static String held(String workspace) {
        return """
                %s IN (SELECT c.workspace_id FROM labels l JOIN claims c ON c.id = l.subject_id
                                 WHERE c.ended_at IS NULL AND %s)""".formatted(workspace, MATCHING);
    }

    /** A value: the labels of the claim or the state as JSON; null where it has none. */
    public static String of(String subject) {
        return "(SELECT l.pairs FROM labels l WHERE l.subject_id = %s) AS labels".formatted(subject);
    }

    /** A value: the labels of the claim that holds the workspace as JSON; null where there are none. */
    public static String ofHolder(String workspace) {
        return """
                (SELECT l.pairs FROM claims c JOIN labels l ON l.subject_id = c.id
                          WHERE c.workspace_id = %s AND c.ended_at IS NULL) AS labels""".formatted(workspace);
    }

    /** The labels of a row that has a column {@code labels}. */
    public static Map<String, String> in(Row row) {
        return pairs(row.getJsonObject("labels"));
    }

    private static Map<String, String> pairs(@Nullable JsonObject json) {
        Map<String, String> pairs = new TreeMap<>();
        if (json != null) {
            json.forEach(pair -> pairs.put(pair.getKey(), String.valueOf(pair.getValue())));
        }
        return pairs;
    }

    private static final Sql HOLDER =
            Sql.of("SELECT id FROM claims WHERE workspace_id = :workspace AND ended_at IS NULL", "workspace");

    /** The claim that holds the workspace; empty where none does. */
    public Uni<Optional<UUID>> holder(UUID workspace) {
        return HOLDER.on(pool, workspace).map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final Sql FIND =
            Sql.of("SELECT pairs AS labels, version FROM labels WHERE subject_id = :subject", "subject");

    /** Of a claim or of a state. */
    public Uni<Labels> find(UUID subject) {
        return FIND.on(pool, subject)
                .map(rows -> Rows.first(rows, row -> new Labels(in(row), row.getInteger("version"))))
                .map(found -> found.orElseGet(() -> new Labels(Map.of(), 1)));
    }

    private static final Sql REPLACE = Sql.of("""
            INSERT INTO labels AS l (subject_id, pairs)
            SELECT :subject::uuid, :pairs::jsonb
             WHERE coalesce(:expected::integer, 1) = 1
                OR EXISTS (SELECT FROM labels e WHERE e.subject_id = :subject)
                ON CONFLICT (subject_id) DO UPDATE SET pairs = excluded.pairs, version = l.version + 1
             WHERE :expected IS NULL OR l.version = :expected
            RETURNING version""", "subject", "pairs", "expected");

    /**
     * Replaces all labels.
     *
     * @param expected the version that they must have, where given
     * @return the new version; empty where they have another one
     */
    public Uni<Optional<Integer>> replace(UUID subject, Map<String, String> pairs, OptionalInt expected) {
        return REPLACE.on(
                        pool,
                        subject,
                        new JsonObject(new TreeMap<>(pairs)),
                        expected.isPresent() ? expected.getAsInt() : null)
                .map(rows -> Rows.first(rows, row -> row.getInteger("version")));
    }
}
