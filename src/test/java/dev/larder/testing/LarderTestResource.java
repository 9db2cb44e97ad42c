package dev.larder.testing;

import dev.larder.objects.S3Stub;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The database of the one application that all {@code @QuarkusTest}s share: annotate each with
 * {@code @WithTestResource(LarderTestResource.class)} and nothing else, or a second application starts.
 *
 * <p>It holds an owner whose token is {@link #OWNER_TOKEN}; make organizations of your own, by random names.
 */
public final class LarderTestResource implements QuarkusTestResourceLifecycleManager {

    public static final String OWNER_TOKEN = Planted.TOKEN;
    public static final UUID OWNER_ID = UUID.fromString("00000000-0000-7000-8000-0000000000aa");

    private @Nullable Database database;
    private @Nullable Wire wire;
    private @Nullable S3Stub bucket;

    @Override
    public Map<String, String> start() {
        Database fresh = Databases.fresh();
        database = fresh;
        insertOwner(fresh);
        PgConnectOptions options = fresh.connectOptions();
        Wire between = new Wire(options.getHost(), options.getPort());
        wire = between;
        Map<String, String> settings = new HashMap<>(Map.of(
                "quarkus.datasource.reactive.url",
                "postgresql://" + options.getHost() + ":" + between.port() + "/" + options.getDatabase(),
                "quarkus.datasource.username",
                options.getUser(),
                "quarkus.datasource.password",
                Objects.requireNonNullElse(options.getPassword(), ""),
                "larder.encryption.key",
                Planted.ENCRYPTION_KEY,
                "larder.backend.exec.enabled",
                "true",
                "larder.backend.exec.root",
                Path.of("target", "exec-http").toAbsolutePath().toString(),
                "quarkus.http.test-port",
                "0"));
        // What exists is listed when a test asks for it, and says something of what is a moment old.
        settings.put("larder.inventory.every", "0");
        settings.put("larder.inventory.grace", "0");
        settings.put("larder.http.body-timeout", "1s");
        settings.put("larder.state.body-timeout", "3s");
        settings.put("larder.files.max-size", "16M");
        settings.put("larder.files.idle-timeout", "1s");
        settings.put(
                "larder.worker.files-root",
                Path.of("target", "files-http").toAbsolutePath().toString());
        settings.put("larder.state.named-max", "60");
        settings.put("larder.state.max-size", "4M");
        settings.put("larder.state.hard-max-size", "8M");
        settings.put("larder.database.lock-timeout", "2s");
        settings.put("larder.webhooks.http", "true");
        settings.put("larder.webhooks.allowed-networks", "127.0.0.1/32");
        S3Stub stub = new S3Stub();
        bucket = stub;
        settings.put("larder.objects.kind", "s3");
        settings.put("larder.objects.endpoint", stub.endpoint().toString());
        settings.put("larder.objects.bucket", S3Stub.BUCKET);
        settings.put("larder.objects.access-key", S3Stub.ACCESS_KEY);
        settings.put("larder.objects.secret-key", S3Stub.SECRET);
        settings.put("larder.objects.check-interval", "500ms");
        settings.put("larder.state.inline-below", "4K");
        return settings;
    }

    /** The owner behind {@link #OWNER_TOKEN}. */
    public static void insertOwner(Database database) {
        insertOwner(database.pool());
    }

    /** The same in a migrated database of one's own. */
    public static void insertOwner(Pool pool) {
        OffsetDateTime now = OffsetDateTime.of(2026, 11, 1, 0, 0, 0, 0, ZoneOffset.UTC);
        var user = pool.preparedQuery(
                        "INSERT INTO users (id, name, role, created_at) VALUES ($1, 'test-owner', 'owner', $2)")
                .executeAndAwait(Tuple.of(OWNER_ID, now));
        var token = pool.preparedQuery(
                        "INSERT INTO tokens (id, user_id, name, hash, created_at) VALUES ($1, $1, 'test', $2, $3)")
                .executeAndAwait(Tuple.of(OWNER_ID, io.vertx.core.buffer.Buffer.buffer(sha256(OWNER_TOKEN)), now));
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /**
     * A test that has a field of type {@link Wire} may cut the application off from its database; one with an
     * {@link S3Stub} may do the same to its bucket, in which bodies of states from 4 KiB lie.
     */
    @Override
    public void inject(TestInjector injector) {
        injector.injectIntoFields(wire, new TestInjector.MatchesType(Wire.class));
        injector.injectIntoFields(bucket, new TestInjector.MatchesType(S3Stub.class));
    }

    @Override
    public void stop() {
        if (wire != null) {
            wire.close();
        }
        if (bucket != null) {
            bucket.close();
        }
        if (database != null) {
            database.close();
        }
    }
}
