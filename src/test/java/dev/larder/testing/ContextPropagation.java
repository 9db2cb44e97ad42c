package dev.larder.testing;

import io.smallrye.context.SmallRyeContextManagerProvider;

/**
 * Mutiny looks up its context manager with the first statement, and two test classes that do so at once fail with
 * "ContextManagerProvider already set". A class that opens a pool in a test's own process calls this first.
 */
public final class ContextPropagation {

    private ContextPropagation() {}

    /** Looks the context manager up, one caller at a time. */
    public static synchronized void prepare() {
        if (SmallRyeContextManagerProvider.getManager() == null) {
            throw new IllegalStateException("no context manager");
        }
    }
}
