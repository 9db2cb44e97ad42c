package dev.larder.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.larder.database.DatabaseFaults;
import dev.larder.http.Contract.Operation;
import dev.larder.model.Ids;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.ForbiddenException;
import io.quarkus.security.UnauthorizedException;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/**
 * Answers every failure of a resource with a problem (RFC 9457) that has a stable code. An answer never holds a
 * stack trace or a message of the database or a parser. An unexpected failure becomes a 500 with an incident
 * number, and is logged once under that number.
 */
class ProblemMapper {

    private static final Logger LOG = Logger.getLogger(ProblemMapper.class);

    private final Ids ids;
    private final CurrentVertxRequest request;

    ProblemMapper(Ids ids, CurrentVertxRequest request) {
        this.ids = ids;
        this.request = request;
    }

    @ServerExceptionMapper
    public Response problem(Problem problem) {
        return answer(problem);
    }

    @ServerExceptionMapper
    public Response unauthorized(UnauthorizedException anonymous) {
        return answer(missingToken());
    }

    @ServerExceptionMapper
    public Response authenticationFailed(AuthenticationFailedException invalid) {
        // With a cause the token could not be looked up, which is not the caller's fault.
        return invalid.getCause() == null ? answer(invalidToken()) : anything(invalid.getCause());
    }

    @ServerExceptionMapper
    public Response forbidden(ForbiddenException forbidden) {
        return answer(Problem.of(403, "forbidden", "The token's role does not allow this."));
    }

    // Quarkus has a mapper of its own for this one, which repeats parts of the body.
    @ServerExceptionMapper
    public Response mismatched(MismatchedInputException mismatched) {
        return answer(json(mismatched));
    }

    @ServerExceptionMapper
    public Response webApplication(WebApplicationException failure) {
        if (failure.getCause() instanceof JsonProcessingException json) {
            return answer(json(json));
        }
        Response told = failure.getResponse();
        if (told.getStatus() >= 500) {
            return anything(failure.getCause() == null ? failure : failure.getCause());
        }
        if (told.getStatus() < 400) {
            return told;
        }
        return answer(namingTypes(ofStatus(told.getStatus())));
    }

    /** A refused media type is answered with those that are accepted. */
    private Problem namingTypes(Problem problem) {
        Optional<Operation> called = Edge.called(request.getCurrent());
        return switch (problem.status()) {
            case 406 ->
                called.map(Operation::gives)
                        .filter(types -> !types.isEmpty())
                        .map(types -> Problem.of(406, problem.code(), "The answer is given as " + listed(types) + "."))
                        .orElse(problem);
            case 415 ->
                called.map(Operation::takes)
                        .filter(types -> !types.isEmpty())
                        .map(types -> Problem.of(415, problem.code(), "The body is taken as " + listed(types) + ".")
                                .withHeader("Accept", listed(types)))
                        .orElse(problem);
            default -> problem;
        };
    }

    private static String listed(Set<String> types) {
        return String.join(", ", types);
    }

    @ServerExceptionMapper
    public Response anything(Throwable failure) {
        if (failure instanceof JsonProcessingException json && fromBody(json)) {
            return answer(json(json));
        }
        if (DatabaseFaults.busy(failure)) {
            LOG.warnf("database busy cause=%s", failure.getMessage());
            return answer(databaseBusy());
        }
        if (DatabaseFaults.unavailable(failure)) {
            LOG.warnf("database unavailable cause=%s", failure.getMessage());
            return answer(databaseUnavailable());
        }
        if (DatabaseFaults.conflict(failure)) {
            return answer(Problem.of(503, "try_again", "Another request was in the way; send this one again.")
                    .withHeader("Retry-After", "1"));
        }
        if (DatabaseFaults.unstorableText(failure)) {
            return answer(Problem.of(400, "invalid_text", "The request contains a character that cannot be stored."));
        }
        UUID incident = ids.next();
        LOG.errorf(failure, "request failed incident=%s", incident);
        return answer(Problem.of(500, "internal_error", "Something went wrong; the log has it as " + incident + ".")
                .about("urn:uuid:" + incident));
    }

    static Problem missingToken() {
        return Problem.of(401, "missing_token", "This call needs a bearer token.")
                .withHeader("WWW-Authenticate", "Bearer");
    }

    static Problem invalidToken() {
        return Problem.of(401, "invalid_token", "The token is unknown, expired or revoked.")
                .withHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }

    private static Problem databaseBusy() {
        return Problem.of(
                        503,
                        "database_busy",
                        "What this request needs is locked, or the database has too much to do; send it again.")
                .withHeader("Retry-After", "2");
    }

    private static Problem databaseUnavailable() {
        return Problem.of(503, "database_unavailable", "The database cannot be reached at the moment.")
                .withHeader("Retry-After", "2");
    }

    /** A body that cannot be read is the caller's fault; an answer that cannot be written is ours. */
    private static boolean fromBody(JsonProcessingException json) {
        return json.getProcessor() == null || json.getProcessor() instanceof com.fasterxml.jackson.core.JsonParser;
    }

    private static Problem json(JsonProcessingException json) {
        if (!(json instanceof JsonMappingException mapping)) {
            return JsonBody.malformed(json);
        }
        if (mapping.getCause() instanceof Problem problem) {
            return problem;
        }
        if (mapping.getCause() instanceof JsonProcessingException inner && !(inner instanceof JsonMappingException)) {
            return JsonBody.malformed(inner);
        }
        String field = path(mapping);
        return mapping instanceof UnrecognizedPropertyException
                ? Problem.badRequest("unknown_field", field, "is not a field of this request.")
                : Problem.badRequest("wrong_type", field, "does not have the type that is wanted here.");
    }

    private static String path(JsonMappingException mapping) {
        String path = mapping.getPath().stream()
                .map(step -> step.getFieldName() == null ? "[" + step.getIndex() + "]" : "." + step.getFieldName())
                .collect(Collectors.joining());
        return path.isEmpty() ? "body" : path.startsWith(".") ? path.substring(1) : path;
    }

    static Problem ofStatus(int status) {
        return switch (status) {
            case 400 -> Problem.of(400, "bad_request", "The request cannot be read.");
            case 401 -> missingToken();
            case 403 -> Problem.of(403, "forbidden", "The token's role does not allow this.");
            case 404 -> Problem.of(404, "not_found", "There is nothing here.");
            case 405 -> Problem.of(405, "method_not_allowed", "This resource does not take that method.");
            case 406 -> Problem.of(406, "not_acceptable", "The answer cannot be given in an accepted media type.");
            case 408 -> Problem.of(408, "body_too_slow", "The body did not arrive in time.");
            case 413 -> Problem.of(413, "body_too_large", "The body is larger than is taken here.");
            case 414 -> Problem.of(414, "uri_too_long", "The address is longer than " + Edge.TARGET_MAX + " bytes.");
            case 415 -> Problem.of(415, "unsupported_media_type", "The body's media type is not taken here.");
            case 431 ->
                Problem.of(431, "headers_too_large", "The headers are longer than " + Edge.HEADERS_MAX + " bytes.");
            default ->
                Problem.of(
                        status,
                        Problem.title(status).toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_"),
                        Problem.title(status) + ".");
        };
    }

    private static Response answer(Problem problem) {
        Response.ResponseBuilder response =
                Response.status(problem.status()).type(Problem.MEDIA_TYPE).entity(problem.body());
        for (Map.Entry<String, String> header : problem.headers().entrySet()) {
            response.header(header.getKey(), header.getValue());
        }
        return response.build();
    }
}
