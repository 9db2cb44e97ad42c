package dev.larder.store;

import io.vertx.core.VertxException;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import io.vertx.core.impl.NoStackTraceThrowable;
import io.vertx.sqlclient.ClosedConnectionException;
import io.vertx.sqlclient.DatabaseException;
import java.io.IOException;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells failures of the database that a caller may do something about from faults. */
public final class DatabaseFaults {

    private static final int CAUSES_MAX = 8;
    private static final Set<String> CONNECTION_GONE = Set.of(
            "Connection reset by peer", "Connection reset", "Broken pipe", "Connection timed out", "No route to host");

    private DatabaseFaults() {}

    /** Whether the same request may succeed once the database is back: nothing is wrong with the request itself. */
    public static boolean unavailable(Throwable failure) {
        Throwable cause = failure;
        for (int depth = 0; cause != null && depth < CAUSES_MAX; depth++) {
            if (says(cause)) {
                return true;
            }
            cause = cause.getCause();
        }
        return false;
    }

    private static boolean says(Throwable cause) {
        return switch (cause) {
            case DatabaseException told -> away(told.getSqlState());
            // Refused, reset, no route.
            case SocketException socket -> true;
            case UnknownHostException host -> true;
            case ClosedChannelException channel -> true;
            // A write finds the connection gone: the JDK has no class of its own for that.
            case IOException told when told.getClass() == IOException.class -> connectionGone(told);
            case ClosedConnectionException closed -> true;
            case ConnectionPoolTooBusyException busy -> true;
            case DatabaseClock.UnknownTimeException early -> true;
            // What the pool says when no connection became free in time, or when the one it gives has just ended;
            // neither
            // has a class of its own.
            case NoStackTraceThrowable told -> noConnection(told);
            case VertxException told -> noConnection(told);
            default -> cause.getClass().getName().equals("io.netty.channel.unix.Errors$NativeIoException");
        };
    }

    private static boolean connectionGone(IOException told) {
        return CONNECTION_GONE.contains(String.valueOf(told.getMessage()));
    }

    private static boolean noConnection(Throwable told) {
        String message = told.getMessage();
        return message != null && (message.startsWith("Timeout") || message.startsWith("Connection is not active"));
    }

    /**
     * Classes 08 connection, 53 resources, 57P shutdown and start; 25006 a standby that is not promoted yet; 42P01 a
     * database whose first migration has not run yet.
     */
    private static boolean away(@Nullable String sqlState) {
        return sqlState != null
                && (sqlState.startsWith("08")
                        || sqlState.startsWith("53")
                        || sqlState.startsWith("57P")
                        || sqlState.equals("25006")
                        || sqlState.equals("42P01"));
    }

    /** Two transactions were in each other's way and this one gave in: the same request may simply be sent again. */
    public static boolean conflict(Throwable failure) {
        return failure instanceof DatabaseException told
                && ("40001".equals(told.getSqlState()) || "40P01".equals(told.getSqlState()));
    }

    /** A text that PostgreSQL cannot hold (U+0000): the caller's, since Larder sends none of its own. */
    public static boolean unstorableText(Throwable failure) {
        return failure instanceof DatabaseException told
                && ("22021".equals(told.getSqlState()) || "22P05".equals(told.getSqlState()));
    }
}
