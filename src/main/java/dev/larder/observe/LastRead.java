package dev.larder.observe;

import io.smallrye.mutiny.Uni;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What was read last for gauges of the whole deployment. It is unknown before the first read and while the
 * database does not answer: an old number would mislead.
 */
public final class LastRead<T> {

    private static final Logger LOG = Logger.getLogger(LastRead.class);

    private final String what;
    private final Supplier<Uni<T>> reading;
    private volatile @Nullable T known;

    /** @param what for the log: "claims" */
    public LastRead(String what, Supplier<Uni<T>> reading) {
        this.what = what;
        this.reading = reading;
    }

    /** Reads it. Does not fail: after a failed read it is unknown. */
    public Uni<Void> renew() {
        return Uni.createFrom()
                .deferred(reading::get)
                .invoke(read -> known = read)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(this::forget);
    }

    private Uni<Void> forget(Throwable cause) {
        LOG.debugf(cause, "%s not read", what);
        known = null;
        return Uni.createFrom().voidItem();
    }

    /** A number of it; NaN while it is unknown. */
    public double value(ToDoubleFunction<T> number) {
        T read = known;
        return read == null ? Double.NaN : number.applyAsDouble(read);
    }
}
