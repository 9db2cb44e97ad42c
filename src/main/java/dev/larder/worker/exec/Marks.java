package dev.larder.worker.exec;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * Numbers by which the processes of a job are found that have cleared their environment: the soft and the hard limit of
 * file locks, which Linux hands down to every child and no longer looks at itself (decision 0021). Neither {@code env -i},
 * {@code setsid}, {@code nohup}, a change of folder nor closing all files takes them away.
 *
 * @param workspace of the workspace below its root; above every mark of a job, since a hard limit is the higher one
 * @param job of one attempt
 */
record Marks(long workspace, long job) {

    private static final long JOBS = 1L << 60;

    static Marks of(String workspaceFolder, UUID job, int attempt) {
        return new Marks(workspace(workspaceFolder), job(job, attempt));
    }

    static long workspace(String folder) {
        return JOBS + hash("workspace " + folder);
    }

    static long job(UUID job, int attempt) {
        return hash("job " + job + "-" + attempt);
    }

    // Where a limit cannot be set the script runs without it. The letter is not the same in all shells.
    private static final String SET = """
            ulimit -w "$1" 2>/dev/null || ulimit -x "$1" 2>/dev/null
            ulimit -S -w "$2" 2>/dev/null || ulimit -S -x "$2" 2>/dev/null
            { [ -z "$3" ] || echo 0 > "$3"; } 2>/dev/null
            shift 3
            exec "$@\"""";

    /**
     * What to begin a command with so that it bears these marks.
     *
     * @param group the file to join a control group by; empty where there is none
     */
    List<String> command(String group) {
        return List.of("/bin/sh", "-c", SET, "larder", Long.toString(workspace), Long.toString(job), group);
    }

    /** Of all attempts before this one. */
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
