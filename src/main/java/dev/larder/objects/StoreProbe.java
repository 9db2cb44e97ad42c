package dev.larder.objects;

import dev.larder.objects.Condition.Absent;
import dev.larder.objects.Condition.Matches;
import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Finds out whether a store keeps the conditions of writes, by writing objects of its own, which it removes. Several
 * stores that speak as S3 does ignore conditions, or keep them for one writer at a time only.
 */
final class StoreProbe {

    static final String PREFIX = "larder-probe/";
    private static final int WRITERS = 16;

    private final ObjectStore store;
    private final Supplier<UUID> ids;
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
        return winners(key + "/" + round, new Absent())
                .chain(winners -> counted("If-None-Match", winners))
                .chain(() -> store.head(key))
                .chain(now -> winners(key, new Matches(now.etag())))
                .chain(winners -> counted("If-Match", winners));
    }

    private Uni<Integer> winners(String raced, Condition condition) {
        List<Uni<Optional<String>>> writers = IntStream.range(0, WRITERS)
                .mapToObj(i -> write(raced, "writer " + i, condition))
                .toList();
        return Uni.join().all(writers).andFailFast().map(all ->
                (int) all.stream().filter(Optional::isPresent).count());
    }

    private Uni<Void> counted(String condition, int winners) {
        String fault = condition + " is not atomic";
        boolean known = faults.stream().anyMatch(told -> told.startsWith(fault));
        return winners == 1 || known
                ? Uni.createFrom().voidItem()
                : fault(fault + ": " + winners + " of " + WRITERS + " writers won");
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
