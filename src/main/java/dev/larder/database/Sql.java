package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A statement whose parameters have names: {@code WHERE id = :job AND lease_token = :token}. Names become positions
 * once, when the class is loaded; a call only sends the values.
 *
 * <pre>{@code
 * private static final Sql LEASED = Sql.of("SELECT … WHERE j.id = :job AND j.lease_token = :token", "job", "token");
 *
 * LEASED.on(pool, job, token).map(rows -> …)
 * }</pre>
 */
public final class Sql {

    /**
     * Texts, quoted names, comments and casts are skipped. A colon after a word or bracket belongs to the bounds of
     * an array.
     */
    private static final Pattern PARAMETER =
            Pattern.compile("'[^']*'|\"[^\"]*\"|--[^\\n]*|::|(?<![\\w\\]]):([a-z][a-z0-9_]*)|\\$\\d+");

    private final String text;
    private final int parameters;

    private Sql(String text, int parameters) {
        this.text = text;
        this.parameters = parameters;
    }

    /**
     * Creates a statement.
     *
     * @param names the parameters, in the order of the values of {@link #on}
     * @throws IllegalArgumentException if a name of the text is missing here, a name here is not in the text or is
     *     given twice, or the text has a numbered parameter
     */
    public static Sql of(String text, String... names) {
        List<String> given = List.of(names);
        Set<String> unused = new HashSet<>(given);
        if (unused.size() < given.size()) {
            throw new IllegalArgumentException("a parameter is given twice: " + given);
        }
        String numbered = PARAMETER.matcher(text).replaceAll(found -> {
            unused.remove(found.group(1));
            return position(found, given);
        });
        if (!unused.isEmpty()) {
            throw new IllegalArgumentException("given, but not in the statement: " + unused);
        }
        return new Sql(numbered, names.length);
    }

    private static String position(MatchResult found, List<String> names) {
        String name = found.group(1);
        if (name != null) {
            int index = names.indexOf(name);
            if (index < 0) {
                throw new IllegalArgumentException("in the statement, but not given: " + name);
            }
            return "\\$" + (index + 1);
        }
        if (found.group().startsWith("$")) {
            throw new IllegalArgumentException("has no name: " + found.group());
        }
        return java.util.regex.Matcher.quoteReplacement(found.group());
    }

    /** The statement as PostgreSQL reads it, with {@code $1} for the first name that was given. */
    public String text() {
        return text;
    }

    /**
     * Executes the statement.
     *
     * @param client a pool, or the connection of a transaction
     * @param values one for each name, in the order of the names; may be null
     * @throws IllegalArgumentException if there are more or fewer values than names
     */
    public Uni<RowSet<Row>> on(SqlClient client, @Nullable Object... values) {
        if (values.length != parameters) {
            throw new IllegalArgumentException(values.length + " values for " + parameters + " parameters of: " + text);
        }
        return client.preparedQuery(text).execute(Tuple.from(Arrays.asList(values)));
    }
}
