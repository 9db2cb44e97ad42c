package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Ids;
import dev.larder.objects.ClaimsByVersion.Claim;
import dev.larder.objects.ClaimsByVersion.Creation;
import dev.larder.objects.ClaimsByVersion.Wanted;
import dev.larder.objects.InstanceNames.Outcome;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.SettableClock;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Claims and creations by processes that share nothing but a store: S1 and S4 on every kind of store. */
class ClaimsByVersionTest {

    private static final int BYTES_MAX = 1 << 20;

    private final SettableClock clock = new SettableClock(Instant.now());
    private final Ids ids = new Ids(clock);
    private final S3Stub stub = new S3Stub();
    private final Database database = Databases.fresh();
    private final ObjectStore memory = new MemoryObjectStore(clock, BYTES_MAX);
    private final ClaimsByVersion claims = claims(memory);
    private final InstanceNames names = new InstanceNames(memory, ids, clock);

    @AfterEach
    void close() {
        stub.close();
        database.close();
    }

    private static <T> T await(Uni<T> call) {
        return call.await().atMost(Duration.ofMinutes(10));
    }

    private ClaimsByVersion claims(ObjectStore store) {
        return await(ClaimsByVersion.over(store, ids, clock));
    }

    /** Each kind, as two processes see it. */
    enum Kind {
        MEMORY,
        POSTGRES,
        STUB,
        BUCKET
    }

    static Stream<Kind> kinds() {
        boolean bucket = RealBucket.ofProperties().filter(RealBucket::isAtomic).isPresent();
        return Stream.of(Kind.values()).filter(kind -> bucket || kind != Kind.BUCKET);
    }

    private List<ObjectStore> two(Kind kind) {
        return switch (kind) {
            case MEMORY -> List.of(memory, memory);
            case POSTGRES ->
                List.of(
                        new PostgresObjectStore(database.pool(), InstantSource.system(), BYTES_MAX),
                        new PostgresObjectStore(database.pool(), InstantSource.system(), BYTES_MAX));
            case STUB -> List.of(stub.store("p/", BYTES_MAX), stub.store("p/", BYTES_MAX));
            case BUCKET -> {
                ObjectStore bucket = RealBucket.ofProperties().orElseThrow().store();
                yield List.of(bucket, bucket);
            }
        };
    }

    /** S1. All 200 rounds with {@code -Dlarder.objects.rounds=200}. */
    @ParameterizedTest
    @MethodSource("kinds")
    void of_32_claimers_of_two_processes_one_wins_each_round_and_the_others_are_told_the_version(Kind kind) {
        int rounds = Integer.getInteger("larder.objects.rounds", 5);
        List<ClaimsByVersion> processes = two(kind).stream().map(this::claims).toList();
        var created = await(processes.getFirst().create("i", "name", "new", UUID.randomUUID()));
        assertThat(created).isInstanceOf(Creation.Created.class);

        for (int round = 1; round <= rounds; round++) {
            long version = round;
            List<Uni<Claim>> claimers = IntStream.range(0, 32)
                    .mapToObj(i -> processes.get(i % 2).claim(new Wanted("i", version, "by-" + i, UUID.randomUUID())))
                    .toList();
            List<Claim> results = await(Uni.join().all(claimers).andFailFast());

            assertThat(results).filteredOn(Claim.Claimed.class::isInstance).hasSize(1);
            assertThat(results)
                    .filteredOn(Claim.Conflict.class::isInstance)
                    .hasSize(31)
                    .allSatisfy(
                            lost -> assertThat(((Claim.Conflict) lost).current().version())
                                    .isEqualTo(version + 1));
        }
        System.out.println("S1 on " + kind + ": " + rounds + " rounds");
    }

    /** S4. All 50 increments with {@code -Dlarder.objects.increments=50}. */
    @ParameterizedTest
    @MethodSource("kinds")
    void of_16_writers_that_read_again_no_increment_is_lost(Kind kind) {
        int increments = Integer.getInteger("larder.objects.increments", 5);
        List<ObjectStore> stores = two(kind);
        var created = await(stores.getFirst().put("n", bytes(0), Condition.absent(), UUID.randomUUID()));

        List<Uni<Integer>> writers = IntStream.range(0, 16)
                .mapToObj(i -> incremented(stores.get(i % 2), increments))
                .toList();
        var done = await(Uni.join().all(writers).andFailFast());

        assertThat(done).containsOnly(0);
        assertThat(number(await(stores.getFirst().get("n")))).isEqualTo(16 * increments);
        await(stores.getFirst().delete("n"));
    }

