package dev.larder.http;

import dev.larder.database.DatabaseClock;
import dev.larder.http.Contract.Address;
import dev.larder.http.Contract.Operation;
import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.smallrye.openapi.runtime.OpenApiConstants;
import io.quarkus.smallrye.openapi.runtime.OpenApiDocumentService;
import io.smallrye.openapi.runtime.io.Format;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Checks each request before its route. A request that is too large, too slow or malformed, or whose method the
 * address does not take, is answered here with a problem.
 */
@Singleton
public class Edge {

    private static final Logger LOG = Logger.getLogger(Edge.class);

    /** Bytes of a request target that are read; a longer one is a 414 problem. */
    static final int TARGET_MAX = 8_192;

    /** Bytes of all header names and values that are read; more are a 431 problem. */
    static final int HEADERS_MAX = 32_768;

    // Terraform's http backend reads its bodies itself, once it knows their sender.
    private static final String STATES_OF_TOOLS = "/tf/";

    // Files are read by their resource, which stores them piece by piece, and has limits of its own.
    private static final Pattern FILE = Pattern.compile("/api/v1/organizations/[^/]+/files/[^/]+");

    private static final Set<String> BYTES = Set.of("*/*", "application/octet-stream");
    private static final String FILE_LENGTH = Edge.class.getName() + ".fileLength";

    // Before the limit that Quarkus sets itself, which answers without a body.
    private static final int BEFORE_EVERYTHING = -1000;

    // Where Quarkus' HTTP metrics look for the address of a request; else they take the client's own text.
    private static final String METRICS_ADDRESS = "UrlPathTemplate";
    private static final String NO_ADDRESS = "UNMATCHED";

    private final Vertx vertx;
    private final OpenApiDocumentService description;
    private final long bodyMaxBytes;
    private final long stateMaxBytes;
    private final Duration bodyTimeout;
    private final Duration stateTimeout;
    private final InstantSource clock;
    private final AnswerDate date = new AnswerDate();
    private volatile @Nullable Contract contract;

    // Reads a body of unknown length up to the limit before a resource sees it. A state is read by its resource,
    // which first notes that the upload has begun.
    private final BodyHandler unannounced;

    Edge(
            Vertx vertx,
            OpenApiDocumentService description,
            InstantSource clock,
            @ConfigProperty(name = "larder.http.body-max", defaultValue = "2M") MemorySize bodyMax,
            @ConfigProperty(name = "larder.state.hard-max-size", defaultValue = "128M") MemorySize stateMax,
            @ConfigProperty(name = "larder.http.body-timeout", defaultValue = "30s") Duration bodyTimeout,
            @ConfigProperty(name = "larder.state.body-timeout", defaultValue = "5m") Duration stateTimeout) {
        this.vertx = vertx;
        this.description = description;
        this.clock = clock;
        this.bodyMaxBytes = bodyMax.asLongValue();
        this.stateMaxBytes = stateMax.asLongValue();
        this.bodyTimeout = bodyTimeout;
        this.stateTimeout = stateTimeout;
        this.unannounced = BodyHandler.create(false).setBodyLimit(bodyMaxBytes);
    }

    void install(@Observes Router router) {
        router.route().order(BEFORE_EVERYTHING).handler(this::enter).failureHandler(this::failed);
        router.route("/api/*").order(BEFORE_EVERYTHING).handler(this::readContract);
        router.route("/api/*").order(BEFORE_EVERYTHING).handler(this::readBody).failureHandler(this::failed);
        router.route("/api/*").last().handler(this::nothingHere);
        // Vert.x tries no route for a path that it cannot read.
        router.errorHandler(400, this::failed);
    }

    /** Clients count ages from it. An answer has none before the database's time is known. */
    private void putDate(RoutingContext routing) {
        try {
            var response = routing.response().putHeader(HttpHeaders.DATE, date.at(clock.instant()));
        } catch (DatabaseClock.UnknownTimeException early) {
            LOG.debugf("no time for an answer yet path=%s", routing.request().path());
        }
    }

