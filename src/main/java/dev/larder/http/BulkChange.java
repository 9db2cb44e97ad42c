package dev.larder.http;

import dev.larder.database.Slice;
import dev.larder.database.Total;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.QueryParam;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * What all calls have in common that change everything that their conditions match: a dry run counts; otherwise a page
 * of what matches is read, the audit entry is written, and each thing is changed (decision 0043).
 */
public final class BulkChange {

    private BulkChange() {}

    /** The query parameters of such a call. */
    public static class Parameters {

        @QueryParam("dryRun")
        @Parameter(description = Filters.DRY_RUN)
        public @Nullable String dryRun;

        @QueryParam("after")
        @Parameter(description = Filters.BULK_AFTER)
        public @Nullable String after;
    }

    /** The things that match and that the caller may see: how many, and a page of them. */
    public record Things<T>(
            Supplier<Uni<Total>> total, Function<PageRequest, Uni<Slice<T>>> list, Function<T, UUID> id) {}

    /**
     * Codes: {@code invalid_value} of {@code dryRun}, {@code invalid_cursor}.
     *
     * @param begin writes the audit entry; it gets how many things match, and is not called where none does
     * @param change answers whether it changed the thing; it does not where the thing is no longer as it was listed
     */
    public static <T> Uni<BulkAnswer> of(
            Parameters parameters, Things<T> things, IntFunction<Uni<Void>> begin, Function<T, Uni<Boolean>> change) {
        boolean counts = Filters.flag("dryRun", parameters.dryRun);
        PageRequest page = PageRequest.of(String.valueOf(BulkFilter.AT_ONCE), parameters.after);
        return counts
                ? things.total().get().map(BulkAnswer::of)
                : things.list()
                        .apply(page)
                        .map(rows -> Page.of(page, rows, things.id()))
                        .call(found -> found.items().isEmpty()
                                ? Uni.createFrom().voidItem()
                                : begin.apply(found.items().size()))
                        .chain(found -> change(found, change));
    }

    private static <T> Uni<BulkAnswer> change(Page<T> found, Function<T, Uni<Boolean>> change) {
        return Multi.createFrom()
                .iterable(found.items())
                .onItem()
                .transformToUniAndConcatenate(change::apply)
                .filter(changed -> changed)
                .collect()
                .asList()
                .map(changed -> BulkAnswer.of(found, changed.size()));
    }
}
