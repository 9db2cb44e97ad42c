package dev.larder.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.larder.http.Contract.Operation;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.ForbiddenException;
import io.quarkus.security.UnauthorizedException;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/**
 * Answers every failure of a resource with a problem (RFC 9457) that has a stable code. An answer never holds a
 * stack trace or a message of the database or a parser. An unexpected failure becomes a 500 with an incident
 * number, and is logged once under that number.
 */
class ProblemMapper {

    private final Faults faults;
    private final CurrentVertxRequest request;

    ProblemMapper(Faults faults, CurrentVertxRequest request) {
        this.faults = faults;
        this.request = request;
    }

    @ServerExceptionMapper
    public Response problem(Problem problem) {
        return answer(problem);
    }

    @ServerExceptionMapper
    public Response unauthorized(UnauthorizedException anonymous) {
        return answer(StatusProblems.missingToken());
    }

    @ServerExceptionMapper
    public Response authenticationFailed(AuthenticationFailedException invalid) {
        // With a cause the token could not be looked up, which is not the caller's fault.
        return invalid.getCause() == null ? answer(StatusProblems.invalidToken()) : anything(invalid.getCause());
    }

    @ServerExceptionMapper
    public Response forbidden(ForbiddenException forbidden) {
        return answer(StatusProblems.of(403));
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
        return answer(namingTypes(StatusProblems.of(told.getStatus())));
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
        return answer(faults.problem(failure));
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

    private static Response answer(Problem problem) {
        Response.ResponseBuilder response =
                Response.status(problem.status()).type(Problem.MEDIA_TYPE).entity(problem.body());
        for (Map.Entry<String, String> header : problem.headers().entrySet()) {
            response.header(header.getKey(), header.getValue());
        }
        return response.build();
    }
}