    private static Uni<Integer> incremented(ObjectStore store, int left) {
        return left == 0
                ? Uni.createFrom().item(0)
                : increment(store).chain(written -> incremented(store, written ? left - 1 : left));
    }

    private static Uni<Boolean> increment(ObjectStore store) {
        return store.get("n")
                .chain(read -> store.put(
                        "n",
                        bytes(number(read) + 1),
                        Condition.matches(read.info().etag()),
                        UUID.randomUUID()))
                .replaceWith(true)
                .onFailure(ObjectStoreException::isLostRace)
                .recoverWithItem(false);
    }

    private static byte[] bytes(int number) {
        return String.valueOf(number).getBytes(StandardCharsets.UTF_8);
    }

    private static int number(StoredObject read) {
        return Integer.parseInt(new String(read.body(), StandardCharsets.UTF_8));
    }

    @CanIgnoreReturnValue
    private Instance created(String id, String name, UUID creator) {
        return ((Creation.Created) await(claims.create(id, name, "new", creator))).instance();
    }

    private Claim claim(String id, long version, UUID claimer) {
        return await(claims.claim(new Wanted(id, version, "taken", claimer)));
    }

    private List<String> keys() {
        return await(memory.list("").map(ObjectInfo::key).collect().asList());
    }

    @Test
    void a_claim_of_another_version_writes_nothing_and_is_told_the_current_one() {
        Instance made = created("i", "name", UUID.randomUUID());
        String etag = await(memory.head(ClaimsByVersion.key("i"))).etag();

        for (long version : List.of(0L, 2L, 7L, -1L, Long.MAX_VALUE)) {
            assertThat(claim("i", version, UUID.randomUUID())).isEqualTo(new Claim.Conflict(made));
        }

        assertThat(await(memory.head(ClaimsByVersion.key("i"))).etag()).isEqualTo(etag);
        assertThat(claim("never", 1, UUID.randomUUID())).isEqualTo(new Claim.Missing());
    }

    @Test
    void a_claimer_that_asks_again_is_told_of_its_success_until_another_one_came() {
        created("i", "name", UUID.randomUUID());
        UUID anna = UUID.randomUUID();

        Claim first = claim("i", 1, anna);
        assertThat(first).isInstanceOf(Claim.Claimed.class);
        assertThat(claim("i", 1, anna)).isEqualTo(first);

        Claim second = claim("i", 2, UUID.randomUUID());
        assertThat(claim("i", 1, anna)).isEqualTo(new Claim.Conflict(((Claim.Claimed) second).instance()));
    }

    @Test
    void a_claim_whose_answers_were_all_lost_succeeds_when_the_claimer_asks_again() {
        ClaimsByVersion remote = claims(stub.store("", BYTES_MAX));
        var created = await(remote.create("i", "name", "new", UUID.randomUUID()));
        Wanted wanted = new Wanted("i", 1, "taken", UUID.randomUUID());
        S3Stub.Fault lost = new S3Stub.Fault.DoneAndReset();
        stub.next("PUT", lost, lost, lost);
        stub.next("GET", new S3Stub.Fault.None(), S3Stub.answer(503, ""));

        assertThatThrownBy(() -> await(remote.claim(wanted))).isInstanceOf(ObjectStoreException.class);

        assertThat(await(remote.claim(wanted))).isInstanceOf(Claim.Claimed.class);
        assertThat(await(remote.find("i")).orElseThrow().version()).isEqualTo(2);
    }

    @Test
    void a_taken_id_and_a_taken_name_are_told_apart_and_nothing_is_left() {
        Instance made = created("i", "name", UUID.randomUUID());
        List<String> before = keys();

        assertThat(await(claims.create("i", "other", "new", UUID.randomUUID()))).isEqualTo(new Creation.IdTaken(made));
        assertThat(await(claims.create("i", "name", "new", UUID.randomUUID()))).isEqualTo(new Creation.IdTaken(made));
        assertThat(await(claims.create("other", "name", "new", UUID.randomUUID())))
                .isEqualTo(new Creation.NameTaken("i"));

        assertThat(keys()).isEqualTo(before);
        created("other", "other", UUID.randomUUID());
    }

