package dev.larder.bench;

import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What work has cost besides time: transactions that wrote, bytes of WAL, and the processor time of everybody who
 * shares the machine. Read before and after.
 */
record Meter(
        long writingTransactions,
        long walBytes,
        long statements,
        double serverSeconds,
        double postgresSeconds,
        double clientSeconds,
        double allSeconds,
        double elapsedSeconds) {

    private static final double TICKS_PER_SECOND = 100;

    static Meter read(Base base, Optional<LarderServer> server) {
        // Transaction ids are given to those who write, and counted at once, unlike the statistics of backends.
        Row row = base.row("""
                SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS transactions,
                       (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal,
                       (SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
                         WHERE d.datname = current_database() AND toplevel) AS statements""");
        return new Meter(
                row.getLong("transactions"),
                row.getLong("wal"),
                row.getLong("statements"),
                server.map(process -> ticks(process.pid(), false)).orElse(0.0),
                postgres(base.server().pid()),
                ticks(ProcessHandle.current().pid(), true),
                all(),
                System.nanoTime() / 1e9);
    }

    Meter since(Meter before) {
        return new Meter(
                writingTransactions - before.writingTransactions,
                walBytes - before.walBytes,
                statements - before.statements,
                serverSeconds - before.serverSeconds,
                postgresSeconds - before.postgresSeconds,
                clientSeconds - before.clientSeconds,
                allSeconds - before.allSeconds,
                elapsedSeconds - before.elapsedSeconds);
    }

    /**
     * The part of the machine's processors that went to processes that are none of ours: they take it from all
     * figures.
     */
    double othersShare() {
        double others = allSeconds - serverSeconds - postgresSeconds - clientSeconds;
        return Math.max(0, others) / elapsedSeconds / Runtime.getRuntime().availableProcessors();
    }

    /** What all processors have worked, for whomever. */
    private static double all() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/stat"))) {
            String[] words = lines.findFirst().orElse("").split(" +");
            double ticks = 0;
            // user nice system, not idle iowait, irq softirq steal
            for (int word : new int[] {1, 2, 3, 6, 7, 8}) {
                ticks += Double.parseDouble(words[word]);
            }
            return ticks / TICKS_PER_SECOND;
        } catch (IOException noProc) {
            return Double.NaN;
        }
    }

    /** Of the server with its backends, those that have ended included. */
    private static double postgres(long postmaster) {
        double sum = Double.NaN;
        double ended = ticks(postmaster, true);
        // A backend that is buried while the others are counted would be in neither sum: then once more.
        for (int attempt = 0; attempt < 10; attempt++) {
            sum = ended + children(postmaster);
            double now = ticks(postmaster, true);
            if (now - ended < 2 / TICKS_PER_SECOND) {
                return sum;
            }
            ended = now;
        }
        return sum;
    }

    private static double children(long parent) {
        double sum = 0;
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path one : all) {
                long pid = Long.parseLong(one.getFileName().toString());
                String[] stat = stat(pid);
                if (stat.length > 1 && stat[1].equals(Long.toString(parent))) {
                    sum += ticks(pid, false);
                }
            }
        } catch (IOException noProc) {
            return Double.NaN;
        }
        return sum;
    }

    private static double ticks(long pid, boolean withEndedChildren) {
        String[] stat = stat(pid);
        if (stat.length < 15) {
            return 0;
        }
        double ticks = Double.parseDouble(stat[11]) + Double.parseDouble(stat[12]);
        if (withEndedChildren) {
            ticks += Double.parseDouble(stat[13]) + Double.parseDouble(stat[14]);
        }
        return ticks / TICKS_PER_SECOND;
    }

    /** From the state on, which is the first word after the name. */
    private static String[] stat(long pid) {
        try {
            String line = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            return line.substring(line.lastIndexOf(')') + 2).split(" ");
        } catch (IOException goneOrNoProc) {
            return new String[0];
        }
    }
}
