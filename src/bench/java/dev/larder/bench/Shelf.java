package dev.larder.bench;

import dev.larder.database.Encryption;
import dev.larder.model.Ids;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * One organization with one template, its presets, a member with a token, and as many ready prebuilds as a measurement
 * needs: filled by SQL, in the form in which the workers leave them, outputs sealed.
 */
final class Shelf implements AutoCloseable {

    static final String ORGANIZATION = "bench";
    static final String TEMPLATE = "thing";
    static final String ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    /** The most that a preset may declare. */
    static final int INSTANCES_MAX = 1_000;

    private static final int AT_ONCE = 5_000;

    private final Base base;
    private final Pool filler;
    private final Encryption encryption = new Encryption(ENCRYPTION_KEY);
    private final Ids ids = new Ids(InstantSource.system());
    private final String token;
    private final UUID organization = ids.next();
    private final UUID template = ids.next();
    private final UUID version = ids.next();
    private final UUID member = ids.next();
    private final UUID worker = ids.next();
    private int presets;

    Shelf(Base base) {
        this.base = base;
        this.filler = base.pool(1);
        // The constraints hold by construction; checking the references row by row would be most of the filling.
        on("SET session_replication_role = replica");
        byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        token = "larder_" + Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
        on("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, now())", organization, ORGANIZATION);
        on("""
                INSERT INTO users (id, organization_id, name, role, created_at)
                VALUES ($1, $2, 'claimer', 'member', now())""", member, organization);
        on("""
                INSERT INTO tokens (id, user_id, name, hash, created_at) VALUES ($1, $2, 'bench', $3, now())""", ids.next(), member, hash(token));
        on("""
                INSERT INTO templates (id, organization_id, name, active_version_id, latest_number, created_at)
                VALUES ($1, $2, $3, $4, 1, now())""", template, organization, TEMPLATE, version);
        on("""
                INSERT INTO template_versions (id, template_id, organization_id, number, backend, files, content_hash,
                                               created_by, created_at)
                SELECT $1, $2, $3, 1, 'exec', '{}', sha256('x'), id, now() FROM users WHERE role = 'system'""", version, template, organization);
        on("""
                INSERT INTO workers (id, name, backends, slots, created_at, last_seen_at, stopped_at)
                VALUES ($1, 'bench', '{exec}', 1, now(), now(), now())""", worker);
    }

    private void on(String sql, Object... values) {
        var done = filler.preparedQuery(sql).executeAndAwait(Tuple.from(List.of(values)));
    }

