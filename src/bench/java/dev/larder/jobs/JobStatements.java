package dev.larder.jobs;

import dev.larder.lifecycle.CompleteStatement;
import dev.larder.model.ToolEnd;
import java.util.UUID;

/**
 * The statements by which the production code leases jobs and ends them, as a script of pgbench. The only place in the
 * benchmarks that knows their parameters.
 */
public final class JobStatements {

    private static final String LEASED = "\nSELECT s.held_up, s.more,";

    private JobStatements() {}

    /**
     * Leases that many jobs of this worker's and ends them all, with the same sealed outputs each; two
     * transactions.
     */
    public static String asPgbenchScript(UUID worker, int batch, String sealedHex) {
        return lease(worker, batch) + end(sealedHex);
    }

    private static String lease(UUID worker, int batch) {
        String text = Leasing.ONLY_LINE.text();
        int at = text.indexOf(LEASED);
        if (at < 0) {
            throw new IllegalStateException("the leasing statement has changed, no '" + LEASED + "' in it");
        }
        String statement = text.substring(0, at) + ", leased AS (" + text.substring(at)
                + ") SELECT coalesce(array_agg(id), '{}')::text AS ids, coalesce(array_agg(lease_token), '{}')::text AS tokens"
                + " FROM leased";
        return oneLine(statement
                        .replace("$1", "'" + worker + "'")
                        .replace("$2", String.valueOf(batch))
                        .replace("$3", "now()"))
                + " \\gset\n";
    }

    private static String end(String sealedHex) {
        String size = "ARRAY[cardinality(:ids::uuid[])]";
        return oneLine(CompleteStatement.text()
                        .replace("$11", "array_fill('" + ToolEnd.EXITED.word() + "'::text, " + size + ")")
                        .replace("$10", "array_fill(true, " + size + ")")
                        .replace("$9", "array_fill(NULL::text, " + size + ")")
                        .replace("$1", ":ids")
                        .replace("$2", ":tokens")
                        .replace("$3", "array_fill(now(), " + size + ")")
                        .replace("$4", "array_fill(NULL::text, " + size + ")")
                        .replace("$5", "array_fill(NULL::text, " + size + ")")
                        .replace("$6", "array_fill(false, " + size + ")")
                        .replace("$7", "array_fill('\\x" + sealedHex + "'::bytea, " + size + ")")
                        .replace("$8", "'" + JobLimitStore.DEPLOYMENT + "'"))
                + ";\n";
    }

    private static String oneLine(String statement) {
        return statement.replace('\n', ' ');
    }
}
