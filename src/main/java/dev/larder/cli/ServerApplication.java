package dev.larder.cli;

import io.quarkus.arc.Unremovable;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import jakarta.inject.Singleton;

/** A server, until it is told to stop. What it does begins with the application's start. */
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
