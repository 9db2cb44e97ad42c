package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import dev.larder.model.Refusal;
import dev.larder.model.Schedule;
import dev.larder.model.Schedules;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How many instances a preset wants at one instant, and by which rule (design, section 2.4). */
public record Desired(int instances, Reason reason) {

    /** The rule that decided. */
    public sealed interface Reason {

        /**
         * The version is not the template's active one, or the template is deleted or deprecated: nothing is wanted.
         */
        record Inactive() implements Reason {}

        /** Of a new version that is tried: as many as its canary has. */
        record Canary() implements Reason {}

        /** Of a former version: its stock is replaced by that of a later one. */
        record Replaced() implements Reason {}

        /** Of a former version: it is refilled, because the later one is not built now. */
        record Refilled() implements Reason {}

        /** No schedule holds: the preset's base number. */
        record Base() implements Reason {}

        /** @param index of the schedule, in declared order */
        record BySchedule(int index, String cron) implements Reason {}

        /**
         * The schedules cannot be used although their import should have refused them: the base number.
         *
         * @param detail what is wrong with them, for people
         */
        record ScheduleUnusable(String detail) implements Reason {}
    }

    /** The first schedule that holds, in declared order, else the base; nothing where the preset is not active. */
    public static Desired of(PresetSnapshot preset, Instant at) {
        if (!preset.active()) {
            return new Desired(0, new Reason.Inactive());
        }
        return declared(preset, at);
    }

    /** The same without a look at whether the preset is active. */
    static Desired declared(PresetSnapshot preset, Instant at) {
        return declared(preset.instances(), preset.schedules(), preset.timezone(), at);
    }

    /**
     * The same of what an active preset declares.
     *
     * @param instances its base number
     */
    static Desired declared(int instances, List<Schedule> declared, @Nullable String timezone, Instant at) {
        Schedules schedules = Schedules.of(declared, timezone);
        if (!schedules.refusals().isEmpty()) {
            return new Desired(instances, new Reason.ScheduleUnusable(detail(schedules)));
        }
        OptionalInt matching = schedules.matchingAt(at);
        if (matching.isEmpty()) {
            return new Desired(instances, new Reason.Base());
        }
        int index = matching.getAsInt();
        Schedule schedule = declared.get(index);
        return new Desired(schedule.instances(), new Reason.BySchedule(index, schedule.cron()));
    }

    private static String detail(Schedules unusable) {
        return unusable.refusals().stream().map(Desired::words).limit(3).collect(Collectors.joining("; "));
    }

    private static String words(Refusal refusal) {
        return refusal.field() + ": " + refusal.detail();
    }
}
