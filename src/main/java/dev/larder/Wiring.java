package dev.larder;

import dev.larder.database.DatabaseClock;
import dev.larder.database.Direct;
import dev.larder.model.FollowedTime;
import dev.larder.model.Ids;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.enterprise.inject.Typed;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.InstantSource;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** The only place that knows the system clock. Everything else is given an {@link InstantSource}. */
class Wiring {

    /**
     * The time of a server is the database's (decision 0023).
     *
     * @param offset for tests: sets the process's own clock wrong by this
     */
    @Produces
    @Singleton
    @Typed(DatabaseClock.class)
    DatabaseClock databaseClock(
            Vertx vertx,
            Direct direct,
            @ConfigProperty(name = "larder.clock.offset", defaultValue = "PT0S") Duration offset) {
        return new DatabaseClock(vertx, direct.pool(), System::nanoTime, wall(offset));
    }

    void close(@Disposes DatabaseClock database) {
        database.stop();
    }

    /**
     * A server's time is the database's. A process without a database has its own clock's time as it was at the start,
     * carried on by a counter: a step of the clock changes nothing.
     */
    @Produces
    @Singleton
    InstantSource clock(
            DatabaseClock database,
            @ConfigProperty(name = "larder.role", defaultValue = "server") String role,
            @ConfigProperty(name = "larder.clock.offset", defaultValue = "PT0S") Duration offset) {
        return role.equals("server") ? database : carriedOn(wall(offset));
    }

    private static InstantSource carriedOn(InstantSource wall) {
        long now = System.nanoTime();
        FollowedTime time = FollowedTime.read(wall.instant(), now, now);
        return () -> time.at(System.nanoTime());
    }

    private static InstantSource wall(Duration offset) {
        InstantSource system = InstantSource.system();
        return () -> system.instant().plus(offset);
    }

    @Produces
    @Singleton
    Ids ids(InstantSource clock) {
        return new Ids(clock);
    }
}
