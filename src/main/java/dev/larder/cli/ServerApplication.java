package dev.larder.cli;

import io.quarkus.arc.Unremovable;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import jakarta.inject.Singleton;

/** A server. Runs until it is stopped. Its work begins with the start of the application. */
@Unremovable
@Singleton
class ServerApplication implements QuarkusApplication {

    @Override
    public int run(String... args) {
        Signals.install();
        Quarkus.waitForExit();
        return 0;
    }
}
