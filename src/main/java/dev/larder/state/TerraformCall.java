package dev.larder.state;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Refusal;
import io.vertx.core.MultiMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a request to Terraform's http backend asks for. Pure.
 *
 * <p>The client takes a 404 for "there is no state yet" and plans everything anew, so an address that cannot be read
 * is 400.
 *
 * @param ofWorkspace whether the id is a workspace's, not a state's
 * @param lock the query parameter {@code ID} of an upload
 * @param force the query parameter {@code force}
 */
record TerraformCall(Verb verb, boolean ofWorkspace, UUID id, Optional<String> lock, boolean force) {

    /** What is asked for. */
    enum Verb {
        READ,
        WRITE,
        LOCK,
        UNLOCK,
        DELETE
    }

    private static final String UUID_FORM = "([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})";
    private static final Pattern WORKSPACE = Pattern.compile("/tf/v1/workspaces/" + UUID_FORM + "/state(/lock)?");
    private static final Pattern STATE = Pattern.compile("/tf/v1/states/" + UUID_FORM + "(/lock)?");
    private static final String ALLOWED = "DELETE, GET, HEAD, LOCK, POST, PUT, UNLOCK";
    private static final String ALLOWED_LOCK = "DELETE, LOCK, POST, PUT, UNLOCK";

    /**
     * Reads a request. Codes: 400 {@code unknown_address}, {@code unknown_parameter}, {@code repeated_parameter};
     * 405.
     */
    static TerraformCall of(String method, String path, MultiMap query) {
        Matcher workspace = WORKSPACE.matcher(path);
        Matcher state = STATE.matcher(path);
        boolean ofWorkspace = workspace.matches();
        if (!ofWorkspace && !state.matches()) {
            throw Problem.of(
                    400, "unknown_address", "The address must be /tf/v1/workspaces/{id}/state or /tf/v1/states/{id}.");
        }
        Matcher found = ofWorkspace ? workspace : state;
        refuseUnknown(query);
        return new TerraformCall(
                verb(method, found.group(2) != null),
                ofWorkspace,
                UUID.fromString(found.group(1)),
                Optional.ofNullable(query.get("ID")).filter(id -> !id.isEmpty()),
                force(query));
    }

    private static Verb verb(String method, boolean lockAddress) {
        return switch (method) {
            case "LOCK" -> Verb.LOCK;
            case "UNLOCK" -> Verb.UNLOCK;
            case "POST", "PUT" -> lockAddress ? Verb.LOCK : Verb.WRITE;
            case "DELETE" -> lockAddress ? Verb.UNLOCK : Verb.DELETE;
            case "GET", "HEAD" -> {
                if (lockAddress) {
                    throw notAllowed(ALLOWED_LOCK);
                }
                yield Verb.READ;
            }
            default -> throw notAllowed(lockAddress ? ALLOWED_LOCK : ALLOWED);
        };
    }

    private static Problem notAllowed(String allowed) {
        return Problem.of(405, "method_not_allowed", "This resource does not take that method.")
                .withHeader("Allow", allowed);
    }

    private static void refuseUnknown(MultiMap query) {
        List<Refusal> refusals = new ArrayList<>();
        for (String name : query.names()) {
            if (!name.equals("ID") && !name.equals("force")) {
                refusals.add(
                        new Refusal("unknown_parameter", JsonBody.shown(name), "is no query parameter of this call."));
            } else if (query.getAll(name).size() > 1) {
                refusals.add(new Refusal("repeated_parameter", name, "may be given once."));
            }
        }
        if (!refusals.isEmpty()) {
            throw Problem.badRequest(refusals);
        }
    }

    private static boolean force(MultiMap query) {
        String force = Optional.ofNullable(query.get("force")).orElse("false").toLowerCase(Locale.ROOT);
        if (!force.equals("true") && !force.equals("false")) {
            throw Problem.badRequest("invalid_value", "force", "must be true or false.");
        }
        return force.equals("true");
    }

    /** For metrics: the same for all states. */
    String template() {
        return ofWorkspace ? "/tf/v1/workspaces/{id}/state" : "/tf/v1/states/{id}";
    }
}