    private static Buffer hash(String token) {
        try {
            return Buffer.buffer(
                    MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    Ids ids() {
        return ids;
    }

    UUID organization() {
        return organization;
    }

    UUID member() {
        return member;
    }

    /** The member's. */
    String token() {
        return token;
    }

    /**
     * A preset without a stock.
     *
     * @param instances as declared
     */
    UUID preset(String name, int instances) {
        UUID preset = ids.next();
        on("""
                INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances, attempts)
                VALUES ($1, $2, $3, $4, $5, $6, $7, 1)""", preset, version, template, organization, presets++, name, instances);
        on(
                "INSERT INTO attempts (preset_id, number, size, created_at) VALUES ($1, 1, $2, now())",
                preset,
                Math.max(1, instances));
        return preset;
    }

    private static final String READY = """
            WITH item AS (
                SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::bytea[]) WITH ORDINALITY i (id, build, outputs, n)),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                        created_at, ready_at, build_id, build_number, transition, build_status,
                                        build_finished_at, outputs_sealed)
                SELECT i.id, p.organization_id, s.id, true, p.template_id, p.version_id, p.id,
                       'prebuild-' || right(i.id::text, 12), now() + n * interval '1 microsecond', now(), i.build, 1, 'start',
                       'succeeded', now(), i.outputs
                  FROM item i, presets p, users s WHERE p.id = $1 AND s.role = 'system'),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    attempt, created_at)
                SELECT i.build, i.id, 1, 'start', s.id, 'prebuild', p.version_id, p.id, 1, now()
                  FROM item i, presets p, users s WHERE p.id = $1 AND s.role = 'system')
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, attempt, started_at, deadline_at, worker_id, completed_at)
            SELECT i.build, i.build, i.id, p.organization_id, 'exec', 1, now(), now(), 600, 1, now(), now(), $5, now()
              FROM item i, presets p WHERE p.id = $1""";

    /** Puts so many more in stock, each created after the ones before. */
    void add(UUID preset, int count) {
        for (int left = count; left > 0; left -= AT_ONCE) {
            int now = Math.min(left, AT_ONCE);
            UUID[] workspaces = new UUID[now];
            UUID[] builds = new UUID[now];
            Buffer[] outputs = new Buffer[now];
            for (int i = 0; i < now; i++) {
                workspaces[i] = ids.next();
                builds[i] = ids.next();
                outputs[i] = Buffer.buffer(encryption.encrypt(
                        workspaces[i], "{\"url\":\"postgresql://user:" + ids.suffix() + "@db.example:5432/w\"}"));
            }
            on(READY, preset, workspaces, builds, outputs, worker);
        }
    }

    private static final String WAITING = """
            WITH item AS (
                SELECT * FROM unnest($2::uuid[], $3::uuid[]) i (id, build)),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                        created_at, build_id, build_number, transition, build_status)
                SELECT i.id, p.organization_id, s.id, true, p.template_id, p.version_id, p.id,
                       'prebuild-' || right(i.id::text, 12), now(), i.build, 1, 'start', 'pending'
                  FROM item i, presets p, users s WHERE p.id = $1 AND s.role = 'system'),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    attempt, created_at)
                SELECT i.build, i.id, 1, 'start', s.id, 'prebuild', p.version_id, p.id, 1, now()
                  FROM item i, presets p, users s WHERE p.id = $1 AND s.role = 'system')
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild)
            SELECT i.build, i.build, i.id, p.organization_id, 'exec', 1, now(), now(), 600, true
              FROM item i, presets p WHERE p.id = $1""";

    /** Leaves just so many jobs waiting and nothing else, and settles the database. */
    void queue(UUID preset, int count) {
        on(
                "TRUNCATE workspaces, builds, jobs, job_logs, claims, dirty_presets, states, state_mutations, state_versions,"
                        + " state_rejects CASCADE");
        for (int left = count; left > 0; left -= AT_ONCE) {
            int now = Math.min(left, AT_ONCE);
            UUID[] workspaces = new UUID[now];
            UUID[] builds = new UUID[now];
            for (int i = 0; i < now; i++) {
                workspaces[i] = ids.next();
                builds[i] = ids.next();
            }
            on(WAITING, preset, workspaces, builds);
        }
        // Otherwise what was filled would be counted among what is measured, up to ten seconds later.
        on("SELECT pg_stat_force_next_flush()");
        base.settle();
    }

    /**
     * Leaves just as many jobs of these presets waiting as they declare at most, and all other presets' stock as it
     * is.
     */
    void wave(List<UUID> of) {
        on("""
                WITH gone AS (DELETE FROM workspaces WHERE preset_id = ANY ($1) RETURNING id),
                build AS (DELETE FROM builds b USING gone WHERE b.workspace_id = gone.id)
                DELETE FROM jobs j USING gone WHERE j.workspace_id = gone.id""", (Object) of.toArray(UUID[]::new));
        on("DELETE FROM dirty_presets");
        of.forEach(preset -> on(WAITING, preset, ids(INSTANCES_MAX), ids(INSTANCES_MAX)));
        on("SELECT pg_stat_force_next_flush()");
        base.settle();
    }

    private UUID[] ids(int count) {
        return Stream.generate(ids::next).limit(count).toArray(UUID[]::new);
    }

    /** One more job, committed; its id. */
    UUID waitingOne(UUID preset) {
        UUID job = ids.next();
        on(WAITING, preset, new UUID[] {ids.next()}, new UUID[] {job});
        return job;
    }

    /** Jobs that nobody has. */
    long waiting() {
        return base.number("SELECT count(*) FROM jobs WHERE started_at IS NULL AND completed_at IS NULL");
    }

    /** How many could be claimed. */
    int ready(UUID preset) {
        return (int) base.number("""
                SELECT count(*) FROM workspaces
                 WHERE preset_id = $1 AND prebuild AND ready_at IS NOT NULL AND transition = 'start'
                   AND build_status = 'succeeded' AND deletion_wanted_at IS NULL""", preset);
    }

    /** So many presets more, each with just what it declares: ready, and without outputs, which nobody asks for. */
    void stock(int count, int ready) {
        on("""
                WITH preset AS (
                    INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances, attempts)
                    SELECT gen_random_uuid(), $1, $2, $3, $4 + n, 'stock-' || n, $6, 1 FROM generate_series(1, $5::integer) n
                    RETURNING *),
                attempt AS (
                    INSERT INTO attempts (preset_id, number, size, created_at) SELECT id, 1, $6, now() FROM preset),
                item AS (
                    SELECT p.*, gen_random_uuid() AS workspace, gen_random_uuid() AS build, s.id AS owner
                      FROM preset p, generate_series(1, $6::integer), users s WHERE s.role = 'system'),
                workspace AS (
                    INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                            created_at, ready_at, build_id, build_number, transition, build_status,
                                            build_finished_at)
                    SELECT workspace, organization_id, owner, true, template_id, version_id, id, 'prebuild-' || workspace,
                           now(), now(), build, 1, 'start', 'succeeded', now()
                      FROM item),
                build AS (
                    INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                        attempt, created_at)
                    SELECT build, workspace, 1, 'start', owner, 'prebuild', version_id, id, 1, now() FROM item)
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds, attempt, started_at, deadline_at, worker_id, completed_at)
                SELECT build, build, workspace, organization_id, 'exec', 1, now(), now(), 600, 1, now(), now(), $7, now()
                  FROM item""", version, template, organization, presets, count, ready, worker);
        presets += count + 1;
    }

    /**
     * Brings the stock to just that many, the newest of them removed where there are more, and settles the
     * database.
     */
    void refill(UUID preset, int wanted) {
        int ready = ready(preset);
        if (ready > wanted) {
            on("""
                    UPDATE workspaces SET deletion_wanted_at = now()
                     WHERE id IN (SELECT id FROM workspaces WHERE preset_id = $1 AND prebuild ORDER BY created_at DESC LIMIT $2)""", preset, ready - wanted);
            on(
                    LEAVE.replace("AND w.prebuild", "AND w.prebuild AND w.deletion_wanted_at IS NOT NULL"),
                    preset,
                    member,
                    worker);
        }
        add(preset, Math.max(0, wanted - ready));
        base.settle();
    }

    long claims() {
        return base.number("SELECT count(*) FROM claims");
    }

    private static final String LEAVE = """
            WITH taken AS (
                UPDATE workspaces w SET owner_id = $2, prebuild = false, claimed_at = now(), version = 2,
                       deletion_wanted_at = now(), deleted_at = now(), build_id = md5(w.id || 'd')::uuid, build_number = 2,
                       transition = 'delete'
                 WHERE w.preset_id = $1 AND w.prebuild
                RETURNING w.*),
            claim AS (
                INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key,
                                    request_hash, created_at, granted_at, generation, ended_at, ended_reason)
                SELECT md5(id || 'c')::uuid, organization_id, $2, id, preset_id, 'warm', 'old-' || id, sha256('x'), now(),
                       now(), 2, now(), 'released' FROM taken),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    created_at)
                SELECT build_id, id, 2, 'delete', $2, 'release', version_id, preset_id, now() FROM taken)
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, attempt, started_at, deadline_at, worker_id, completed_at)
            SELECT build_id, build_id, id, organization_id, 'exec', 1, now(), now(), 600, 1, now(), now(), $3, now()
              FROM taken""";

    /** So many more that were built, claimed, given back and deleted. The stock of the preset must be empty. */
    void history(UUID preset, int count) {
        add(preset, count);
        on(LEAVE, preset, member, worker);
    }

    @Override
    public void close() {
        filler.closeAndAwait();
    }
}
