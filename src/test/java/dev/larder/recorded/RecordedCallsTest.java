package dev.larder.recorded;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.recorded.Operations.Operation;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/**
 * Holds the API against what it answered before. {@code recorded/*.calls} has the calls and {@code recorded/*.txt}
 * what of the answers must stay: status, code, named fields, headers and the JSON's shape. Titles and details may
 * be reworded, and further violations may join {@code errors}.
 *
 * <p>{@code -Dlarder.recorded.write=true} writes the records anew. That is right where the API is to change, or a
 * call is added; the difference belongs into the review.
 *
 * <p>It is the first class of those that share the application, because lists and pages show what other tests left
 * behind. An application of its own would take 12 seconds.
 */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
@Order(1)
class RecordedCallsTest {

    /** In this order: a script uses what the scripts before it made. */
    private static final List<String> SCRIPTS = List.of(
            "access",
            "catalog",
            "workers",
            "inventory",
            "claims",
            "states",
            "things",
            "webhooks",
            "rollouts",
            "operation");

    /**
     * What only a workspace that Terraform has built answers well. States with a name have the same calls for
     * resources, links and outputs; the trial with a cloud calls the others.
     */
    private static final Pattern NEEDS_TERRAFORM = Pattern.compile(
            "/api/v1/(workspaces/\\{id}/(state/resources|state/links|outputs/|drift-checks|refreshes|changesets|reconciliation-results)"
                    + "|drift-checks|changesets|reconciliation-results).*");

    /** Its answer does not end; {@code EventHttpTest} reads it. */
    private static final String ENDLESS = "/api/v1/events/{partition}/stream";

    private final Session session =
            new Session(ConfigProvider.getConfig().getValue("test.url", String.class), LarderTestResource.OWNER_TOKEN);
    private final Operations operations = operations();

    private Operations operations() {
        Call call = Call.of("OpenAPI", Session.ANONYMOUS, "GET", "/q/openapi?format=json", Map.of(), "");
        return Operations.of(Session.json(session.send(call).body()));
    }

    @Test
    void every_recorded_call_is_answered_as_before() {
        List<String> differences = new ArrayList<>();
        Set<String> succeeded = new LinkedHashSet<>();
        for (String script : SCRIPTS) {
            Records now = new Records();
            for (Call call : Call.script(script)) {
                HttpResponse<String> answer = session.send(call);
                String operation = call.method() + " " + operations.template(session.resolved(call.path()));
                now.add("%s | %s %s".formatted(call.name(), call.caller(), operation), AnswerRecord.of(call, answer));
                answer.headers()
                        .firstValue("Location")
                        .filter(location -> !location.startsWith("/api/v1/"))
                        .ifPresent(location -> differences.add(call.name() + " has no path as Location: " + location));
                if (answer.statusCode() < 300) {
                    succeeded.add(operation);
                }
            }
            differences.addAll(compared(script, now));
        }

        assertThat(String.join("\n", differences)).isEmpty();
        assertThat(operations.all().stream()
                        .filter(one -> !NEEDS_TERRAFORM.matcher(one.path()).matches())
                        .filter(one -> !one.path().equals(ENDLESS))
                        .map(Operation::toString)
                        .filter(one -> !succeeded.contains(one)))
                .as("operations without a recorded success")
                .isEmpty();
    }

    @Test
    void every_operation_refuses_what_it_refused_before() {
        assertThat(Call.script("callers")).allMatch(call -> session.send(call).statusCode() == 201);
        Records now = new Records();
        for (Operation operation : operations.all()) {
            List<String> lines = new ArrayList<>();
            for (Call call : Refusals.of(operation, admitted(operation))) {
                refusal(call, session.send(call)).forEach(line -> lines.add(call.name() + ": " + line));
            }
            now.add(operation.toString(), lines);
        }

        assertThat(String.join("\n", compared("refusals", now))).isEmpty();
    }

    /**
     * What a call that is not refused shows may come from other tests. One rotation of keys runs at a time, and the
     * one before may or may not have ended: both count as accepted.
     */
    private static List<String> refusal(Call call, HttpResponse<String> answer) {
        if (answer.statusCode() == 409 && answer.body().contains("rotation_in_progress")) {
            return List.of("202");
        }
        return answer.statusCode() < 300 ? List.of("" + answer.statusCode()) : AnswerRecord.of(call, answer);
    }

    /** Most operations let the owner in; the others are for workers. */
    private String admitted(Operation operation) {
        Call call = Refusals.plain(operation, "owner");
        return session.send(call).statusCode() == 403 ? "porter" : "owner";
    }

    private static List<String> compared(String name, Records now) {
        if (Boolean.getBoolean("larder.recorded.write")) {
            now.write(Path.of("src", "test", "resources", "recorded", name + ".txt"));
            return List.of();
        }
        return now.differencesFrom(Records.parse(Call.read(name + ".txt")));
    }
}
