package dev.larder.cli;

import io.quarkus.runtime.LaunchMode;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import org.jspecify.annotations.Nullable;

/** Starts the application for a command and ends the process with it. */
final class Boot {

    private Boot() {}

    /**
     * Runs until the application has ended. A start that fails says why in one sentence and ends the process.
     *
     * @param application a bean; its {@code run} waits for the end
     */
    static int run(Class<? extends QuarkusApplication> application, String... args) {
        Quarkus.run(application, Boot::ended, args);
        return 0;
    }

    private static void ended(int exit, @Nullable Throwable failure) {
        int code = failure == null ? exit : StartFailure.of(failure).tell();
        // In dev mode the application ends at every live reload, and the process goes on.
        if (LaunchMode.current() != LaunchMode.DEVELOPMENT) {
            System.exit(code);
        }
    }
}
