package dev.larder.lifecycle;

/** Which worker's tags fit which job's, said once for all statements (design, section 4.1). */
public final class TagMatch {

    private TagMatch() {}

    /**
     * A condition: an untagged job fits only an untagged worker; otherwise the worker's tags must contain the job's.
     *
     * @param worker what the statement calls the row with the worker's tags
     * @param job what it calls the row with the job's
     */
    public static String tags(String worker, String job) {
        return "%1$s.tags @> %2$s.tags AND (%2$s.tags <> '{}' OR %1$s.tags = '{}')".formatted(worker, job);
    }
}
