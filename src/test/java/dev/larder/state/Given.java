package dev.larder.state;

import static dev.larder.testing.Stock.await;

import dev.larder.database.Rows;
import dev.larder.objects.ObjectStore;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Planted;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/** Named states on a {@link Stock}, with mutations of its owner, and a server's view of them. */
final class Given {

    static final String LINEAGE = "6f1c1d2e-lineage";
    static final String SECRET = Planted.SECRET;
    static final String JSON = "application/json";
    private static final long MEGABYTE = 1024 * 1024;

    final Stock stock;
    final StateKeys keys;
    final BodyCache cache;
    final StateReads reads;
    final SnapshotStore states;
    final KeyRotations rotations;

    /** A server with the default key. */
    Given(Stock stock) {
        this(stock, "");
    }

    /**
     * Another server on the same database.
     *
     * @param keys as configured, such as {@code "one two"}; the first one is the current one
     */
    Given(Stock stock, String keys) {
        this(stock, keys, new Vault.Sizes(2 * MEGABYTE, 40 * MEGABYTE));
    }

    Given(Stock stock, String keys, Vault.Sizes sizes) {
        this(stock, keys, sizes, new PostgresBodies());
    }

    /** A server whose bodies lie in this store, if they have so many sealed bytes. */
    Given(Stock stock, ObjectStore store, long bytesMin) {
        this(
                stock,
                "",
                new Vault.Sizes(2 * MEGABYTE, 40 * MEGABYTE),
                new ObjectBodies(store, stock.ids, new ObjectBodies.Sizes(bytesMin, 60 * MEGABYTE)));
    }

    private Given(Stock stock, String keys, Vault.Sizes sizes, StateBodies bodies) {
        this.stock = stock;
        this.keys = new StateKeys(
                stock.encryption,
                keys.isEmpty()
                        ? Optional.empty()
                        : Optional.of(
                                Arrays.stream(keys.split(" ")).map(Given::key).toList()),
                Optional.empty());
        this.cache = new BodyCache(4 * MEGABYTE);
        this.reads = new StateReads(stock.pool);
        Vault vault = new Vault(stock.encryption, this.keys, bodies, cache, stock.ids, sizes);
        this.states = new SnapshotStore(reads, new VersionStore(stock.pool, stock.ids), vault, stock.clock);
        this.rotations = new KeyRotations(new KeyRotationStore(stock.pool, stock.ids), this.keys, stock.clock);
    }

    /** @param name what follows a colon makes another key of the same name */
    private static String key(String name) {
        byte[] bytes = Arrays.copyOf(name.getBytes(StandardCharsets.US_ASCII), 32);
        return name.replaceFirst(":.*", "") + ":" + Base64.getEncoder().encodeToString(bytes);
    }

    /** One that was never written. */
    UUID state() {
        UUID state = stock.ids.next();
        stock.sql(
                "INSERT INTO states (id, organization_id, name, owner_id, created_at, status, status_since)"
                        + " VALUES ($1, $2, $3, $4, $5, 'new', $5)",
                state,
                stock.organization,
                "s-" + stock.ids.suffix(),
                stock.owner.userId(),
                Rows.utc(stock.clock.instant()));
        return state;
    }

    /** A mutation of the owner for an hour. */
    UUID mutation(UUID state) {
        UUID mutation = stock.ids.next();
        stock.sql("""
                WITH head AS (
                    UPDATE states SET fence = fence + 1, status = 'in_flight', status_reason = NULL WHERE id = $1 RETURNING *)
                INSERT INTO state_mutations (id, state_id, fence, kind, user_id, base_version, previous_status,
                                             previous_since, opened_at, lease_expires_at)
                SELECT $2, id, fence, 'update', $3, current_version, 'reliable', $4, $4, $4 + interval '1 hour' FROM head""", state, mutation, stock.owner.userId(), Rows.utc(stock.clock.instant()));
        return mutation;
    }

