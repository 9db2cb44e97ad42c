package dev.larder.http;

import java.util.Locale;

/** The problems of requests that no resource reads: one for each status. */
final class StatusProblems {

    private StatusProblems() {}

    static Problem of(int status) {
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

    static Problem missingToken() {
        return Problem.of(401, "missing_token", "This call needs a bearer token.")
                .withHeader("WWW-Authenticate", "Bearer");
    }

    static Problem invalidToken() {
        return Problem.of(401, "invalid_token", "The token is unknown, expired or revoked.")
                .withHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }
}
