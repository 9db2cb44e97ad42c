package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One type of clean-up: which rows are removed after a while (decision 0036). A room adds a type with one bean of this
 * interface, whose name ends in {@code Store}. Room {@code cleanup} finds the bean, runs it on schedule and on request,
 * counts what it removed, and shows the age of the oldest row.
 *
 * <p>Settings: {@code larder.cleanup.NAME.interval}, {@code .keep-for} and {@code .keep-newest}, where {@code NAME} is
 * {@link #name} with {@code -} for {@code _}. The type says the defaults. Those settings are listed in
 * {@code UnknownSettings} and in {@code src/docs/settings.md}.
 */
public interface CleanupType {

    /** Stable, lower case with underscores: {@code state_versions}. The API, the settings and metrics use it. */
    String name();

    /** What holds where nothing is configured. */
    Retention retention();

    /** Settings of the type beside those three, in full. */
    default Set<String> furtherSettings() {
        return Set.of();
    }

    /**
     * The tables whose rows this type removes, as the schema names them. {@link #oldest} is about the first one. None
     * where it only asks another part to remove something.
     */
    List<String> tables();

    /**
     * Removes at most {@link Slice#rows} rows, and examines at most as many. It runs inside a transaction of its own
     * with a statement limit of 5 s; the counts are committed with it. A row that another statement has locked is
     * passed over.
     *
     * @param transaction where the statements run
     * @return what was done; {@link Batch#position} is where the next batch goes on
     */
    Uni<Batch> batch(SqlClient transaction, Slice slice);

    /**
     * When the oldest row was created that the type could ever remove. Must be found through an index, whatever the
     * size of the table. Empty where there is none.
     */
    Uni<Optional<Instant>> oldest(SqlClient client);

    /**
     * How long rows are kept, and how often the clean-up runs.
     *
     * @param interval between two operations on schedule; zero: on request only
     * @param keepFor how long a row is kept at least
     * @param least the shortest {@code keepFor} that may be configured
     * @param keepNewest how many of the newest rows of each owner are kept whatever their age; negative where the
     *     type has no such rule, and then it cannot be configured
     */
    record Retention(Duration interval, Duration keepFor, Duration least, int keepNewest) {

        private static final Duration HOURLY = Duration.ofHours(1);

        /** Each hour. Rows go by their age alone. */
        public static Retention of(Duration keepFor, Duration least) {
            return new Retention(HOURLY, keepFor, least, -1);
        }

        /** Each hour. The newest rows of each owner stay. */
        public static Retention of(Duration keepFor, Duration least, int keepNewest) {
            return new Retention(HOURLY, keepFor, least, keepNewest);
        }
    }

    /**
     * What a batch may do.
     *
     * @param now the time of the batch
     * @param before rows older than this may be removed: {@code now} less the configured {@code keepFor}
     * @param keepNewest as configured
     * @param position where the batch before ended; null for the first one of an operation
     * @param rows how many rows may be examined
     */
    record Slice(
            Instant now,
            Instant before,
            int keepNewest,
            @Nullable String position,
            int rows) {

        /** The position as an id; before all others at the start. */
        public UUID after() {
            return position == null ? new UUID(0, 0) : UUID.fromString(position);
        }
    }

    /**
     * What a batch did.
     *
     * @param examined rows that were looked at
     * @param deleted rows that the database did delete
     * @param bytes their size, as far as it matters: bodies and lines in full, other rows as they are stored
     * @param objects objects that were deleted from an object store
     * @param position where the next batch goes on; null where there is nothing left to examine
     */
    record Batch(
            long examined,
            long deleted,
            long bytes,
            long objects,
            @Nullable String position) {

        /**
         * The batch of a statement that returns one row with the columns {@code examined}, {@code deleted},
         * {@code bytes} and {@code position}; the last one is a text.
         */
        public static Batch of(RowSet<Row> rows, Slice slice) {
            Row row = rows.iterator().next();
            long examined = row.getLong("examined");
            return new Batch(
                    examined,
                    row.getLong("deleted"),
                    row.getLong("bytes"),
                    0,
                    examined < slice.rows() ? null : row.getString("position"));
        }
    }
}
