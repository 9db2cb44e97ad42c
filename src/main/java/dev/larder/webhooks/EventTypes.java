package dev.larder.webhooks;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The types of events that a webhook can be sent. A filter is a type, {@code *}, or all types of one beginning:
 * {@code workspace.*}. A filter that matches nothing is refused, because it would be silent for ever.
 */
final class EventTypes {

    static final String TEST = "webhook.test";

    /** In the order of the documents. {@code EventTypesTest} compares them with what the schema appends. */
    static final Set<String> ALL = new TreeSet<>(List.of(
            "workspace.built",
            "workspace.build_failed",
            "workspace.build_canceled",
            "workspace.claimed",
            "workspace.released",
            "workspace.quarantined",
            "workspace.deleted",
            "workspace.unreliable",
            "workspace.reliable",
            "drift.detected",
            "drift.accepted",
            "claim.waiting",
            "claim.active",
            "claim.canceled",
            "claim.timed_out",
            "claim.preset_not_active",
            "claim.failed",
            "claim.released",
            "claim.deleted",
            "claim.expired",
            "claim.verify_failed",
            "preset.healthy",
            "preset.hard_limited",
            "preset.validation_failed",
            "rollout.canary",
            "rollout.progressing",
            "rollout.held",
            "rollout.done",
            "rollout.rolled_back",
            "rollout.superseded",
            "rollout.paused",
            "rollout.resumed",
            "state.mutation_begun",
            "state.mutation_ended",
            "state.mutation_expired",
            "state.version_created",
            "state.write_rejected",
            "state.acknowledged",
            "state.restored",
            "state.unreliable",
            "state.corrupt",
            "state.deleted",
            "notification.drift_detected",
            "notification.no_worker",
            "notification.place_held",
            "notification.preset_hard_limited",
            "notification.resources_replaced",
            "notification.rollout_held",
            "notification.rollout_rolled_back",
            "notification.webhook_disabled",
            "notification.workspace_missing"));

    private EventTypes() {}

    /** Why the filter is refused; empty for a good one. */
    static Optional<String> refusal(String filter) {
        boolean known = filter.equals("*")
                || ALL.contains(filter)
                || (filter.endsWith(".*") && ALL.stream().anyMatch(type -> type.startsWith(beginning(filter))));
        return known
                ? Optional.empty()
                : Optional.of("must be *, a type such as workspace.claimed, or all of one kind such as workspace.*.");
    }

    private static String beginning(String filter) {
        return filter.substring(0, filter.length() - 1);
    }

    /**
     * A condition: one of the filters matches the type. The rule for {@link #refusal}, in SQL.
     *
     * @param filters an expression of type text[]
     * @param type an expression of type text
     */
    static String matches(String filters, String type) {
        return """
                (%2$s = ANY (%1$s) OR '*' = ANY (%1$s) OR split_part(%2$s, '.', 1) || '.*' = ANY (%1$s))""".formatted(filters, type);
    }
}
