package dev.larder.worker.process;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * Two numbers that tag the processes of a job: the hard and the soft limit of file locks ({@code RLIMIT_LOCKS}). Linux
 * passes the limits to every child and no longer enforces them. They stay when a process clears its environment
 * ({@code env -i}), changes its session or folder, or closes all files (decision 0021).
 *
 * @param workspace the hard limit: identifies the folder of the workspace. Greater than every job tag, because a hard
 *     limit must not be below the soft one
 * @param job the soft limit: identifies one attempt of a job
 */
record ProcessTags(long workspace, long job) {

    private static final long JOBS = 1L << 60;

    static ProcessTags of(String workspaceFolder, UUID job, int attempt) {
        return new ProcessTags(workspace(workspaceFolder), job(job, attempt));
    }

    static long workspace(String folder) {
        return JOBS + hash("workspace " + folder);
    }

    static long job(UUID job, int attempt) {
        return hash("job " + job + "-" + attempt);
    }

    // A process runs without tags if the limits cannot be set. Shells name the option -w or -x.
    private static final String SET = """
            ulimit -w "$1" 2>/dev/null || ulimit -x "$1" 2>/dev/null
            ulimit -S -w "$2" 2>/dev/null || ulimit -S -x "$2" 2>/dev/null
            { [ -z "$3" ] || echo 0 > "$3"; } 2>/dev/null
            shift 3
            exec "$@\"""";

    /**
     * The words in front of a command that give its process these tags.
     *
     * @param group the file by which a process joins a control group; empty for no group
     */
    List<String> prefix(String group) {
        return List.of("/bin/sh", "-c", SET, "larder", Long.toString(workspace), Long.toString(job), group);
    }

    /** The job tags of all attempts before this one. */
    static List<Long> earlier(UUID job, int attempt) {
        return IntStream.range(1, attempt).mapToObj(one -> job(job, one)).toList();
    }

    /** From 1 up to {@link #JOBS}. */
    private static long hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest).getLong() & (JOBS - 1) | 1;
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
