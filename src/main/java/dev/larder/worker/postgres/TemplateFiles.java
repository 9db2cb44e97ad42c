package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import dev.larder.dump.DumpRefused;
import dev.larder.model.FileContent;
import dev.larder.model.LogLine;
import dev.larder.worker.postgres.LoadSession.StatementFailed;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs the files of a version in an unfinished template database, as the builder role. */
final class TemplateFiles {

    private static final int NOTICES_MAX = 1_000;
    private static final int NOTICE_CHARACTERS_MAX = 8_192;
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final PostgresServer server;
    private final InstantSource clock;
    private final TemplateBuild build;
    private final AtomicInteger notices = new AtomicInteger();

    TemplateFiles(PostgresServer server, InstantSource clock, TemplateBuild build) {
        this.server = server;
        this.clock = clock;
        this.build = build;
    }

    /**
     * Runs all files, in the order of their paths. A cancel ends the session.
     *
     * @throws BackendFailure {@code sql_failed} or {@code template_timed_out}
     */
    Uni<Void> run() {
        Duration within = JobLimits.forFiles(build.assignment(), clock);
        return Uni.createFrom()
                .<Void>emitter(emitter -> begin(emitter, within))
                .ifNoItem()
                .after(within)
                .failWith(() ->
                        new BackendFailure("template_timed_out", "its files were not done in the time of the job"));
    }

    /** A file may have gigabytes: a thread that waits reads and sends it. A worker has few builds at once. */
    private void begin(UniEmitter<? super Void> emitter, Duration within) {
        LoadSession session = server.loadSession(
                build.builder(),
                build.secret(),
                build.names().building(),
                build.names().session(),
                within.plus(CLOSING),
                this::notice);
        UniEmitter<? super Void> unused = emitter.onTermination(session::close);
        Thread loading = Thread.ofPlatform().daemon().name("larder-template").start(() -> run(session, emitter));
    }

    private void run(LoadSession session, UniEmitter<? super Void> emitter) {
        try (session) {
            session.open();
            for (Map.Entry<String, FileContent> file : build.files().entrySet()) {
                file(session, file.getKey(), file.getValue());
            }
            emitter.complete(null);
        } catch (StatementFailed refused) {
            emitter.fail(refused.told());
        } catch (UncheckedIOException gone) {
            emitter.fail(gone.getCause());
        } catch (RuntimeException failed) {
            emitter.fail(failed);
        }
    }

    /** Runs one file, and resets settings for the next one. */
    private void file(LoadSession session, String path, FileContent content) {
        log("running " + path);
        for (Map.Entry<String, String> value : build.values().byName().entrySet()) {
            session.run("SELECT set_config($1, $2, false)", "larder." + value.getKey(), value.getValue());
        }
        try (InputStream bytes = content.open();
                DumpFile file = DumpFile.open(bytes)) {
            new FileRun(session, path, file, build.values()).run().forEach(this::log);
        } catch (DumpRefused refused) {
            throw new BackendFailure("sql_failed", path + " " + refused.reason());
        } catch (IOException unreadable) {
            throw new BackendFailure("sql_failed", path + ": it cannot be read: " + unreadable.getMessage());
        }
        session.run(StatementBatch.ascii("DISCARD ALL"));
    }

    private void notice(String severity, String message) {
        int count = notices.incrementAndGet();
        if (count <= NOTICES_MAX) {
            log(Texts.cut(build.values().masked(severity + ": " + message), NOTICE_CHARACTERS_MAX));
        } else if (count == NOTICES_MAX + 1) {
            log("further notices are left out");
        }
    }

    private void log(String line) {
        build.log().accept(new LogLine(clock.instant(), "larder", line));
    }
}
