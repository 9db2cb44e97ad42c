package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/** Turns a server's refusal (RFC 9457) into a {@link Failure}. */
final class Problems {

    private static final Set<String> NO_STOCK =
            Set.of("no_claimable_workspace", "creation_stopped", "not_enough_workspaces");

    private Problems() {}

    /** @param note said at the end of what a difference of versions may cause; empty where there is none */
    static Failure failure(int status, JsonNode body, String note) {
        String code = Json.text(body, "code");
        return Failure.of(exit(status, code), code, sentence(status, code, body) + (explains(status) ? note : ""));
    }

    private static ExitCode exit(int status, String code) {
        if (NO_STOCK.contains(code)) {
            return ExitCode.NO_STOCK;
        }
        return switch (status) {
            case 401 -> ExitCode.NEEDS_LOGIN;
            case 404 -> ExitCode.NOT_FOUND;
            case 408, 504 -> ExitCode.TIMED_OUT;
            case 502, 503 -> ExitCode.UNREACHABLE;
            default -> status >= 400 && status < 500 ? ExitCode.REFUSED : ExitCode.FAILED;
        };
    }

    private static String sentence(int status, String code, JsonNode body) {
        if (status == 401) {
            return "the server does not accept the token. Run: larder login --server=URL --token-stdin";
        }
        if (status >= 300 && status < 400) {
            return "the server answered with a redirect (" + status + "). Is the address right (--server)?";
        }
        String detail = Json.text(body, "detail");
        if (detail.isEmpty()) {
            return "the server answered " + status;
        }
        StringBuilder told = new StringBuilder(detail);
        if (body.path("errors").size() > 1) {
            told.append(System.lineSeparator()).append(errors(body.path("errors")));
        }
        return code.isEmpty() ? told.toString() : told + " [" + code + "]";
    }

    private static String errors(JsonNode errors) {
        StringBuilder lines = new StringBuilder();
        for (JsonNode error : errors) {
            lines.append("  %s: %s%n".formatted(Json.text(error, "field"), Json.text(error, "detail")));
        }
        return lines.toString().stripTrailing();
    }

    private static boolean explains(int status) {
        return status == 400 || status == 404 || status == 405 || status == 422;
    }
}
