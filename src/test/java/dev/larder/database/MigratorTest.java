package dev.larder.database;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.lifecycle.Completed;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.Transition;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MigratorTest {

    private static final String FOLDER = "/db/migration/";

    // Its schema is exchanged under its connections: nobody else is to have it.
    private final Database database = Databases.fresh();
    private final Pool pool = database.pool();

    @AfterEach
    void close() {
        pool.closeAndAwait();
    }

    // One that somebody gave back while a worker was preparing it: more than one migration has to do with it.
    @ParameterizedTest
    @ValueSource(ints = {4, 5, 6, 7, 8})
    void what_a_worker_was_at_before_an_upgrade_it_ends_after_it(int version) {
        install(version);
        sql(UNDER_WAY);

        await(new Migrator(pool, InstantSource.system()).migrate());

        Row job = row("SELECT id, lease_token, workspace_id, status FROM jobs");
        assertThat(job.getString("status")).isEqualTo("running");
        Encryption encryption = new Encryption("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
        Lease lease = new Lease(
                job.getUUID("id"),
                job.getUUID("lease_token"),
                1,
                job.getUUID("workspace_id"),
                Transition.START,
                "claim",
                false);
        EndBuildStore ends = new EndBuildStore(pool, encryption, new Ids(InstantSource.system()));
        assertThat(await(ends.complete(lease, new JobOutcome.Succeeded(Map.of()), Instant.now())))
                .map(Completed::status)
                .contains(JobStatus.SUCCEEDED);
        assertThat(row("SELECT build_status FROM workspaces").getString("build_status"))
                .isEqualTo("succeeded");
    }

    /** What a server of version 16 does after the upgrade: it knows nothing of states. */
    @Test
    void a_server_of_before_leases_no_job_that_needs_a_mutation_and_its_stock_stays_claimable() {
        install(16);
        sql(UNDER_WAY.replace("'running', true, 1", "'pending', true, 1"));
        await(new Migrator(pool, InstantSource.system()).migrate());

        sql("UPDATE jobs SET completed_at = now(), lease_token = NULL");
        sql("UPDATE workspaces SET build_status = 'succeeded', build_finished_at = now(), ready_at = now()");
        assertThat(row("SELECT count(*) AS n FROM workspaces w WHERE " + Rules.reliable("w"))
                        .getLong("n"))
                .isOne();

        sql("UPDATE template_versions SET backend = 'terraform'");
        sql("""
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT md5('second')::uuid, id, 2, 'start', owner_id, 'claim', version_id, preset_id, now() FROM workspaces;
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds)
                SELECT md5('second')::uuid, md5('second')::uuid, w.id, w.organization_id, 'terraform', 1, now(), now(), 600
                  FROM workspaces w""");
        assertThatThrownBy(() -> sql("""
                        UPDATE jobs SET started_at = now(), deadline_at = now() + interval '10 minutes', attempt = 1,
                               lease_token = gen_random_uuid(), worker_id = (SELECT id FROM workers)
                         WHERE started_at IS NULL""")).hasMessageContaining("jobs_mutation");
    }

    private static final String UNDER_WAY = """
            INSERT INTO organizations (id, name, created_at) VALUES (md5('organization')::uuid, 'acme', now());
            INSERT INTO users (id, organization_id, name, role, created_at)
            SELECT md5('user')::uuid, id, 'anna', 'member', now() FROM organizations;
            INSERT INTO templates (id, organization_id, name, created_at)
            SELECT md5('template')::uuid, id, 'box', now() FROM organizations;
            INSERT INTO template_versions (id, template_id, organization_id, number, backend, files, content_hash, created_by, created_at)
            SELECT md5('version')::uuid, t.id, t.organization_id, 1, 'exec', '{"start.sh": "true"}', sha256('x'), u.id, now()
              FROM templates t, users u WHERE u.name = 'anna';
            INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances)
            SELECT md5('preset')::uuid, id, template_id, organization_id, 0, 'small', 1 FROM template_versions;
            INSERT INTO workers (id, name, backends, slots, created_at, last_seen_at)
            VALUES (md5('worker')::uuid, 'worker', '{exec}', 1, now(), now());
            BEGIN;
            INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name, created_at,
                                    claimed_at, deletion_wanted_at, build_id, build_number, transition, build_status, dirty, uses)
            SELECT md5('workspace')::uuid, p.organization_id, u.id, false, p.template_id, p.version_id, p.id, 'one', now(),
                   now(), now(), md5('build')::uuid, 1, 'start', 'running', true, 1
              FROM presets p, users u WHERE u.name = 'anna';
            INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
            SELECT build_id, id, 1, 'start', owner_id, 'claim', version_id, preset_id, now() FROM workspaces;
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, attempt, started_at, deadline_at, worker_id, lease_token)
            SELECT md5('job')::uuid, w.build_id, w.id, w.organization_id, 'exec', 1, now(), now(), 600, 1, now(),
                   now() + interval '10 minutes', k.id, gen_random_uuid()
              FROM workspaces w, workers k;
            COMMIT;""";

    /** As a server of then has left it. */
    private void install(int version) {
        sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        sql(
                "CREATE TABLE schema_history (file text PRIMARY KEY, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL)");
        List<String> files = read("index.txt").lines().limit(version).toList();
        assertThat(files.getLast()).startsWith("V" + version + "__");
        files.forEach(this::apply);
    }

    private void apply(String file) {
        String text = read(file);
        sql("BEGIN; " + text + "; COMMIT");
        pool.preparedQuery("INSERT INTO schema_history VALUES ($1, $2, $3)")
                .execute(Tuple.of(
                        file, io.vertx.core.buffer.Buffer.buffer(sha256(text)), OffsetDateTime.now(ZoneOffset.UTC)))
                .await()
                .indefinitely();
    }

    private void sql(String statements) {
        pool.query(statements).execute().await().indefinitely();
    }

    private Row row(String query) {
        return await(pool.query(query).execute()).iterator().next();
    }

    private static String read(String file) {
        try (InputStream in = MigratorTest.class.getResourceAsStream(FOLDER + file)) {
            return new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
