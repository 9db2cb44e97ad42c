package dev.larder.objects;

import dev.larder.objects.Condition.Absent;
import dev.larder.objects.Condition.Matches;
import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Finds out whether a store keeps the conditions of writes, by writing objects of its own, which it removes. Several
 * stores that speak as S3 does ignore conditions, keep them for one writer at a time only, or fail when writers come at
 * once.
 */
final class StoreProbe {

    static final String PREFIX = "larder-probe/";
    private static final int WRITERS = 16;

    private final ObjectStore store;
    private final Supplier<UUID> ids;

    /** All keys begin with it. None lies below another one: a store of files cannot keep both. */
    private final String key;

    private final List<String> faults = new ArrayList<>();

    private StoreProbe(ObjectStore store, Supplier<UUID> ids) {
        this.store = store;
        this.ids = ids;
        this.key = PREFIX + ids.get();
    }

    /**
     * Names what the store fails at; empty: nothing was found. Fails where the store cannot be used.
     *
     * @param rounds of races of 16 writers; 0: conditions are tried by one writer only
     */
    static Uni<List<String>> faults(ObjectStore store, Supplier<UUID> ids, int rounds) {
        return Uni.createFrom().deferred(() -> new StoreProbe(store, ids).run(rounds));
    }

    private Uni<List<String>> run(int rounds) {
        return conditions()
                .chain(() -> races(rounds))
                .chain(() -> store.list(key)
                        .onItem()
                        .transformToUniAndConcatenate(info -> store.delete(info.key()))
                        .collect()
                        .last())
                .replaceWith(() -> List.copyOf(faults));
    }

    private Uni<Void> conditions() {
        return write(key, "first", new Absent())
                .map(first -> first.orElseThrow(() -> new ObjectStoreException(
                        Reason.STORE_MISCONFIGURED, "the store refuses to create an object that is not there")))
                .call(() -> passes("If-None-Match is ignored", new Absent()))
                .chain(first -> store.head(key)
                        .chain(now -> write(key, "second", new Matches(now.etag())))
                        .chain(second -> second.isPresent()
                                ? passes("If-Match is ignored", new Matches(first))
                                : fault("If-Match is refused although it holds")))
                .chain(this::readBack);
    }

    /** A write that must fail. */
    private Uni<Void> passes(String fault, Condition condition) {
        return write(key, "must not be written", condition)
                .chain(written ->
                        written.isPresent() ? fault(fault) : Uni.createFrom().voidItem());
    }

    private Uni<Void> fault(String fault) {
        return Uni.createFrom().voidItem().invoke(() -> faults.add(fault));
    }

    private Uni<Void> readBack() {
        return store.get(key)
                .chain(read -> faults.isEmpty() && !Arrays.equals(read.body(), bytes("second"))
                        ? fault("an object is not read as it was written last")
                        : Uni.createFrom().voidItem());
    }

    private Uni<Void> races(int rounds) {
        return Multi.createFrom()
                .range(0, faults.isEmpty() ? rounds : 0)
                .onItem()
                .transformToUniAndConcatenate(this::race)
                .collect()
                .last()
                .replaceWithVoid();
    }

    private Uni<Void> race(int round) {
        return race("If-None-Match", key + "-" + round, new Absent())
                .chain(() -> store.head(key))
                .chain(now -> race("If-Match", key, new Matches(now.etag())));
    }

    /** What became of a write in a race. */
    private enum Outcome {
        WON,
        LOST,
        FAILED
    }

    private Uni<Void> race(String name, String raced, Condition condition) {
        List<Uni<Outcome>> writers = IntStream.range(0, WRITERS)
                .mapToObj(i -> outcome(raced, "writer " + i, condition))
                .toList();
        return Uni.join().all(writers).andFailFast().chain(outcomes -> told(name, outcomes));
    }

    private Uni<Outcome> outcome(String raced, String body, Condition condition) {
        return write(raced, body, condition)
                .map(etag -> etag.isPresent() ? Outcome.WON : Outcome.LOST)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.STORE_UNAVAILABLE))
                .recoverWithItem(Outcome.FAILED);
    }

    private Uni<Void> told(String condition, List<Outcome> outcomes) {
        int winners = Collections.frequency(outcomes, Outcome.WON);
        int failed = Collections.frequency(outcomes, Outcome.FAILED);
        boolean atomic = winners == 1 || (winners == 0 && failed > 0);
        return (failed == 0 ? Uni.createFrom().voidItem() : failing(condition, failed))
                .chain(() -> atomic
                        ? Uni.createFrom().voidItem()
                        : once(condition + " is not atomic", winners + " of " + WRITERS + " writers won"));
    }

    /** One writer alone tells such a store from one that is away. Fails where that writer is not served either. */
    private Uni<Void> failing(String condition, int failed) {
        return store.put(key + "-alone-" + ids.get(), bytes("alone"), new Absent(), ids.get())
                .chain(() -> once(
                        condition + " fails when writers come at once",
                        failed + " of " + WRITERS + " writers were not served"));
    }

    /** A fault that each race may show again, with the figures of the first one. */
    private Uni<Void> once(String fault, String figures) {
        return faults.stream().anyMatch(told -> told.startsWith(fault))
                ? Uni.createFrom().voidItem()
                : fault(fault + ": " + figures);
    }

    /** The ETag; empty where the condition failed. */
    private Uni<Optional<String>> write(String written, String body, Condition condition) {
        return store.put(written, bytes(body), condition, ids.get())
                .map(Optional::of)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.PRECONDITION_FAILED))
                .recoverWithItem(Optional.empty());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