    @Test
    void a_creator_that_asks_again_is_told_of_its_success_even_after_a_claim() {
        UUID creator = UUID.randomUUID();
        Instance made = created("i", "name", creator);
        assertThat(created("i", "name", creator)).isEqualTo(made);

        assertThat(claim("i", 1, UUID.randomUUID())).isInstanceOf(Claim.Claimed.class);

        assertThat(created("i", "name", creator).version()).isEqualTo(2);
        assertThat(await(claims.create("i", "name", "new", UUID.randomUUID()))).isInstanceOf(Creation.IdTaken.class);
    }

    @Test
    void of_16_creators_of_one_name_one_wins_and_the_others_leave_no_instance() {
        List<Creation> results = race(i -> claims.create("i" + i, "name", "new", UUID.randomUUID()));

        assertThat(results).filteredOn(Creation.Created.class::isInstance).hasSize(1);
        assertThat(results).filteredOn(Creation.NameTaken.class::isInstance).hasSize(15);
        assertThat(keys()).hasSize(2);
    }

    @Test
    void of_16_creators_of_one_id_one_wins_and_the_names_of_the_others_are_free() {
        List<Creation> results = race(i -> claims.create("i", "name" + i, "new", UUID.randomUUID()));

        assertThat(results).filteredOn(Creation.Created.class::isInstance).hasSize(1);
        assertThat(results).filteredOn(Creation.IdTaken.class::isInstance).hasSize(15);
        String won = await(claims.find("i")).orElseThrow().name();
        IntStream.range(0, 16)
                .filter(i -> !won.equals("name" + i))
                .forEach(i -> created("again" + i, "name" + i, UUID.randomUUID()));
    }

    private List<Creation> race(java.util.function.IntFunction<Uni<Creation>> creator) {
        List<Uni<Creation>> creators = new ArrayList<>();
        IntStream.range(0, 16)
                .forEach(i -> creators.add(creator.apply(i)
                        .runSubscriptionOn(io.smallrye.mutiny.infrastructure.Infrastructure.getDefaultWorkerPool())));
        return await(Uni.join().all(creators).andFailFast());
    }

    @Test
    void a_name_that_was_reserved_by_a_creator_that_died_is_free_after_a_minute() {
        Instance dead = Instance.created("dead", "name", "new", UUID.randomUUID(), clock.instant());
        Outcome.Reserved early = (Outcome.Reserved) await(names.reserve(dead, claims::find));

        assertThat(await(claims.create("i", "name", "new", UUID.randomUUID())))
                .isEqualTo(new Creation.NameTaken("dead"));
        clock.forward(InstanceNames.RESERVED_FOR);
        created("i", "name", UUID.randomUUID());

        assertThat(await(names.confirm(dead, early))).contains("i");
    }

    @Test
    void a_creator_that_was_slow_withdraws_the_instance_whose_name_another_one_has() {
        UUID creator = UUID.randomUUID();
        Instance slow = Instance.created("slow", "name", "new", creator, clock.instant());
        var reserved = await(names.reserve(slow, claims::find));
        clock.forward(InstanceNames.RESERVED_FOR);
        created("i", "name", UUID.randomUUID());
        var written =
                await(memory.put(ClaimsByVersion.key("slow"), slow.bytes(), Condition.absent(), UUID.randomUUID()));

        assertThat(await(claims.create("slow", "name", "new", creator))).isEqualTo(new Creation.NameTaken("i"));
        assertThat(await(claims.find("slow"))).isEmpty();
    }

    @Test
    void a_creator_that_died_before_it_confirmed_keeps_its_name() {
        UUID creator = UUID.randomUUID();
        Instance made = Instance.created("i", "name", "new", creator, clock.instant());
        var reserved = await(names.reserve(made, claims::find));
        var written = await(memory.put(ClaimsByVersion.key("i"), made.bytes(), Condition.absent(), UUID.randomUUID()));
        clock.forward(Duration.ofDays(1));

        assertThat(await(claims.create("other", "name", "new", UUID.randomUUID())))
                .isEqualTo(new Creation.NameTaken("i"));
        assertThat(created("i", "name", creator)).isEqualTo(made);
    }

    @Test
    void a_store_that_does_not_keep_conditions_arbitrates_nothing() {
        stub.conditionsIgnored = true;

        assertThatThrownBy(() -> claims(stub.store("", BYTES_MAX)))
                .isInstanceOfSatisfying(
                        ObjectStoreException.class,
                        refused ->
                                assertThat(refused.reason()).isEqualTo(ObjectStoreException.Reason.STORE_MISCONFIGURED))
                .hasMessageContaining("cannot arbitrate claims: If-None-Match is ignored, If-Match is ignored");
    }
}
