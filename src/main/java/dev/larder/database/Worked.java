package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.function.Supplier;

/** Work that takes milliseconds of a processor, on a thread that may take them. */
public final class Worked {

    private Worked() {}

    /** Begins with the subscription; answers on the caller's own context, as a request must. */
    public static <T> Uni<T> off(Supplier<T> work) {
        Context own = Vertx.currentContext();
        Uni<T> done = Uni.createFrom().item(work).runSubscriptionOn(Infrastructure.getDefaultWorkerPool());
        return own == null ? done : done.emitOn(answer -> own.runOnContext(unused -> answer.run()));
    }
}