    private void enter(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        nameForMetrics(NO_ADDRESS);
        putDate(routing);
        if (request.uri().length() > TARGET_MAX) {
            refuse(routing, StatusProblems.of(414));
        } else if (!isUri(request.uri())) {
            refuse(routing, StatusProblems.of(400));
        } else if (headerBytes(request) > HEADERS_MAX) {
            refuse(routing, StatusProblems.of(431));
        } else if (!isRead(request.path()) && announced(request) > bodyMaxBytes) {
            refuse(routing, StatusProblems.of(413));
        } else {
            limitBodyTime(routing);
            routing.next();
        }
    }

    /** Says which address the current request names; a client's own text would make a label of its own for each. */
    public static void nameForMetrics(String address) {
        var context = Vertx.currentContext();
        if (context != null) {
            context.putLocal(METRICS_ADDRESS, address);
        }
    }

    private static boolean isUri(String target) {
        try {
            return !new URI(target).toString().isEmpty();
        } catch (URISyntaxException malformed) {
            return false;
        }
    }

    private static long headerBytes(HttpServerRequest request) {
        long bytes = 0;
        for (Map.Entry<String, String> header : request.headers()) {
            bytes += header.getKey().length() + header.getValue().length();
        }
        return bytes;
    }

    /** The limits of bodies below these paths are those of the operations. */
    private static boolean isRead(@Nullable String path) {
        return path != null && (path.startsWith("/api/") || path.startsWith(STATES_OF_TOOLS));
    }

    /** The announced bytes; 0 where none are. */
    private static long announced(HttpServerRequest request) {
        String length = request.getHeader("Content-Length");
        return length == null ? 0 : lengthOf(length);
    }

    /** Whether the body may be a whole state, which is larger than other bodies and takes longer. */
    private static boolean mayBeState(HttpServerRequest request) {
        String path = String.valueOf(request.path());
        return path.startsWith(STATES_OF_TOOLS)
                || (HttpMethod.PUT.equals(request.method())
                        && (path.startsWith("/api/v1/states/") || path.startsWith("/api/v1/workspaces/")));
    }

    private static boolean isFile(HttpServerRequest request) {
        return HttpMethod.PUT.equals(request.method())
                && FILE.matcher(String.valueOf(request.path())).matches();
    }

    /** The {@code Content-Length} of a request that uploads a file; null where it has none. */
    public static @Nullable String fileLength(RoutingContext routing) {
        return routing.get(FILE_LENGTH);
    }

    /** Answers 408 to a client that sends its body too slowly, and closes the connection. */
    private void limitBodyTime(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        if (request.isEnded() || !announcesBody(request) || isFile(request)) {
            return;
        }
        Duration within = mayBeState(request) ? stateTimeout : bodyTimeout;
        long timer = vertx.setTimer(within.toMillis(), late -> tooSlow(routing));
        routing.addEndHandler(ended -> vertx.cancelTimer(timer));
    }

    private static boolean announcesBody(HttpServerRequest request) {
        String length = request.getHeader("Content-Length");
        return length == null ? mayHaveBody(request) : !length.equals("0");
    }

    private static void tooSlow(RoutingContext routing) {
        // A body that the operation does not take is never read, and does not end.
        boolean read =
                called(routing).map(operation -> !operation.takes().isEmpty()).orElse(true);
        if (read && !routing.request().isEnded() && !routing.response().headWritten()) {
            routing.response().endHandler(told -> routing.request().connection().close());
            refuse(routing, StatusProblems.of(408));
        }
    }

