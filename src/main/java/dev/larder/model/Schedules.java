package dev.larder.model;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.time.zone.ZoneRulesProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * All schedules of one preset, read once and asked often: which one holds at an instant, and when that changes
 * (design, section 2.4).
 *
 * <p>The local wall-clock time of the preset's timezone decides, at minute grain: an hour that daylight saving
 * skips never matches, one that it repeats matches twice. Schedules that must be refused ({@link #refusals})
 * match never.
 */
public final class Schedules {

    /** More schedules than this in one preset are refused: {@code too_many_schedules}. */
    public static final int MAX_SCHEDULES = 100;

    /** How far {@link #nextEdge} looks ahead. */
    public static final Duration EDGE_HORIZON = Duration.ofDays(8);

    private static final int SECONDS_PER_HOUR = 3_600;
    private static final int MAX_REMEMBERED = 20_000;
    private static final Map<Declared, Schedules> REMEMBERED = new ConcurrentHashMap<>();

    private record Declared(
            List<Schedule> schedules, @Nullable String timezone) {}

    private final ZoneId zone;
    private final List<CronRange> ranges;
    private final List<Refusal> refusals;

    private Schedules(ZoneId zone, List<CronRange> ranges, List<Refusal> refusals) {
        this.zone = zone;
        this.ranges = refusals.isEmpty() ? List.copyOf(ranges) : List.of();
        this.refusals = List.copyOf(refusals);
    }

    /**
     * The schedules as declared. The same declaration is read only once in a while: what was read is
     * remembered, within bounds.
     *
     * @param timezone IANA name; null is UTC
     */
    public static Schedules of(List<Schedule> schedules, @Nullable String timezone) {
        Declared declared = new Declared(List.copyOf(schedules), timezone);
        Schedules known = REMEMBERED.get(declared);
        if (known != null) {
            return known;
        }
        Schedules read = read(declared.schedules(), timezone);
        if (REMEMBERED.size() >= MAX_REMEMBERED) {
            REMEMBERED.clear();
        }
        REMEMBERED.put(declared, read);
        return read;
    }

    /**
     * Why these schedules are not accepted; empty when they are. Fields are relative to the preset:
     * {@code timezone}, {@code schedules[1].cron}. Codes: {@code unknown_timezone}, {@code too_many_schedules},
     * {@code invalid_cron}, {@code cron_minute_not_any}, {@code overlapping_schedules} (told at the later of the
     * two; exact).
     *
     * @param timezone IANA name; null is UTC. Offsets such as {@code +02:00} are none
     */
    public static List<Refusal> validate(List<Schedule> schedules, @Nullable String timezone) {
        return read(schedules, timezone).refusals;
    }

    /** Reads one cron; see {@link CronRange#parse}. */
    public static CronRange.Parsed parse(String cron) {
        return CronRange.parse(cron);
    }

    /** Whether this schedule, read alone, holds at the instant; one that cannot be read does not. */
    public static boolean matches(Schedule schedule, ZoneId zone, Instant at) {
        return switch (CronRange.parse(schedule.cron())) {
            case CronRange.Parsed.Valid(CronRange range) -> range.matches(LocalDateTime.ofInstant(at, zone));
            case CronRange.Parsed.Refused refused -> false;
        };
    }

    private static Schedules read(List<Schedule> schedules, @Nullable String timezone) {
        List<Refusal> refusals = new ArrayList<>();
        ZoneId zone = ZoneOffset.UTC;
        if (timezone != null) {
            Optional<ZoneId> known = zone(timezone);
            if (known.isPresent()) {
                zone = known.get();
            } else {
                refusals.add(
                        new Refusal("unknown_timezone", "timezone", "not an IANA timezone name such as Europe/Berlin"));
            }
        }
        if (schedules.size() > MAX_SCHEDULES) {
            refusals.add(new Refusal(
                    "too_many_schedules", "schedules", "a preset has at most " + MAX_SCHEDULES + " schedules"));
            return new Schedules(zone, List.of(), refusals);
        }
        return new Schedules(zone, readRanges(schedules, refusals), refusals);
    }

    private static Optional<ZoneId> zone(String timezone) {
        // The provider knows IANA names only, while ZoneId.of alone would also take "+02:00" and "UTC+2".
        try {
            var known = ZoneRulesProvider.getRules(timezone, false);
            return known == null ? Optional.empty() : Optional.of(ZoneId.of(timezone));
        } catch (DateTimeException unknown) {
            return Optional.empty();
        }
    }

    private static List<CronRange> readRanges(List<Schedule> schedules, List<Refusal> refusals) {
        List<@Nullable CronRange> read = new ArrayList<>(schedules.size());
        List<CronRange> ranges = new ArrayList<>(schedules.size());
        for (int index = 0; index < schedules.size(); index++) {
            String field = "schedules[" + index + "].cron";
            switch (CronRange.parse(schedules.get(index).cron())) {
                case CronRange.Parsed.Valid(CronRange range) -> {
                    overlap(range, read, field).ifPresent(refusals::add);
                    read.add(range);
                    ranges.add(range);
                }
                case CronRange.Parsed.Refused(Refusal refusal) -> {
                    refusals.add(new Refusal(refusal.code(), field, refusal.detail()));
                    read.add(null);
                }
            }
        }
        return ranges;
    }

    private static Optional<Refusal> overlap(CronRange range, List<@Nullable CronRange> earlier, String field) {
        for (int index = 0; index < earlier.size(); index++) {
            CronRange other = earlier.get(index);
            Optional<String> shared = other == null ? Optional.empty() : other.overlap(range);
            if (shared.isPresent()) {
                String detail = "overlaps schedules[" + index + "], for instance " + shared.get();
                return Optional.of(new Refusal("overlapping_schedules", field, detail));
            }
        }
        return Optional.empty();
    }

    /**
     * Why these schedules should never have been accepted; then none of them matches. Empty when they are
     * usable.
     */
    public List<Refusal> refusals() {
        return refusals;
    }

    /** The index, in declared order, of the first schedule that holds at the instant. */
    public OptionalInt matchingAt(Instant at) {
        int index = ranges.isEmpty() ? -1 : first(LocalDateTime.ofInstant(at, zone));
        return index < 0 ? OptionalInt.empty() : OptionalInt.of(index);
    }

    /**
     * The first instant after {@code at} at which another schedule, or none, holds. Empty when that is not
     * within {@link #EDGE_HORIZON}, or never.
     */
    public Optional<Instant> nextEdge(Instant at) {
        if (ranges.isEmpty()) {
            return Optional.empty();
        }
        int now = first(LocalDateTime.ofInstant(at, zone));
        Instant horizon = at.plus(EDGE_HORIZON);
        ZoneRules rules = zone.getRules();
        for (Instant from = at; from.isBefore(horizon); ) {
            ZoneOffset offset = rules.getOffset(from);
            Instant until = earlier(horizon, rules.nextTransition(from));
            Optional<Instant> edge = nextEdge(now, offset, from, until);
            if (edge.isPresent()) {
                return edge;
            }
            if (first(LocalDateTime.ofInstant(until, zone)) != now) {
                return Optional.of(until);
            }
            from = until;
        }
        return Optional.empty();
    }

    private static Instant earlier(Instant horizon, @Nullable ZoneOffsetTransition transition) {
        return transition == null || transition.getInstant().isAfter(horizon) ? horizon : transition.getInstant();
    }

    /** While the offset stays the same, what holds can only change at a full local hour. */
    private Optional<Instant> nextEdge(int now, ZoneOffset offset, Instant from, Instant until) {
        long hour = Math.floorDiv(from.getEpochSecond() + offset.getTotalSeconds(), SECONDS_PER_HOUR);
        while (true) {
            hour++;
            Instant boundary = Instant.ofEpochSecond(hour * SECONDS_PER_HOUR - offset.getTotalSeconds());
            if (!boundary.isBefore(until)) {
                return Optional.empty();
            }
            LocalDate day = LocalDate.ofEpochDay(Math.floorDiv(hour, 24));
            if (first(day, (int) Math.floorMod(hour, 24L)) != now) {
                return Optional.of(boundary);
            }
        }
    }

    private int first(LocalDateTime local) {
        return first(local.toLocalDate(), local.getHour());
    }

    private int first(LocalDate day, int hour) {
        for (int index = 0; index < ranges.size(); index++) {
            if (ranges.get(index).matches(day, hour)) {
                return index;
            }
        }
        return -1;
    }
}
