package dev.larder.worker.postgres;

import dev.larder.worker.postgres.Frames.Frame;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.SslMode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A session that runs statements and sends the rows of {@code COPY … FROM stdin}, which the PostgreSQL client of Vert.x
 * cannot. It speaks the protocol itself (decision 0044), with the address, the TLS settings and the time limits of
 * all sessions. What statements select is dropped as it arrives.
 *
 * <p>One thread uses it, and waits. {@link #close} may be called from any thread, and ends a wait with a failure.
 */
final class LoadSession implements AutoCloseable {

    private static final int SSL_REQUEST = 80_877_103;
    private static final int PIECE = 65_536;
    private static final int PIECES_UNDER_WAY = 4;

    private final Vertx vertx;
    private final PgConnectOptions options;
    private final BiConsumer<String, String> notices;
    private final Map<String, String> parameters = new ConcurrentHashMap<>();
    private volatile @Nullable NetClient client;
    private volatile @Nullable NetSocket socket;
    private volatile boolean closed;
    private volatile Exchange exchange = new Exchange();
    private volatile char status = 'I';

    /** @param notices takes the severity and the message of each notice */
    LoadSession(Vertx vertx, PgConnectOptions options, BiConsumer<String, String> notices) {
        this.vertx = vertx;
        this.options = options;
        this.notices = notices;
    }

    /** What was sent, until the server is ready for the next message. Written by the event loop. */
    private static final class Exchange {

        private final CompletableFuture<Boolean> rowsWanted = new CompletableFuture<>();
        private final CompletableFuture<Void> ready = new CompletableFuture<>();
        private int completed;
        private volatile @Nullable PgException error;

        private void end() {
            boolean noRows = rowsWanted.complete(false);
            boolean done = ready.complete(null);
        }

        private void fail(Throwable cause) {
            boolean noRows = rowsWanted.completeExceptionally(cause);
            boolean done = ready.completeExceptionally(cause);
        }
    }

    /** The server refused a statement. */
    static final class StatementFailed extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final int completed;
        private final PgException cause;

        StatementFailed(int completed, PgException cause) {
            super(cause.getMessage(), cause, false, false);
            this.completed = completed;
            this.cause = cause;
        }

        /** How many statements of the message succeeded before. */
        int completed() {
            return completed;
        }

        PgException told() {
            return cause;
        }
    }

    /**
     * Connects and logs in, with or without TLS as {@code sslmode} says.
     *
     * @throws StatementFailed if the server refuses the login
     * @throws UncheckedIOException if the server cannot be reached
     */
    void open() {
        SslMode mode = options.isUsingDomainSocket() ? SslMode.DISABLE : options.getSslMode();
        switch (mode) {
            case DISABLE -> open(false);
            case ALLOW -> openEither(false);
            case PREFER -> openEither(true);
            case REQUIRE, VERIFY_CA, VERIFY_FULL -> open(true);
        }
    }

    private void openEither(boolean encryptedFirst) {
        try {
            open(encryptedFirst);
        } catch (StatementFailed | UncheckedIOException refused) {
            disconnect();
            socket = null;
            open(!encryptedFirst);
        }
    }

    private void open(boolean encrypted) {
        exchange = new Exchange();
        NetClient created = vertx.createNetClient(tcp());
        client = created;
        refuseIfClosed();
        NetSocket connected = await(created.connect(options.getSocketAddress()));
        socket = connected;
        NetSocket unused = connected.closeHandler(nothing -> ended(connected)).exceptionHandler(cause -> {});
        if (encrypted) {
            encrypt(connected);
        }
        Login login = new Login(options);
        Frames frames = new Frames(frame -> receive(connected, login, frame));
        NetSocket reading = connected.handler(frames::receive);
        exchange(login.startup());
    }

    /** The client of Vert.x does not upgrade a connection without a word on the host; an empty one checks no host. */
    private NetClientOptions tcp() {
        NetClientOptions tcp = new NetClientOptions(options).setSsl(false);
        return tcp.getHostnameVerificationAlgorithm() == null ? tcp.setHostnameVerificationAlgorithm("") : tcp;
    }

    private void encrypt(NetSocket connected) {
        CompletableFuture<Byte> answer = new CompletableFuture<>();
        NetSocket reading = connected.handler(data -> {
            boolean first = answer.complete(data.getByte(0));
        });
        send(Buffer.buffer().appendInt(2 * Integer.BYTES).appendInt(SSL_REQUEST));
        var watched = exchange.ready.whenComplete((none, gone) -> {
            boolean failed = gone != null && answer.completeExceptionally(gone);
        });
        if (await(answer) != 'S') {
            throw unreachable("it offers no TLS");
        }
        Void upgraded = await(connected.upgradeToSsl());
    }

    private static UncheckedIOException unreachable(String why) {
        return new UncheckedIOException(new SocketException(why));
    }

    private void refuseIfClosed() {
        if (closed) {
            disconnect();
            throw unreachable("the session was closed");
        }
    }

    /** The server closes the connection after it has told a reason. */
    private void ended(NetSocket from) {
        if (!from.equals(socket)) {
            return;
        }
        if (exchange.error != null) {
            exchange.end();
        } else {
            broken(new SocketException("the server closed the connection"));
        }
    }

    private void broken(Throwable cause) {
        exchange.fail(cause);
    }

    private void receive(NetSocket from, Login login, Frame frame) {
        switch (frame.type()) {
            case 'R' -> logIn(from, login, frame.body());
            case 'S' -> {
                String[] texts = Frames.texts(frame.body());
                parameters.put(texts[0], texts[1]);
            }
            case 'Z' -> {
                status = (char) frame.body().getByte(0);
                exchange.end();
            }
            case 'E' -> {
                if (exchange.error == null) {
                    exchange.error = Frames.error(frame.body());
                }
            }
            case 'N' ->
                notices.accept(
                        String.valueOf(Frames.field(frame.body(), 'S')),
                        String.valueOf(Frames.field(frame.body(), 'M')));
            case 'C' -> exchange.completed++;
            case 'G' -> rowsWanted(from);
            default -> {
                // The rest says nothing that is needed here.
            }
        }
    }

    private void logIn(NetSocket from, Login login, Buffer request) {
        try {
            Buffer answer = login.answer(request);
            if (answer.length() > 0) {
                Future<Void> sent = from.write(answer);
            }
        } catch (RuntimeException refused) {
            broken(new SocketException(refused.getMessage()));
        }
    }

    /** The server would wait for ever for rows of a statement that was not known to take them. */
    private void rowsWanted(NetSocket from) {
        if (!exchange.rowsWanted.complete(true)) {
            Future<Void> sent = from.write(Frames.message('f', Frames.text(Buffer.buffer(), "it has no rows")));
        }
    }

    /**
     * Runs statements as one message: where no transaction is open, they are one transaction.
     *
     * @throws StatementFailed if the server refuses one of them; those after it did not run
     */
    void run(byte[] statements) {
        Exchange begun = new Exchange();
        boolean noRows = begun.rowsWanted.complete(false);
        exchange = begun;
        exchange(query(statements));
    }

    /** Runs one statement with parameters. */
    void run(String statement, String... values) {
        exchange = new Exchange();
        exchange(Frames.statement(statement, values));
    }

    private static Buffer query(byte[] statements) {
        return Frames.message('Q', Buffer.buffer(statements).appendByte((byte) 0));
    }

    private void exchange(Buffer message) {
        refuseIfClosed();
        send(message);
        finish();
    }

    private void finish() {
        Void ready = await(exchange.ready);
        PgException error = exchange.error;
        if (error != null) {
            throw new StatementFailed(exchange.completed, error);
        }
    }

    /**
     * Runs {@code COPY … FROM stdin} and sends it the rows, in pieces: at most four are under way.
     *
     * @throws StatementFailed if the server refuses the statement or a row
     */
    void copy(byte[] statement, InputStream rows) throws IOException {
        exchange = new Exchange();
        refuseIfClosed();
        send(query(statement));
        if (await(exchange.rowsWanted)) {
            sendRows(rows);
        }
        finish();
    }

    private void sendRows(InputStream rows) throws IOException {
        byte[] piece = new byte[PIECE];
        int sent = 0;
        int length = filled(rows, piece);
        while (length > 0 && exchange.error == null) {
            Future<Void> written = write(Frames.message('d', Buffer.buffer().appendBytes(piece, 0, length)));
            sent++;
            if (sent % PIECES_UNDER_WAY == 0) {
                Void taken = await(written);
            }
            length = filled(rows, piece);
        }
        send(Frames.empty('c'));
    }

    private static int filled(InputStream rows, byte[] piece) throws IOException {
        int length = 0;
        int count = 0;
        while (count >= 0 && length < piece.length) {
            count = rows.read(piece, length, piece.length - length);
            length += Math.max(count, 0);
        }
        return length;
    }

    private void send(Buffer message) {
        Future<Void> written = write(message);
    }

    private Future<Void> write(Buffer message) {
        NetSocket to = socket;
        if (to == null) {
            throw unreachable("it is not connected");
        }
        return to.write(message);
    }

    private static <T> T await(Future<T> future) {
        return await(future.toCompletionStage().toCompletableFuture());
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (CompletionException failed) {
            throw new UncheckedIOException(
                    failed.getCause() instanceof IOException told ? told : new IOException(failed.getCause()));
        }
    }

    /** {@code I}: no transaction is open. {@code T}: one is. {@code E}: one has failed. */
    char status() {
        return status;
    }

    /** The value of a setting that the server reports when it changes; empty if it does not report it. */
    String parameter(String name) {
        return parameters.getOrDefault(name, "");
    }

    @Override
    public void close() {
        closed = true;
        disconnect();
        broken(new SocketException("the session was closed"));
    }

    private void disconnect() {
        NetClient opened = client;
        if (opened != null) {
            Future<Void> ending = opened.close();
        }
    }
}
