package dev.larder.database;

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
import java.util.function.Predicate;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Distinguishes failures of the database that a caller can act on from faults. */
public final class DatabaseFaults {

    private static final int CAUSES_MAX = 8;
    private static final Set<String> CONNECTION_GONE = Set.of(
            "Connection reset by peer", "Connection reset", "Broken pipe", "Connection timed out", "No route to host");

    private static final Set<String> REFUSED_LOGIN = Set.of("28P01", "28000");

    private DatabaseFaults() {}

    /** Whether the database is unavailable: the same request may succeed later. */
    public static boolean unavailable(Throwable failure) {
        return anyCause(failure, DatabaseFaults::says);
    }

    /**
     * Whether the database is busy: a lock was held too long, a statement exceeded its time limit, or too many
     * calls waited for a connection. The same request may succeed a moment later.
     */
    public static boolean busy(Throwable failure) {
        return anyCause(failure, DatabaseFaults::saysBusy);
    }

    private static boolean anyCause(Throwable failure, Predicate<Throwable> says) {
        Throwable cause = failure;
        for (int depth = 0; cause != null && depth < CAUSES_MAX; depth++) {
            if (says.test(cause)) {
                return true;
            }
            cause = cause.getCause();
        }
        return false;
    }

    private static boolean saysBusy(Throwable cause) {
        return cause instanceof ConnectionPoolTooBusyException
                || (cause instanceof DatabaseException told && gaveUp(told.getSqlState()));
    }

    /** 57014: a statement exceeded its time limit or was canceled. 55P03: a lock timeout. */
    private static boolean gaveUp(@Nullable String sqlState) {
        return "57014".equals(sqlState) || "55P03".equals(sqlState);
    }

    /**
     * What an operator can do about a failed connection, in one sentence without host, user or password. Otherwise
     * the message of the failure.
     */
    public static String inPlainWords(Throwable failure) {
        if (certificateRefused(failure)) {
            return "the database server's certificate is not accepted: it must be signed by the authority in sslrootcert and,"
                    + " with sslmode=verify-full, made out to the host in the address";
        }
        if (failure instanceof DatabaseException told && REFUSED_LOGIN.contains(told.getSqlState())) {
            return "the database server does not let the configured user in: wrong user or password, or pg_hba.conf refuses it";
        }
        return String.valueOf(failure.getMessage());
    }

    /** Whether the connection failed because of the server's certificate. */
    static boolean certificateRefused(Throwable failure) {
        return anyCause(failure, DatabaseFaults::handshakeFailed);
    }

    private static boolean says(Throwable cause) {
        return handshakeFailed(cause) || connectionFailed(cause);
    }

    private static boolean connectionFailed(Throwable cause) {
        return switch (cause) {
            case DatabaseException told -> away(told.getSqlState()) || gaveUp(told.getSqlState());
            // Refused, reset, no route.
            case SocketException socket -> true;
            case UnknownHostException host -> true;
            case ClosedChannelException channel -> true;
            // A write on a closed connection: the JDK has no class of its own for it.
            case IOException told when told.getClass() == IOException.class -> connectionGone(told);
            case ClosedConnectionException closed -> true;
            case ConnectionPoolTooBusyException busy -> true;
            case DatabaseClock.UnknownTimeException early -> true;
            // The pool reports a connection that has just ended; it has no class of its own for it.
            case NoStackTraceThrowable told -> noConnection(told);
            case VertxException told -> noConnection(told);
            default -> cause.getClass().getName().equals("io.netty.channel.unix.Errors$NativeIoException");
        };
    }

    /**
     * A certificate that is not accepted, or a connection that ends during the handshake. The client reports either
     * with both classes.
     */
    private static boolean handshakeFailed(Throwable told) {
        return told instanceof SSLException
                || (told instanceof VertxException
                        && String.valueOf(told.getMessage()).startsWith("SSL handshake"));
    }

    private static boolean connectionGone(IOException told) {
        return CONNECTION_GONE.contains(String.valueOf(told.getMessage()));
    }

    private static boolean noConnection(Throwable told) {
        String message = told.getMessage();
        return message != null && (message.startsWith("Timeout") || message.startsWith("Connection is not active"));
    }

    /**
     * Classes 08 (connection), 53 (resources), 57P (shutdown and start); 25006 (a standby that is not promoted
     * yet), 25P03 (an idle transaction was ended), 42P01 (the first migration has not run yet).
     */
    private static boolean away(@Nullable String sqlState) {
        return sqlState != null
                && (sqlState.startsWith("08")
                        || sqlState.startsWith("53")
                        || sqlState.startsWith("57P")
                        || sqlState.equals("25006")
                        || sqlState.equals("25P03")
                        || sqlState.equals("42P01"));
    }

    /** A serialization failure or deadlock: the same request may be sent again at once. */
    public static boolean conflict(Throwable failure) {
        return failure instanceof DatabaseException told
                && ("40001".equals(told.getSqlState()) || "40P01".equals(told.getSqlState()));
    }

    /**
     * A text that PostgreSQL cannot store (U+0000). It comes from the caller, because Larder sends none of its own.
     */
    public static boolean unstorableText(Throwable failure) {
        return failure instanceof DatabaseException told
                && ("22021".equals(told.getSqlState()) || "22P05".equals(told.getSqlState()));
    }
}
