package dev.larder.store;

import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.InstantSource;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;

/**
 * The statement by which the production code claims, as it is sent, for those who run it without Larder around it. The
 * only place in the benchmarks that knows its parameters.
 */
public final class ClaimStatement {

    // What pgbench calls a parameter. All but the claim's id stay parameters, with the types that the statement gives
    // them; pgbench cannot make an id, so that the database does.
    private static final Map<Integer, String> VALUES = Map.of(
            1, ":preset",
            2, ":member",
            3, ":at",
            4, "uuidv7()",
            5, ":key",
            6, ":hash",
            7, ":organization");

    private ClaimStatement() {}

    /** The claim of the oldest ready prebuild under a fresh idempotency key, as a script of pgbench. */
    public static String asPgbenchScript() {
        return keyed(ClaimStore.CLAIM_OLDEST_READY);
    }

    /** As it is sent. */
    public static String text() {
        return ClaimStore.CLAIM_OLDEST_READY;
    }

    /** Its parameters for a claim under a key that nobody used before. */
    public static Tuple values(UUID preset, UUID member, UUID organization, UUID claim) {
        return Tuple.tuple()
                .addValue(preset)
                .addValue(member)
                .addValue(Rows.utc(InstantSource.system().instant()))
                .addValue(claim)
                .addValue(claim.toString())
                .addValue(Buffer.buffer(new byte[32]))
                .addValue(organization);
    }

    /** The claim under EXPLAIN, which makes it all the same; the values are literals. */
    public static String explained(Map<String, String> variables) {
        String statement = withValues(ClaimStore.CLAIM_OLDEST_READY);
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            statement = statement.replaceAll(
                    "(?<!:):" + variable.getKey() + "\\b", Matcher.quoteReplacement("'" + variable.getValue() + "'"));
        }
        return "EXPLAIN (ANALYZE, BUFFERS, WAL) " + statement.replace(":key", "'" + UUID.randomUUID() + "'");
    }

    /** The same without the mark that a reconciler is to look at the preset. */
    public static String asPgbenchScriptWithoutMark() {
        String marking = "INSERT INTO dirty_presets (preset_id) SELECT preset_id FROM moved";
        String statement = ClaimStore.CLAIM_OLDEST_READY;
        if (!statement.contains(marking)) {
            throw new IllegalStateException("the claim marks its preset in another way: " + statement);
        }
        return keyed(statement.replace(marking, "SELECT FROM moved"));
    }

    /** The same, telling it in the transaction: what Larder does not do. */
    public static String asPgbenchScriptWithNotify() {
        String answer = "SELECT id FROM moved";
        String statement = ClaimStore.CLAIM_OLDEST_READY;
        if (!statement.endsWith(answer)) {
            throw new IllegalStateException("the claim answers in another way: " + statement);
        }
        return keyed(statement.substring(0, statement.length() - answer.length())
                + "SELECT id, pg_notify('larder_bench', '') FROM moved");
    }

    private static String keyed(String statement) {
        return "\\set key random(1, 9223372036854775806)\n" + withValues(statement) + ";\n";
    }

    private static String withValues(String statement) {
        String script = statement;
        // From the last, so that $1 is not found in $10.
        for (int number = VALUES.size(); number >= 1; number--) {
            script = script.replace("$" + number, VALUES.get(number));
        }
        if (script.contains("$")) {
            throw new IllegalStateException("the claim has other parameters now: " + statement);
        }
        return script;
    }
}
