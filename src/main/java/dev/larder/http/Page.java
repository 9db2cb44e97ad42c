package dev.larder.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.larder.database.Slice;
import dev.larder.database.Total;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One page of a list. It may have fewer items than were asked for, and still not be the last one.
 *
 * @param next what to send as {@code after} for the following page; null on the last one
 * @param total how many items all pages have; left out unless it was asked for
 */
public record Page<T>(
        List<T> items,
        @Nullable String next,

        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Total total) {

    public Page(List<T> items, @Nullable String next) {
        this(items, next, null);
    }

    /** @param rows up to {@link PageRequest#rows()} of them, in the list's order */
    public static <T> Page<T> of(PageRequest request, List<T> rows, Function<T, UUID> id) {
        if (rows.size() <= request.limit()) {
            return new Page<>(List.copyOf(rows), null);
        }
        List<T> items = List.copyOf(rows.subList(0, request.limit()));
        return new Page<>(items, PageRequest.cursor(id.apply(items.getLast())));
    }

    /** The same for rows of a reader that may have stopped before it looked at all. */
    public static <T> Page<T> of(PageRequest request, Slice<T> slice, Function<T, UUID> id) {
        Page<T> page = of(request, slice.rows(), id);
        return page.next() != null
                ? page
                : new Page<>(
                        page.items(),
                        slice.examinedTo().map(PageRequest::cursor).orElse(null));
    }

    /** The same with other items, as many of them. */
    public <R> Page<R> map(Function<T, R> view) {
        return new Page<>(items.stream().map(view).toList(), next, total);
    }

    /** The same with a count of all items. */
    public Page<T> with(Total count) {
        return new Page<>(items, next, count);
    }
}
