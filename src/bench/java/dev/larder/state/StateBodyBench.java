package dev.larder.state;

import dev.larder.database.Connections;
import dev.larder.database.Encryption;
import dev.larder.database.Migrator;
import dev.larder.model.Ids;
import dev.larder.state.Promotion.Result;
import dev.larder.testing.EmbeddedPostgres;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * How long one client waits for a state to be written and read: 100 KiB, 1 MiB, 10 MiB. Beside it, in turns,
 * two raw statements with the same condition on the current version: one has the bytes that Larder has
 * sealed, which are compressed, and one the bytes as they were uploaded.
 */
public final class StateBodyBench {

    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final int WARM_UPS = 30;

    /** {@code -Dbench.rounds=}: so many times ten are measured of each. */
    private static final int TIMES = 10 * Integer.getInteger("bench.rounds", 5);

    private final Vertx vertx = Vertx.vertx();
    private final InstantSource clock = InstantSource.system();
    private final Ids ids = new Ids(clock);
    private final Pool pool;
    private final SnapshotStore cold;
    private final SnapshotStore cached;
    private final Map<String, double[]> millis = new LinkedHashMap<>();
    private UUID state = new UUID(0, 0);
    private UUID mutation = new UUID(0, 0);
    private long serial;

    private StateBodyBench(PgConnectOptions options) {
        this.pool = PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(4))
                .connectingTo(Connections.prepared(options))
                .using(vertx)
                .build();
        Encryption encryption = new Encryption(Base64.getEncoder().encodeToString(new byte[32]));
        this.cold = store(encryption, new BodyCache(0));
        this.cached = store(encryption, new BodyCache(64 << 20));
    }

    private SnapshotStore store(Encryption encryption, BodyCache cache) {
        StateKeys keys = new StateKeys(encryption, Optional.empty(), Optional.empty());
        Vault vault =
                new Vault(encryption, keys, new PostgresBodies(), cache, ids, new Vault.Sizes(32 << 20, 128 << 20));
        return new SnapshotStore(new StateReads(pool), new VersionStore(pool, ids), vault, clock);
    }

    public static void main() throws IOException {
        Path folder = Files.createDirectories(Path.of("target", "bench"))
                .resolve("state-bodies-" + ProcessHandle.current().pid());
        try (EmbeddedPostgres server = EmbeddedPostgres.measured(folder)) {
            StateBodyBench bench = new StateBodyBench(server.options("postgres"));
            bench.measure();
            bench.pool.closeAndAwait();
            bench.vertx.closeAndAwait();
            server.close();
            delete(server.folder());
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> below = Files.walk(folder)) {
            for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static <T> T await(Uni<T> uni) {
        return uni.await().atMost(PATIENCE);
    }

    private RowSet<Row> sql(String sql, Object... values) {
        return await(pool.preparedQuery(sql).execute(Tuple.from(Arrays.asList(values))));
    }

    private void measure() {
        await(new Migrator(pool, clock).migrate());
        RowSet<Row> made = sql("CREATE TABLE raw_heads (id uuid PRIMARY KEY, version bigint NOT NULL)");
        made = sql("CREATE TABLE raw_versions (id uuid, version bigint, body bytea, PRIMARY KEY (id, version))");
        made = sql("ALTER TABLE raw_versions ALTER COLUMN body SET STORAGE EXTERNAL");
        for (int size : new int[] {100 << 10, 1 << 20, 10 << 20}) {
            int times = size < 10 << 20 ? TIMES : Math.max(10, TIMES / 4);
            begin();
            run(size, size < 10 << 20 ? 10 * WARM_UPS : WARM_UPS);
            begin();
            run(size, times);
            print(size, times);
        }
    }

    /** New states; what was written before is removed. */
    private void begin() {
        millis.clear();
        for (String table : new String[] {"raw_heads", "raw_versions", "state_versions"}) {
            RowSet<Row> emptied = sql("TRUNCATE " + table + " CASCADE");
        }
        state = ids.next();
        mutation = ids.next();
        UUID owner = ids.next();
        RowSet<Row> made = sql(
                "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, now())", owner, "o-" + ids.suffix());
        made = sql(
                "INSERT INTO users (id, name, role, created_at) VALUES ($1, $2, 'owner', now())",
                owner,
                "u-" + ids.suffix());
        made = sql("""
                INSERT INTO states (id, organization_id, name, owner_id, created_at, status, status_since, fence)
                VALUES ($1, $2, $3, $2, now(), 'in_flight', now(), 1)""", state, owner, "s-" + ids.suffix());
        made = sql("""
                INSERT INTO state_mutations (id, state_id, fence, kind, user_id, base_version, previous_status, previous_since,
                                             opened_at, lease_expires_at)
                VALUES ($1, $2, 1, 'update', $3, 0, 'new', now(), now(), now() + interval '1 day')""", mutation, state, owner);
        made = sql("INSERT INTO raw_heads VALUES ($1, 0), ($2, 0)", SEALED, PLAIN);
    }

    private static final UUID SEALED = new UUID(0, 1);
    private static final UUID PLAIN = new UUID(0, 2);

    private void run(int size, int times) {
        for (int time = 0; time < times; time++) {
            byte[] body = body(++serial, size);
            int at = time;
            note("write", times, at, () -> cold.put(upload(body)).invoke(StateBodyBench::refuse));
            Row row = sql(
                            "SELECT version, body FROM state_versions WHERE state_id = $1 ORDER BY version DESC LIMIT 1",
                            state)
                    .iterator()
                    .next();
            long version = row.getLong("version");
            Buffer sealed = Buffer.buffer(row.getBuffer("body").getBytes());
            Buffer plain = Buffer.buffer(body);
            note("write sealed", times, at, () -> write(SEALED, version, sealed));
            note("write plain", times, at, () -> write(PLAIN, version, plain));
            note("read", times, at, () -> cold.read(state, version));
            Body warm = await(cached.read(state, version));
            if (!Arrays.equals(warm.bytes(), body)) {
                throw new IllegalStateException("read back other bytes");
            }
            note("read cached", times, at, () -> cached.find(state).chain(() -> cached.read(state, version)));
            note("read sealed", times, at, () -> read(SEALED, version));
            note("read plain", times, at, () -> read(PLAIN, version));
            millis.computeIfAbsent("sealed bytes", unseen -> new double[times])[at] = sealed.length();
        }
    }

    private static void refuse(Result result) {
        if (!(result instanceof Result.Promoted)) {
            throw new IllegalStateException("not promoted: " + result);
        }
    }

    private void note(String what, int times, int at, Supplier<Uni<?>> work) {
        long begun = System.nanoTime();
        Object done = await(work.get());
        double took = (System.nanoTime() - begun) / 1e6;
        if (done == null) {
            throw new IllegalStateException("no answer: " + what);
        }
        millis.computeIfAbsent(what, unseen -> new double[times])[at] = took;
    }

    private Upload upload(byte[] body) {
        return new Upload(
                state,
                Optional.of(mutation),
                OptionalLong.empty(),
                body,
                "application/json",
                Upload.Conditions.NONE,
                Optional.empty());
    }

    private Uni<?> write(UUID id, long version, Buffer body) {
        return pool.preparedQuery("""
                        WITH head AS (UPDATE raw_heads SET version = $2 WHERE id = $1 AND version = $2 - 1 RETURNING id, version)
                        INSERT INTO raw_versions SELECT id, version, $3 FROM head RETURNING version""")
                .execute(Tuple.of(id, version, body))
                .map(rows -> rows.iterator().next().getLong(0));
    }

    private Uni<?> read(UUID id, long version) {
        return pool.preparedQuery("SELECT body FROM raw_versions WHERE id = $1 AND version = $2")
                .execute(Tuple.of(id, version))
                .map(rows -> rows.iterator().next().getBuffer(0));
    }

    /** A state as Terraform writes one: repeated names, and identifiers by chance. */
    private static byte[] body(long serial, int size) {
        Random random = new Random(serial);
        StringBuilder body = new StringBuilder(size + 1_000)
                .append("{\n  \"version\": 4,\n  \"terraform_version\": \"1.11.4\",\n  \"serial\": ")
                .append(serial)
                .append(",\n  \"lineage\": \"bench\",\n  \"outputs\": {},\n  \"resources\": [");
        for (int i = 0; body.length() < size - 700; i++) {
            String id = Long.toHexString(random.nextLong());
            body.append(i == 0 ? "" : ",").append(RESOURCE.formatted(i, id, id, id, i, random.nextInt(50), id + id));
        }
        return body.append("]}").toString().getBytes(StandardCharsets.UTF_8);
    }

    private static final String RESOURCE = """

                {
                  "mode": "managed",
                  "type": "aws_instance",
                  "name": "worker_%d",
                  "provider": "provider[\\"registry.terraform.io/hashicorp/aws\\"]",
                  "instances": [
                    {
                      "schema_version": 1,
                      "attributes": {
                        "ami": "ami-%s",
                        "arn": "arn:aws:ec2:eu-central-1:123456789012:instance/i-%s",
                        "associate_public_ip_address": true,
                        "id": "i-%s",
                        "tags": {
                          "Name": "worker-%d",
                          "owner": "team-%d"
                        }
                      },
                      "private": "%s"
                    }
                  ]
                }""";

    private void print(int size, int times) {
        System.out.printf(
                Locale.ROOT,
                "%n%,d KiB, %,.0f KiB sealed, median of %d, in ms%n",
                size >> 10,
                median("sealed bytes") / 1024,
                times);
        for (String what : new String[] {"write", "read", "read cached"}) {
            String raw = what.substring(0, what.indexOf(' ') < 0 ? what.length() : what.indexOf(' '));
            double sealed = median(raw + " sealed");
            double plain = median(raw + " plain");
            System.out.printf(
                    Locale.ROOT,
                    "  %-12s %7.2f   raw SQL: same sealed bytes %7.2f, ratio %5.2f   bytes as uploaded %7.2f, ratio %5.2f%n",
                    what,
                    median(what),
                    sealed,
                    sealed / median(what),
                    plain,
                    plain / median(what));
        }
    }

    private double median(String what) {
        double[] sorted = millis.getOrDefault(what, new double[1]).clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
