package dev.larder.dump;

import dev.larder.dump.Statement.Sharing;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the first words of a statement say about it. The rules see an outline of the statement: in upper case, one
 * space between words, no comments, and without the content of strings.
 */
final class StatementRules {

    private StatementRules() {}

    private record Refusal(Pattern outline, String reason) {}

    private static Refusal refuse(String outline, String reason) {
        return new Refusal(Pattern.compile(outline), reason);
    }

    private static final List<Refusal> REFUSED = List.of(
            refuse(
                    "(CREATE|DROP) DATABASE\\b.*",
                    "Larder makes the database, a file fills it: use pg_dump without -C, not pg_dumpall"),
            refuse("(CREATE|ALTER|DROP) TABLESPACE\\b.*", "a template cannot have tablespaces of its own"),
            refuse(
                    "(CREATE|DROP) (ROLE|GROUP|USER(?! MAPPING\\b))\\b.*",
                    "a template cannot make roles: they would belong to the whole server"),
            refuse("ALTER SYSTEM\\b.*", "a template cannot change the settings of the server"));

    /** Why the statement can never run in a template, if that is so. */
    static Optional<String> refusal(String outline) {
        return REFUSED.stream()
                .filter(one -> one.outline().matcher(outline).matches())
                .map(Refusal::reason)
                .findFirst();
    }

    private static final Pattern COPY_ROWS = Pattern.compile("COPY (?!\\().* FROM STDIN\\b.*");

    /** Whether rows follow the statement. */
    static boolean takesRows(String outline) {
        return COPY_ROWS.matcher(outline).matches();
    }

    private static final Pattern BEGINS = Pattern.compile("(BEGIN|START TRANSACTION)\\b.*");
    private static final Pattern ENDS =
            Pattern.compile("(COMMIT|END|ABORT|ROLLBACK(?!( WORK| TRANSACTION)? TO\\b)|PREPARE TRANSACTION)\\b.*");

    // ALTER TYPE … ADD VALUE may share a transaction, but the new value cannot be used before the commit. A procedure
    // may commit.
    private static final Pattern ALONE = Pattern.compile("((COMMIT|ROLLBACK) PREPARED|VACUUM|CLUSTER|REINDEX|CALL"
            + "|DISCARD ALL|(CREATE|ALTER|DROP) SUBSCRIPTION|(CREATE( UNIQUE)?|DROP) INDEX CONCURRENTLY"
            + "|ALTER TABLE .*\\bCONCURRENTLY|ALTER TYPE .*\\bADD VALUE|ALTER DATABASE .*\\bSET TABLESPACE)\\b.*");
    private static final Pattern COMMITS = Pattern.compile("(?i)\\b(COMMIT|ROLLBACK)\\b");

    /** @param text the statement itself, for the body of a {@code DO}, which may commit */
    static Sharing sharing(String outline, String text) {
        if (ALONE.matcher(outline).matches()
                || ((outline.startsWith("DO ") || outline.startsWith("DO'"))
                        && COMMITS.matcher(text).find())) {
            return Sharing.ALONE;
        }
        if (BEGINS.matcher(outline).matches()) {
            return Sharing.BEGINS;
        }
        return ENDS.matcher(outline).matches() ? Sharing.ENDS : Sharing.SHARES;
    }

    private record Omission(Pattern outline, Step.Omitted what) {}

    private static Omission omit(String outline, Step.Omitted what) {
        return new Omission(Pattern.compile(outline), what);
    }

    private static final List<Omission> OMITTED = List.of(
            omit("ALTER .* OWNER TO .*|SET SESSION AUTHORIZATION .*", Step.Omitted.OWNER),
            omit("(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*", Step.Omitted.PRIVILEGE),
            omit("SET DEFAULT_TABLESPACE = [^'].*", Step.Omitted.TABLESPACE),
            omit("COMMENT ON (EXTENSION|DATABASE) .*", Step.Omitted.COMMENT),
            omit("CREATE SCHEMA (IF NOT EXISTS )?PUBLIC", Step.Omitted.SCHEMA),
            omit(
                    "SET (STATEMENT|LOCK|IDLE_SESSION|IDLE_IN_TRANSACTION_SESSION|TRANSACTION)_TIMEOUT = 0",
                    Step.Omitted.TIME_LIMIT),
            omit("ALTER (DATABASE|ROLE .* IN DATABASE) .*", Step.Omitted.DATABASE));

    /** What a dump says that a template leaves out. */
    static Optional<Step.Omitted> omitted(String outline) {
        return OMITTED.stream()
                .filter(one -> one.outline().matcher(outline).matches())
                .map(Omission::what)
                .findFirst();
    }

    private static final Pattern FORCES = Pattern.compile("(?is)ALTER TABLE .*(?<!\\bNO) FORCE ROW LEVEL SECURITY");
    private static final int FORCES_BYTES_MAX = 512;

    /**
     * Whether a statement of a dump runs after all others. Row security of a table that also binds its owner would
     * keep the owner from filling a materialized view from it.
     */
    static boolean comesLast(Statement statement) {
        return statement.sql().length <= FORCES_BYTES_MAX
                && FORCES.matcher(new String(statement.sql(), StandardCharsets.ISO_8859_1))
                        .matches();
    }

    private static final Pattern CONFORMING =
            Pattern.compile("SET (SESSION |LOCAL )?STANDARD_CONFORMING_STRINGS (TO|=) .*");
    private static final Pattern OFF = Pattern.compile("(?i)(TO|=)\\s*'?(off|false|no|0)'?\\s*$");

    /** Whether a backslash is an ordinary character of a string after this statement; empty if it does not say. */
    static Optional<Boolean> conformingStrings(String outline, String text) {
        return CONFORMING.matcher(outline).matches()
                ? Optional.of(!OFF.matcher(text).find())
                : Optional.empty();
    }

    // A word with a digit in front, a string or a parenthesis may be data.
    private static final Pattern WORDS =
            Pattern.compile("[^\\s('=0-9$;,][^\\s('=$;,]*( [^\\s('=0-9$;,][^\\s('=$;,]*){0,5}");
    private static final int WORDS_CHARACTERS_MAX = 100;

    /** The first words, at most six, up to the first value. */
    static String words(String outline) {
        Matcher matcher = WORDS.matcher(outline);
        String words = matcher.lookingAt() ? matcher.group() : "";
        return words.length() <= WORDS_CHARACTERS_MAX ? words : words.substring(0, WORDS_CHARACTERS_MAX) + "…";
    }
}
