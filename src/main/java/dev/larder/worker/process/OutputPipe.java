package dev.larder.worker.process;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/**
 * A named pipe that carries one output stream of a process to its log without ever waiting. Java's own pipes do not
 * suffice: they end only when every descendant of the process has closed them, and until then Java collects the output
 * in memory.
 */
final class OutputPipe implements AutoCloseable {

    private static final int CHUNK_BYTES = 65_536;
    private static final int CHUNKS_AT_ONCE = 16;

    private final RandomAccessFile pipe;
    private final FileInputStream bytes;
    private final OutputLog.Stream log;
    private final Runnable beforeLines;
    private final byte[] chunk = new byte[CHUNK_BYTES];

    /** @param beforeLines called after output was read and before it is logged */
    OutputPipe(Path path, OutputLog.Stream log, Runnable beforeLines) throws IOException {
        // Opened for reading and writing, so that opening does not wait and the pipe does not end while it is open.
        this.pipe = new RandomAccessFile(path.toFile(), "rw");
        this.bytes = new FileInputStream(pipe.getFD());
        this.log = log;
        this.beforeLines = beforeLines;
    }

    /** Logs the output that the pipe holds, at most 1 MiB. Returns whether there was any. */
    boolean carry() throws IOException {
        for (int chunks = 0; chunks < CHUNKS_AT_ONCE; chunks++) {
            int available = Math.min(bytes.available(), CHUNK_BYTES);
            if (available <= 0) {
                return chunks > 0;
            }
            int read = bytes.read(chunk, 0, available);
            // After the read: a secret that the process wrote to a file before it printed this is known by now.
            beforeLines.run();
            log.take(chunk, read);
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        log.endLine();
        bytes.close();
        pipe.close();
    }
}
