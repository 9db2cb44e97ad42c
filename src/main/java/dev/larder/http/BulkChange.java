package dev.larder.http;

import dev.larder.database.Slice;
import dev.larder.database.Total;
import dev.larder.lifecycle.BulkAudit;
import dev.larder.lifecycle.BulkAudit.Action;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.QueryParam;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * What all calls have in common that change everything that their conditions match: a dry run counts; otherwise a page
 * of what matches is read, the audit entry is written, and each thing is changed (decision 0043).
 */
@ApplicationScoped
public class BulkChange {

    private final BulkAudit audit;
    private final CurrentCaller caller;

    public BulkChange(BulkAudit audit, CurrentCaller caller) {
        this.audit = audit;
        this.caller = caller;
    }

    /** The query parameters of such a call. */
    public static class Parameters {

        @QueryParam("dryRun")
        @Parameter(description = Filters.DRY_RUN)
        public @Nullable String dryRun;

        @QueryParam("after")
        @Parameter(description = Filters.BULK_AFTER)
        public @Nullable String after;
    }

    /** The things that a call changes, of those that its caller may see: how many, and a page of them. */
    public record Things<T>(
            Function<Visibility, Uni<Total>> total,
            BiFunction<Visibility, PageRequest, Uni<Slice<T>>> list,
            Function<T, UUID> id) {}

    /**
     * Codes: {@code invalid_value} of {@code dryRun}, {@code invalid_cursor}.
     *
     * @param change answers whether it changed the thing; it does not where the thing is no longer as it was listed
     */
    public <T> Uni<BulkAnswer> of(
            Action action,
            BulkFilter wanted,
            Parameters parameters,
            Things<T> things,
            Function<T, Uni<Boolean>> change) {
        boolean counts = Filters.flag("dryRun", parameters.dryRun);
        PageRequest page = PageRequest.of(String.valueOf(BulkFilter.AT_ONCE), parameters.after);
        Visibility scope = Visibility.of(caller.get());
        return counts
                ? things.total().apply(scope).map(BulkAnswer::of)
                : things.list()
                        .apply(scope, page)
                        .map(rows -> Page.of(page, rows, things.id()))
                        .call(found -> begin(action, wanted, found))
                        .chain(found -> change(found, change));
    }

    private Uni<Void> begin(Action action, BulkFilter wanted, Page<?> found) {
        int matching = found.items().size();
        return matching == 0
                ? Uni.createFrom().voidItem()
                : audit.begin(caller.get(), action, wanted.conditions(), matching);
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
