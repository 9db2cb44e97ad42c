package dev.larder.http;

import dev.larder.database.Total;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.QueryParam;
import java.util.function.Supplier;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/** The query parameters of every list that can be counted (decision 0043). */
public class ListParameters {

    @QueryParam("limit")
    @Parameter(description = "How many items, 1 to 200; 50 without it")
    public @Nullable String limit;

    @QueryParam("after")
    @Parameter(description = "The next of an earlier page")
    public @Nullable String after;

    @QueryParam("total")
    @Parameter(description = "true: counts all items, up to 10,000")
    public @Nullable String total;

    /** Codes: {@code invalid_limit}, {@code invalid_cursor}, {@code invalid_value} of {@code total}. */
    public PageRequest page() {
        boolean unused = Filters.flag("total", total);
        return PageRequest.of(limit, after);
    }

    /** Whether any of them is there. */
    public boolean given() {
        return limit != null || after != null || total != null;
    }

    /** The page with the count of all items, where it was asked for. */
    public <T> Uni<Page<T>> counted(Page<T> page, Supplier<Uni<Total>> count) {
        return "true".equals(total)
                ? count.get().map(page::with)
                : Uni.createFrom().item(page);
    }
}
