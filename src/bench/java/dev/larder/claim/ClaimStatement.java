package dev.larder.claim;

import dev.larder.database.Rows;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;

/**
 * The statement by which the production code claims, as it is sent for one claim, for those who run it without Larder
 * around it. The only place in the benchmarks that knows its parameters.
 */
public final class ClaimStatement {

    // What pgbench calls a parameter, $1 first. All but the claim's id stay parameters, with the types that
    // the statement gives them; pgbench cannot make an id, so that the database does.
    private static final String[] VALUES = {
        ":preset",
        ":at",
        "ARRAY[uuidv7()]",
        ":members",
        ":organizations",
        "ARRAY[:key]",
        ":hashes",
        ":ordinals",
        ":ttls",
        ":priorities",
        ":untils",
        ":colds",
        ":labels",
        ":late",
        ":none",
        ":no",
        ":waiting",
        ":m_created_at",
        ":m_id"
    };

    private ClaimStatement() {}

    /** The values of the parameters, by their names in the scripts, for claims of this member. */
    public static Map<String, String> variables(UUID preset, UUID member, UUID organization) {
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("preset", preset.toString());
        variables.put("at", "now");
        variables.put("members", "{" + member + "}");
        variables.put("organizations", "{" + organization + "}");
        variables.put("hashes", "{\"\\\\x" + "ab".repeat(32) + "\"}");
        variables.put("ordinals", "{0}");
        variables.put("ttls", "{NULL}");
        variables.put("priorities", "{NULL}");
        variables.put("untils", "{NULL}");
        variables.put("colds", "{NULL}");
        variables.put("labels", "{NULL}");
        variables.put("late", "{NULL}");
        variables.put("none", "0");
        variables.put("no", "false");
        variables.put("waiting", "100");
        variables.put("m_created_at", "1970-01-01T00:00:00Z");
        variables.put("m_id", new UUID(0, 0).toString());
        return variables;
    }

    /**
     * A claim of the oldest ready prebuild under a fresh idempotency key, as a script of pgbench: looks from the
     * start.
     */
    public static String asPgbenchScript() {
        return keyed(text()) + ";\n";
    }

    /** The same, each client looking from where its own last claim ended. Its stock must not run out. */
    public static String asPgbenchScriptFromTheLast() {
        return keyed(text()) + " \\gset m_\n";
    }

    /** The first one without telling the reconciler that the preset needs a look. */
    public static String asPgbenchScriptWithoutEvent() {
        return keyed(replaced(
                        "INSERT INTO dirty_presets (preset_id) SELECT id FROM preset WHERE EXISTS (SELECT FROM moved)",
                        "SELECT FROM moved"))
                + ";\n";
    }

    /** The first one, waking others inside the transaction: what Larder does not do. */
    public static String asPgbenchScriptWithNotify() {
        return keyed(replaced(
                        "SELECT m.claim_id, m.user_id, m.path",
                        "SELECT pg_notify('larder_bench', ''), m.claim_id, m.user_id, m.path"))
                + ";\n";
    }

    private static String replaced(String part, String by) {
        if (!text().contains(part)) {
            throw new IllegalStateException("the claim's statement has changed, no '" + part + "' in it");
        }
        return text().replace(part, by);
    }

    /** As it is sent. */
    public static String text() {
        return ClaimStore.TAKE_OLDEST.text();
    }

    /** Its parameters for a claim under a key that nobody used before. */
    public static Tuple values(UUID preset, UUID member, UUID organization, UUID claim) {
        return Tuple.tuple()
                .addValue(preset)
                .addValue(Rows.utc(InstantSource.system().instant()))
                .addValue(new UUID[] {claim})
                .addValue(new UUID[] {member})
                .addValue(new UUID[] {organization})
                .addValue(new String[] {claim.toString()})
                .addValue(new Buffer[] {Buffer.buffer(new byte[32])})
                .addValue(new Integer[] {0})
                .addValue(new Integer[] {null})
                .addValue(new Integer[] {null})
                .addValue(new OffsetDateTime[] {null})
                .addValue(new Boolean[] {null})
                .addValue(new String[] {null})
                .addValue(0)
                .addValue(false)
                .addValue(100)
                .addValue(Rows.utc(ScanStart.OLDEST.createdAt()))
                .addValue(ScanStart.OLDEST.workspace());
    }

    /** The claim under EXPLAIN, which makes it all the same; the values are literals. */
    public static String explained(Map<String, String> variables) {
        String statement = withValues(text());
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            statement = statement.replaceAll(
                    "(?<!:):" + variable.getKey() + "\\b", Matcher.quoteReplacement("'" + variable.getValue() + "'"));
        }
        return "EXPLAIN (ANALYZE, BUFFERS, WAL) " + statement.replace(":key", "'" + UUID.randomUUID() + "'");
    }

    private static String keyed(String statement) {
        return "\\set key random(1, 9223372036854775806)\n" + withValues(statement);
    }

    private static String withValues(String statement) {
        String script = statement;
        // From the last, so that $1 is not found in $10.
        for (int number = VALUES.length; number >= 1; number--) {
            script = script.replace("$" + number, VALUES[number - 1]);
        }
        if (script.contains("$")) {
            throw new IllegalStateException("the claim has other parameters now: " + statement);
        }
        return script;
    }
}
