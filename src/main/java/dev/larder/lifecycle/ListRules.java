package dev.larder.lifecycle;

import dev.larder.database.CanIgnoreReturnValue;
import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.model.Ids;
import dev.larder.model.LabelSelector;
import dev.larder.model.PresetFilter;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Conditions that lists of several rooms share. The listed table is called {@code x}, and has the columns {@code id},
 * {@code organization_id} and {@code created_at}.
 */
public final class ListRules {

    /** An id is made before the row's time is read, at most this long before. */
    private static final Duration ID_BEFORE = Duration.ofMinutes(1);

    private static final String PRESETS =
            "SELECT p.id AS key FROM presets p JOIN templates t ON t.id = p.template_id WHERE ";

    private ListRules() {}

    /** Only rows of the caller's organization; all for a caller of the whole deployment. */
    @CanIgnoreReturnValue
    public static RowList.Query seenBy(RowList.Query query, Optional<UUID> callersOrganization) {
        return query.where("x.organization_id = :organization", "organization", callersOrganization);
    }

    /** Only rows of the organization of this name or id. */
    @CanIgnoreReturnValue
    public static RowList.Query of(RowList.Query query, Optional<String> organization) {
        return query.where("x.organization_id = " + Rules.ORGANIZATION_ID, "organization_name", organization);
    }

    /** Only rows whose column {@code preset_id} is a preset of these names or ids, of whatever version. */
    @CanIgnoreReturnValue
    public static RowList.Query ofPresets(RowList.Query query, PresetFilter filter, boolean indexed) {
        return ofPresets(query, filter, "x.preset_id", indexed);
    }

    /**
     * The same.
     *
     * @param preset an expression: the preset's id
     * @param indexed whether an index on it and the id serves the condition
     */
    @CanIgnoreReturnValue
    public static RowList.Query ofPresets(RowList.Query query, PresetFilter filter, String preset, boolean indexed) {
        of(query, filter.organization());
        if (!filter.namesPresets()) {
            return query;
        }
        filter.template().ifPresent(name -> query.with("template_name", name));
        filter.preset().ifPresent(name -> query.with("preset_name", name));
        String presets = PRESETS
                + (filter.template().isPresent() ? isCalled("t", ":template_name") : "true")
                + (filter.preset().isPresent() ? " AND " + isCalled("p", ":preset_name") : "")
                + (filter.organization().isPresent() ? " AND p.organization_id = " + Rules.ORGANIZATION_ID : "");
        return indexed ? query.among(preset, presets) : query.filter(preset + " IN (" + presets + ")");
    }

    /**
     * A condition: the row has this name, or this id.
     *
     * @param row what the statement calls it
     * @param name a parameter with its colon
     */
    public static String isCalled(String row, String name) {
        return """
                (%1$s.name = %2$s
                         OR %1$s.id = CASE WHEN %2$s ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN %2$s::text::uuid END)""".formatted(row, name);
    }

    /** The users of this name, or of this id. Parameter {@code :owner_name}. */
    public static final String USERS = "SELECT u.id AS key FROM users u WHERE " + isCalled("u", ":owner_name");

    /** Only rows whose column is a user of this name or id. An index on the column and the id serves it. */
    @CanIgnoreReturnValue
    public static RowList.Query ownedBy(RowList.Query query, String column, Optional<String> owner) {
        owner.ifPresent(name -> query.with("owner_name", name).among(column, USERS));
        return query;
    }

    /** Only rows that were created since then. Ids are in the order of time, so a page stops there. */
    @CanIgnoreReturnValue
    public static RowList.Query since(RowList.Query query, Optional<Instant> since) {
        return since(query, "x.created_at", since);
    }

    /** The same for a table whose time of creation is another column. */
    @CanIgnoreReturnValue
    public static RowList.Query since(RowList.Query query, String column, Optional<Instant> since) {
        since.ifPresent(time -> query.with("since", Rows.utc(time))
                .with("since_id", firstId(time.minus(ID_BEFORE)))
                .where("x.id >= :since_id AND " + column + " >= :since::timestamptz"));
        return query;
    }

    /** No id is older than the epoch. */
    private static UUID firstId(Instant time) {
        return Ids.firstOf(time.isBefore(Instant.EPOCH) ? Instant.EPOCH : time);
    }

    /**
     * Only rows with these labels.
     *
     * @param condition {@link LabelStore#labelled} or {@link LabelStore#held}
     */
    @CanIgnoreReturnValue
    public static RowList.Query labelled(RowList.Query query, String condition, Optional<LabelSelector> labels) {
        labels.ifPresent(wanted -> query.with("pairs", new JsonObject(new TreeMap<>(wanted.pairs())))
                .with("keys", wanted.keys().toArray(String[]::new))
                .where(condition));
        return query;
    }
}
