package dev.larder;

import dev.larder.pool.Ids;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.InstantSource;

/** The only place that knows the system clock. Everything else is given an {@link InstantSource}. */
class Wiring {

    @Produces
    @Singleton
    InstantSource clock() {
        return InstantSource.system();
    }

    @Produces
    @Singleton
    Ids ids(InstantSource clock) {
        return new Ids(clock);
    }
}
