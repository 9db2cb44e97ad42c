package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Shows the files of a version. */
@ApplicationScoped
class VersionFileReads {

    private final Pool pool;

    VersionFileReads(Pool pool) {
        this.pool = pool;
    }

    /**
     * A file of a version.
     *
     * @param uploaded whether the declaration refers to it, instead of having it as text
     */
    @Schema(name = "VersionFile")
    record VersionFile(String path, String digest, long bytes, boolean uploaded) {}

    private static final String FILES = """
            SELECT e.key AS path, v.organization_id, jsonb_typeof(e.value) = 'object' AS uploaded,
                   CASE jsonb_typeof(e.value) WHEN 'object' THEN e.value ->> 'digest'
                        ELSE 'sha256:' || encode(sha256(convert_to(e.value #>> '{}', 'UTF8')), 'hex') END AS digest,
                   CASE jsonb_typeof(e.value) WHEN 'object' THEN (e.value ->> 'bytes')::bigint
                        ELSE octet_length(e.value #>> '{}') END AS bytes,
                   CASE jsonb_typeof(e.value) WHEN 'string' THEN e.value #>> '{}' END AS text
              FROM templates t
              JOIN template_versions v ON v.template_id = t.id AND v.number = :number
             CROSS JOIN LATERAL jsonb_each(v.files) e
             WHERE\s""" + CatalogReads.NAMED;

    private static final Sql LIST = Sql.of(
            "SELECT path, digest, bytes, uploaded FROM (" + FILES + ") f ORDER BY path",
            "number",
            "organization_name",
            "template",
            "organization");

    /** In the order of their paths; at most 100. Empty also where there is no such version. */
    Uni<List<VersionFile>> list(TemplateName name, int number) {
        return LIST.on(pool, number, name.organization(), name.template(), name.callersOrganization())
                .map(rows -> Rows.list(rows, VersionFileReads::file));
    }

    private static VersionFile file(Row row) {
        return new VersionFile(
                row.getString("path"), row.getString("digest"), row.getLong("bytes"), row.getBoolean("uploaded"));
    }

    /**
     * A file of a version, found by its digest.
     *
     * @param text null for an uploaded file
     */
    record Found(UUID organization, @Nullable String text) {}

    private static final Sql FIND = Sql.of(
            "SELECT organization_id, text FROM (" + FILES
                    + ") f WHERE digest = :digest ORDER BY uploaded, path LIMIT 1",
            "number",
            "organization_name",
            "template",
            "organization",
            "digest");

    Uni<Optional<Found>> find(TemplateName name, int number, String digest) {
        return FIND.on(pool, number, name.organization(), name.template(), name.callersOrganization(), digest)
                .map(rows -> Rows.first(rows, row -> new Found(row.getUUID("organization_id"), row.getString("text"))));
    }
}