    private void readContract(RoutingContext routing) {
        Optional<Address> found = contract().at(routing.normalizedPath());
        found.ifPresent(address -> nameForMetrics(address.template()));
        if (found.isEmpty()) {
            routing.next();
            return;
        }
        String method = routing.request().method().name();
        Optional<Operation> operation = found.get().operation(method);
        if (method.equals("OPTIONS")) {
            var ended = routing.response()
                    .setStatusCode(204)
                    .putHeader("Allow", found.get().allow())
                    .end();
        } else if (operation.isEmpty()) {
            refuse(
                    routing,
                    StatusProblems.of(405).withHeader("Allow", found.get().allow()));
        } else {
            routing.put(Operation.class.getName(), operation.get());
            acceptProblemsAlone(routing.request(), operation.get());
            routing.next();
        }
    }

    /**
     * A generated client accepts the media types that the document lists. For an operation without a result
     * these are problems alone, which would be refused as not acceptable.
     */
    private static void acceptProblemsAlone(HttpServerRequest request, Operation operation) {
        String accept = request.getHeader("Accept");
        if (operation.gives().isEmpty() && accept != null && accept.contains(Problem.MEDIA_TYPE)) {
            var unused = request.headers().remove("Accept");
        }
    }

    /** The value in bytes. The HTTP decoder has refused anything but digits. */
    static long lengthOf(String length) {
        return length.length() > 18 ? Long.MAX_VALUE : Long.parseLong(length);
    }

    /** The operation that a request calls, as the description has it. */
    static Optional<Operation> called(@Nullable RoutingContext routing) {
        return Optional.ofNullable(routing).map(known -> known.get(Operation.class.getName()));
    }

    private Contract contract() {
        Contract known = contract;
        if (known == null) {
            known = Contract.of(description.getDocument(OpenApiConstants.DEFAULT_DOCUMENT_NAME, Format.JSON));
            contract = known;
        }
        return known;
    }

    private void readBody(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        if (isFile(request)) {
            // Quarkus would refuse one that is longer than a state.
            routing.put(FILE_LENGTH, request.getHeader("Content-Length"));
            var rest = request.headers().remove("Content-Length");
            routing.next();
        } else if (announced(request) > (takesState(routing) ? stateMaxBytes : bodyMaxBytes)) {
            refuse(routing, StatusProblems.of(413));
        } else if (request.getHeader("Content-Length") == null && mayHaveBody(request) && !takesState(routing)) {
            // Quarkus pauses every request before its routes.
            routing.request().resume();
            unannounced.handle(routing);
        } else {
            routing.next();
        }
    }

    /** The operations that take bytes, or a body of any media type, take states. */
    private static boolean takesState(RoutingContext routing) {
        return called(routing)
                .filter(operation -> operation.takes().stream().anyMatch(BYTES::contains))
                .isPresent();
    }

    private static boolean mayHaveBody(HttpServerRequest request) {
        return request.version() == HttpVersion.HTTP_2 || request.getHeader("Transfer-Encoding") != null;
    }

    /** Answers what Vert.x refuses before a handler sees it, such as an unreadable target or host. */
    private void failed(RoutingContext routing) {
        int status = routing.statusCode();
        if (routing.failure() instanceof HttpClosedException) {
            // The client has closed its connection: there is nothing to answer, and no fault.
            LOG.debugf("client closed its connection path=%s", routing.request().path());
        } else if (status >= 400 && status < 500 && !routing.response().headWritten()) {
            refuse(routing, StatusProblems.of(status));
        } else {
            routing.next();
        }
    }

    private void nothingHere(RoutingContext routing) {
        StatusProblems.of(404).answer(routing.response());
    }

    /** Closes the connection, since the rest of the request is not read. HTTP/2 closes a stream instead. */
    private static void refuse(RoutingContext routing, Problem problem) {
        HttpServerRequest request = routing.request();
        if (!request.isEnded() && announcesBody(request) && request.version() != HttpVersion.HTTP_2) {
            routing.response().putHeader("Connection", "close");
        }
        problem.answer(routing.response());
    }
}
