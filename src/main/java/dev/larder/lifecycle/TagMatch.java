package dev.larder.lifecycle;

import dev.larder.model.WorkerEntry;
import java.util.Map;
import java.util.TreeMap;

/** Which worker's tags fit which job's, said once for all statements (design, section 4.1). */
public final class TagMatch {

    /**
     * The tag of a version that refers to uploaded files. No declaration and no worker can have it. So a worker, or
     * a server, of a release that knows no uploaded files takes none of its jobs (decision 0042).
     */
    private static final String FILES_TAG = "$files";

    private TagMatch() {}

    /**
     * A condition: an untagged job fits only an untagged worker; otherwise the worker's tags must contain the job's.
     * A job that needs uploaded files fits only a worker that offers to fetch them.
     *
     * @param worker what the statement calls the row with the worker's tags and backends
     * @param job what it calls the row with the job's
     */
    public static String tags(String worker, String job) {
        return "(%s OR (%s.tags ? '%s' AND '%s' = ANY (%s.backends) AND %s))"
                .formatted(
                        matches(worker, job + ".tags"),
                        job,
                        FILES_TAG,
                        WorkerEntry.FETCHES_FILES,
                        worker,
                        declared(worker, job));
    }

    /** The same, whatever the worker offers. */
    public static String declared(String worker, String job) {
        return matches(worker, "(%s.tags - '%s')".formatted(job, FILES_TAG));
    }

    private static String matches(String worker, String tags) {
        return "(%1$s.tags @> %2$s AND (%2$s <> '{}' OR %1$s.tags = '{}'))".formatted(worker, tags);
    }

    /** The tags of a version that refers to uploaded files, of those that it declares. */
    public static Map<String, String> withFiles(Map<String, String> declared) {
        Map<String, String> tags = new TreeMap<>(declared);
        tags.put(FILES_TAG, "1");
        return tags;
    }

    /** Whether people declared a tag of this name. */
    public static boolean isDeclared(String name) {
        return !name.equals(FILES_TAG);
    }
}
