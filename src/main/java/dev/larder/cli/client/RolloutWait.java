package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Waits for the rollouts of a promotion. */
final class RolloutWait {

    private static final Duration LOOK = Duration.ofMillis(500);

    private final Session session;

    RolloutWait(Session session) {
        this.session = session;
    }

    /** The ids of the rollouts to this version that have ended. */
    Set<String> ended(Reference.TemplateName template, int version) {
        return of(template, version).stream()
                .filter(row -> !Json.text(row, "endedAt").isEmpty())
                .map(row -> Json.text(row, "id"))
                .collect(Collectors.toSet());
    }

    /**
     * The newest rollout to this version of each preset. One that ended while the version was promoted is among them.
     *
     * @param before the ids of those that had ended before the promotion: they are left out
     */
    Collection<JsonNode> newest(Reference.TemplateName template, int version, Set<String> before) {
        Map<String, JsonNode> newest = new LinkedHashMap<>();
        for (JsonNode row : of(template, version)) {
            if (!before.contains(Json.text(row, "id"))) {
                newest.putIfAbsent(Json.text(row, "preset"), row);
            }
        }
        return newest.values();
    }

    /** Newest first. */
    private List<JsonNode> of(Reference.TemplateName template, int version) {
        Lists.Filter filter = Lists.Filter.NONE
                .with("organization", template.organization(session))
                .with("template", template.template())
                .with("cause", "promotion");
        return new Lists(session)
                .list(Kind.rollouts, filter, 500).items().stream()
                        .filter(row -> row.path("to").path("version").asInt() == version)
                        .toList();
    }

    /** Fails where the rollout is held, ends otherwise, or is not done at the deadline. */
    void untilDone(JsonNode rollout, Waits.Deadline deadline) {
        String id = Json.text(rollout, "id");
        String told = "rollout " + id + " of " + Kinds.presetName(rollout);
        Progress progress = new Progress(session.terminal());
        try {
            while (!isDone(id, told, progress)) {
                if (deadline.isOver() || !Waits.pause(LOOK)) {
                    throw Failure.of(ExitCode.TIMED_OUT, told + " is not done in time");
                }
            }
        } finally {
            progress.end();
        }
        session.output().notice(told + " is done");
    }

    private boolean isDone(String id, String told, Progress progress) {
        JsonNode now = session.api().get(Paths.of("rollouts", id)).body();
        return switch (Condition.of(Kind.rollouts, Condition.For.ready, now)) {
            case Condition.Met() -> true;
            case Condition.Never(ExitCode exit, String why) -> throw Failure.of(exit, told + " is " + why);
            case Condition.NotYet(String shown) -> {
                progress.say(told + ": " + shown);
                yield false;
            }
        };
    }
}