    /** The mutation has ended, and left the state like this. */
    void end(UUID mutation, String status) {
        stock.sql("""
                WITH ended AS (
                    UPDATE state_mutations m SET ended_at = $2, outcome = 'succeeded', end_version = s.current_version
                      FROM states s WHERE m.id = $1 AND s.id = m.state_id RETURNING m.state_id)
                UPDATE states s SET status = $3,
                       reliable_version = CASE WHEN $3 = 'reliable' THEN current_version ELSE reliable_version END,
                       status_reason = CASE WHEN $3 = 'reliable' THEN NULL ELSE 'worker_lost' END, status_since = $2
                  FROM ended e WHERE s.id = e.state_id""", mutation, Rows.utc(stock.clock.instant()), status);
    }

    /** A reliable state with these bodies as its versions. */
    @CanIgnoreReturnValue
    UUID written(String... bodies) {
        UUID state = state();
        UUID mutation = mutation(state);
        for (String body : bodies) {
            put(state, mutation, body);
        }
        end(mutation, "reliable");
        return state;
    }

    static String body(long serial) {
        return body(serial, LINEAGE, "v" + serial);
    }

    static String body(long serial, String lineage, String value) {
        return """
                {"version": 4, "terraform_version": "1.11.4", "serial": %d, "lineage": "%s",
                 "outputs": {"url": {"value": "%s", "type": "string"},
                             "password": {"value": "%s", "type": "string", "sensitive": true}},
                 "resources": [{"mode": "managed", "type": "terraform_data", "name": "one", "instances": [{"attributes": {}}]}]}
                """.formatted(serial, lineage, value, SECRET);
    }

    static Upload upload(UUID state, UUID mutation, String body) {
        return upload(state, Optional.of(mutation), body.getBytes(StandardCharsets.UTF_8));
    }

    static Upload upload(UUID state, Optional<UUID> mutation, byte[] bytes) {
        return new Upload(state, mutation, OptionalLong.empty(), bytes, JSON, Upload.Conditions.NONE, Optional.empty());
    }

    /** An upload that names the current version. */
    static Upload onVersion(UUID state, UUID mutation, long version, String body) {
        return new Upload(
                state,
                Optional.of(mutation),
                OptionalLong.empty(),
                body.getBytes(StandardCharsets.UTF_8),
                JSON,
                new Upload.Conditions(Optional.empty(), OptionalLong.of(version), false),
                Optional.empty());
    }

    @CanIgnoreReturnValue
    Promotion.Result put(UUID state, UUID mutation, String body) {
        return await(states.put(upload(state, mutation, body)));
    }

    String read(UUID state, long version) {
        return new String(await(states.read(state, version)).bytes(), StandardCharsets.UTF_8);
    }

    /** The code with which a version is not read. */
    String refused(UUID state, long version) {
        try {
            return "read: " + read(state, version).length();
        } catch (StateProblemException refused) {
            return refused.code();
        }
    }

    Snapshot look(UUID state) {
        return await(states.find(state)).orElseThrow();
    }

    /** {@code status(reason)}. */
    String status(UUID state) {
        Snapshot snapshot = look(state);
        return snapshot.status() + (snapshot.reason() == null ? "" : "(" + snapshot.reason() + ")");
    }

    List<Long> versions(UUID state) {
        return longs("SELECT version AS n FROM state_versions WHERE state_id = $1 ORDER BY version", state);
    }

    List<String> rejects(UUID state) {
        return Rows.list(
                await(stock.pool
                        .preparedQuery("SELECT reason FROM state_rejects WHERE state_id = $1 ORDER BY id")
                        .execute(Tuple.of(state))),
                row -> row.getString(0));
    }

    List<Long> longs(String sql, UUID state) {
        return Rows.list(await(stock.pool.preparedQuery(sql).execute(Tuple.of(state))), row -> row.getLong("n"));
    }

    Row mutationRow(UUID mutation) {
        return stock.row("SELECT * FROM state_mutations WHERE id = $1", Tuple.of(mutation));
    }

    void after(Duration time) {
        stock.clock.forward(time);
    }
}
