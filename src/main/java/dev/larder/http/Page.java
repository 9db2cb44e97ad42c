package dev.larder.http;

import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One page of a list.
 *
 * @param next what to send as {@code after} for the following page; null on the last one
 */
public record Page<T>(List<T> items, @Nullable String next) {

    /** @param rows up to {@link PageRequest#rows()} of them, in the list's order */
    public static <T> Page<T> of(PageRequest request, List<T> rows, Function<T, UUID> id) {
        if (rows.size() <= request.limit()) {
            return new Page<>(List.copyOf(rows), null);
        }
        List<T> items = List.copyOf(rows.subList(0, request.limit()));
        return new Page<>(items, PageRequest.cursor(id.apply(items.getLast())));
    }
}
