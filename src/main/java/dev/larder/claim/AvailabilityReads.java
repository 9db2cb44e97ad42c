package dev.larder.claim;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** Reads why a claim found no stock, and when another claim may succeed. */
@ApplicationScoped
public class AvailabilityReads {

    private final Pool client;

    public AvailabilityReads(Pool client) {
        this.client = client;
    }

    // A build that has not begun counts at most as far as the newest builds were when they began.
    private static final Sql AVAILABILITY = Sql.of(
            """
            SELECT line.served,
                   t.deprecated_reason, {limited} AS limited,
                   (SELECT count(*)
                      FROM presets m JOIN workspaces w ON w.preset_id = m.id
                     WHERE m.id = ANY (line.served) AND {claimable} AND {fresh}) AS claimable,
                   (SELECT count(*) FROM claims c
                     WHERE c.preset_id = ANY (line.members) AND c.workspace_id IS NULL AND c.ended_at IS NULL) AS waiting,
                   (SELECT count(*) FROM claims c
                     WHERE c.organization_id = p.organization_id AND c.workspace_id IS NULL AND c.ended_at IS NULL)
                       AS waiting_in_organization,
                   ARRAY(SELECT extract(epoch FROM CASE WHEN j.started_at IS NULL
                                                        THEN least(:at::timestamptz - j.created_at, coalesce(r.queued, interval '0'))
                                                        ELSE coalesce(r.queued, interval '0') + (:at::timestamptz - j.started_at) END)::float8 AS progress
                      FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                     WHERE w.preset_id = ANY (line.served) AND w.prebuild AND w.deleted_at IS NULL
                       AND w.transition = 'start' AND w.build_status = 'pending'
                     ORDER BY progress DESC LIMIT 1000) AS starting,
                   extract(epoch FROM r.took)::float8 AS build_seconds
              FROM presets p
              JOIN templates t ON t.id = p.template_id
              JOIN organizations o ON o.id = p.organization_id
             CROSS JOIN LATERAL (
                   SELECT coalesce(array_agg(m.id), '{}') AS members,
                          coalesce(array_agg(m.id ORDER BY m.rollout_role IS NOT DISTINCT FROM 'before') FILTER (WHERE {served}), '{}')
                            AS served
                     FROM presets m WHERE m.id = p.id OR m.rollout_id = p.rollout_id) line
              LEFT JOIN LATERAL (
                   SELECT avg(n.took) AS took, avg(n.queued) AS queued
                     FROM (SELECT j.completed_at - j.created_at AS took, j.started_at - j.created_at AS queued
                             FROM builds b JOIN jobs j ON j.build_id = b.id
                            WHERE b.preset_id = p.id AND b.attempt IS NOT NULL AND j.status = 'succeeded'
                            ORDER BY b.attempt DESC LIMIT 10) n) r ON true
             WHERE p.id = :preset AND {visible}""".replace("{visible}", Rules.visibleTo("p.organization_id"))
                    .replace("{served}", Rules.served("m", "t"))
                    .replace("{limited}", ClaimQuotaStore.LIMITED)
                    .replace("{claimable}", Rules.claimable("w"))
                    .replace("{fresh}", Rules.fresh("w", Rules.freshFrom("m"))),
            "preset",
            "at",
            "organization");

    /** The stock and the running builds of the preset's line. Empty for an unknown preset. */
    public Uni<Optional<Availability>> availability(UUID preset, Optional<UUID> callersOrganization, Instant at) {
        return AVAILABILITY
                .on(client, preset, Rows.utc(at), callersOrganization.orElse(null))
                .map(rows -> Rows.first(rows, AvailabilityReads::availability));
    }

    /**
     * Why a claim found no stock, and when another claim may succeed.
     *
     * @param served the presets of the line whose stock is handed out, the target of a rollout first
     * @param deprecated why the template is deprecated; empty if it is not
     * @param limited whether the organization has a quota
     * @param claimable prebuilds in stock; a claim that found none met the locks of other statements
     * @param waiting claims that wait for a preset of the line
     * @param starting how far each prebuild under way is, compared with {@code buildTime}; the furthest first
     * @param buildTime what the newest starts took from the request to ready; empty if none has succeeded yet
     */
    public record Availability(
            List<UUID> served,
            Optional<String> deprecated,
            boolean limited,
            long claimable,
            long waiting,
            long waitingInOrganization,
            List<Duration> starting,
            Optional<Duration> buildTime) {

        boolean active() {
            return !served.isEmpty();
        }
    }

    private static Availability availability(Row row) {
        return new Availability(
                List.of(row.getArrayOfUUIDs("served")),
                Optional.ofNullable(row.getString("deprecated_reason")),
                Boolean.TRUE.equals(row.getBoolean("limited")),
                row.getLong("claimable"),
                row.getLong("waiting"),
                row.getLong("waiting_in_organization"),
                Stream.of(row.getArrayOfDoubles("starting"))
                        .map(AvailabilityReads::seconds)
                        .toList(),
                Optional.ofNullable(row.getDouble("build_seconds")).map(AvailabilityReads::seconds));
    }

    private static Duration seconds(Double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    // At the server with the most connections left for the organization.
    private static final Sql CONNECTIONS = Sql.of("""
            SELECT l.connections, l.connections_per_organization, l.connections_per_workspace,
                   c.of_organization * l.connections_per_workspace AS of_organization, c.in_all * l.connections_per_workspace AS in_all
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id AND v.backend = 'postgres'
              JOIN inventory_locations l ON l.backend = 'postgres' AND l.connections IS NOT NULL
                                        AND %s
             CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE w.organization_id = p.organization_id) AS of_organization, count(*) AS in_all
                     FROM workspaces w
                    WHERE w.place_id = l.id AND NOT w.prebuild AND NOT w.trial AND w.deleted_at IS NULL
                      AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))) c
             WHERE p.id = :preset
             ORDER BY least(l.connections - c.in_all * l.connections_per_workspace,
                            l.connections_per_organization - c.of_organization * l.connections_per_workspace) DESC
             LIMIT 1""".formatted(Rules.serves("l", "p.organization_id")), "preset");

    /** The use of the PostgreSQL server's connections. Empty if they are not counted. */
    public Uni<Optional<Connections>> connections(UUID preset) {
        return CONNECTIONS
                .on(client, preset)
                .map(rows -> Rows.first(
                        rows,
                        row -> new Connections(
                                row.getInteger("connections_per_workspace"),
                                row.getLong("of_organization"),
                                row.getInteger("connections_per_organization"),
                                row.getLong("in_all"),
                                row.getInteger("connections"))));
    }

    /**
     * Connections of a PostgreSQL server that claimed workspaces may open.
     *
     * @param each of one workspace
     * @param ofOrganization those of the preset's organization, of {@code organizationMax}
     * @param inAll those of all, of {@code max}
     */
    public record Connections(int each, long ofOrganization, int organizationMax, long inAll, int max) {

        /** Whether the organization's share leaves none for one more workspace. */
        public boolean organizationFull() {
            return ofOrganization + each > organizationMax;
        }

        /** Whether there are none for one more workspace of this organization. */
        public boolean full() {
            return organizationFull() || inAll + each > max;
        }
    }
}
