package dev.larder.lifecycle;

/** Statements without the events that they append themselves. */
public final class Untold {

    private static final String TOLD = "INSERT INTO events";

    private Untold() {}

    /** The same statement, which takes its numbers and appends no event. */
    public static String of(String statement) {
        int from = statement.indexOf(TOLD);
        if (from < 0) {
            throw new IllegalStateException("the statement has changed, no '" + TOLD + "' in it");
        }
        int to = from;
        for (int open = 1; open > 0; to++) {
            open += statement.charAt(to) == '(' ? 1 : statement.charAt(to) == ')' ? -1 : 0;
        }
        return statement.substring(0, from) + "SELECT" + statement.substring(to - 1);
    }
}
