package dev.larder.catalog;

import dev.larder.dump.DumpFile;
import dev.larder.http.Names;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.Drift;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.JobLimits;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.Parameter;
import dev.larder.model.Refusal;
import dev.larder.model.Schedule;
import dev.larder.model.Schedules;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The rules of a declaration (design, sections 1 and 2.4). The bounds are the schema's or narrower. */
final class DeclarationReader {

    static final int MAX_PRESETS = 100;
    static final int MAX_SCHEDULES = 50;
    static final int MAX_INSTANCES = 1_000;
    static final int MAX_USES = 1_000;
    static final int MAX_TAGS = 20;
    static final Duration MAX_START_TIMEOUT = Duration.ofHours(24);
    static final Duration DEFAULT_START_TIMEOUT = Duration.ofMinutes(10);
    static final Duration MIN_TTL = Duration.ofMinutes(1);
    static final Duration MAX_TTL = Duration.ofDays(365);

    private static final Pattern TAG_NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?");
    private static final int MAX_TAG_VALUE_CHARACTERS = 128;

    // Tag sets are found by an index, whose entries PostgreSQL bounds to 2,704 bytes.
    private static final int MAX_TAG_BYTES_IN_ALL = 2_000;
    private static final Set<String> BACKENDS = new TreeSet<>(Set.of("postgres", "exec", "terraform"));
    static final Duration MIN_DRIFT_INTERVAL = Duration.ofMinutes(5);
    private static final List<String> DRIFT_ACTIONS = List.of("replace", "refresh", "ignore");
    private static final List<String> CLAIM_ORDERS = List.of(HandOut.OLDEST, "newest", "random");

    private final Refusals refusals = new Refusals();

    private DeclarationReader() {}

    /** @param found refusals from reading the text */
    static ParsedDeclaration read(SyntaxNode root, List<Refusal> found) {
        DeclarationReader reader = new DeclarationReader();
        found.forEach(reader.refusals::add);
        Declaration declaration = reader.declaration(root);
        return reader.refusals.none()
                ? new ParsedDeclaration.Accepted(declaration)
                : new ParsedDeclaration.Refused(reader.refusals.all());
    }

    private Declaration declaration(SyntaxNode root) {
        ObjectReader form = ObjectReader.of(
                root, "", refusals, "backend", "files", "tags", "startTimeout", "parameters", "presets");
        String backend = backend(form);
        FileFields.Read read = FileFields.of(form, refusals);
        Map<String, String> files = read.texts();
        if (backend.equals("exec")) {
            ExecFiles.check(files, read.uploads().keySet(), refusals);
        }
        if (backend.equals("postgres")) {
            refuseFilesWithoutEffect(read);
        }
        ParameterReader reader = new ParameterReader(backend, refusals);
        List<Parameter> parameters = reader.parameters(form);
        if (backend.equals("terraform")) {
            ModuleFiles.check(files, read.uploads().keySet(), parameters, refusals);
        }
        boolean verified = backend.equals("exec")
                && (files.containsKey("verify.sh") || read.uploads().containsKey("verify.sh"));
        List<PresetDeclaration> presets = presets(form, reader, new RolloutReader(verified, refusals));
        refuseUsesWithoutReset(backend, files, presets);
        refuseDriftWithoutState(backend, presets);
        return new Declaration(
                backend,
                files,
                read.uploads(),
                tags(form),
                form.duration("startTimeout", Duration.ofSeconds(1), MAX_START_TIMEOUT)
                        .orElse(DEFAULT_START_TIMEOUT),
                parameters,
                presets);
    }

    /**
     * The backend runs files whose names end in {@code .sql}, {@code .sql.gz} or {@code .dump}, in lower case and in
     * any folder, and no others. What a text can never do there is refused here already; an uploaded file is read when
     * it runs.
     */
    private void refuseFilesWithoutEffect(FileFields.Read files) {
        files.uploads().keySet().forEach(path -> {
            boolean run = refuseUnlessRun(path);
        });
        files.texts().forEach((path, text) -> {
            String field = FieldPath.field("files", path);
            if (refuseUnlessRun(path) && text.isBlank()) {
                refusals.add("file_without_effect", field, "is blank.");
            } else if (DumpFile.isRun(path)) {
                DumpFile.problem(text).ifPresent(problem -> refusals.add("unsupported_sql", field, problem + "."));
            }
        });
    }

    /** Whether it is run. */
    private boolean refuseUnlessRun(String path) {
        boolean run = DumpFile.isRun(path);
        if (!run) {
            refusals.add(
                    "file_without_effect",
                    FieldPath.field("files", path),
                    "is not run: backend postgres runs files whose names end in '.sql', '.sql.gz' or '.dump'.");
        }
        return run;
    }

    private void refuseUsesWithoutReset(String backend, Map<String, String> files, List<PresetDeclaration> presets) {
        if (backend.equals("exec") && !files.getOrDefault("reset.sh", "").isBlank()) {
            return;
        }
        for (int index = 0; index < presets.size(); index++) {
            if (presets.get(index).handOut().maxUses() > 1) {
                refusals.add(
                        "missing_reset_script",
                        "presets[" + index + "].prebuilds.maxUses",
                        "above 1 needs backend exec and a file reset.sh.");
            }
        }
    }

    private void refuseDriftWithoutState(String backend, List<PresetDeclaration> presets) {
        for (int index = 0; index < presets.size(); index++) {
            if (!backend.equals("terraform")
                    && !presets.get(index).handOut().drift().equals(Drift.DEFAULT)) {
                refusals.add(
                        "option_without_effect",
                        "presets[" + index + "].prebuilds",
                        "has onDrift or driftInterval, which need backend terraform.");
            }
        }
    }

    private String backend(ObjectReader form) {
        Optional<String> backend = form.requiredText("backend");
        if (backend.isPresent() && !BACKENDS.contains(backend.get())) {
            refusals.add("unknown_backend", "backend", "must be one of " + String.join(", ", BACKENDS) + ".");
        }
        return backend.orElse("");
    }

    private Map<String, String> tags(ObjectReader form) {
        Map<String, String> tags = form.texts("tags");
        if (tags.size() > MAX_TAGS) {
            refusals.add("too_many_tags", "tags", "has more than " + MAX_TAGS + " tags.");
        }
        tags.forEach((name, value) -> {
            String field = FieldPath.field("tags", name);
            if (!TAG_NAME.matcher(name).matches()) {
                refusals.add("invalid_name", field, "must be up to 63 letters, digits, '.', '_', '/' and '-'.");
            }
            if (value.length() > MAX_TAG_VALUE_CHARACTERS) {
                refusals.add("value_too_long", field, "has more than " + MAX_TAG_VALUE_CHARACTERS + " characters.");
            }
        });
        int bytes = tags.entrySet().stream()
                .mapToInt(tag -> bytes(tag.getKey()) + bytes(tag.getValue()))
                .sum();
        if (bytes > MAX_TAG_BYTES_IN_ALL) {
            refusals.add("tags_too_large", "tags", "have more than " + MAX_TAG_BYTES_IN_ALL + " bytes in all.");
        }
        return tags;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    private List<PresetDeclaration> presets(ObjectReader form, ParameterReader reader, RolloutReader rollouts) {
        List<PresetDeclaration> presets = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (ObjectReader preset :
                form.forms("presets", MAX_PRESETS, "too_many_presets", "name", "parameters", "prebuilds")) {
            String name = preset.name(Names.PATTERN, "lower-case letters, digits and '-'", names);
            presets.add(prebuilds(preset, name, reader.values(preset), rollouts));
        }
        return presets;
    }

    private PresetDeclaration prebuilds(
            ObjectReader preset, String name, Map<String, String> values, RolloutReader rollouts) {
        Optional<SyntaxNode> declared = preset.node("prebuilds");
        if (declared.isEmpty()) {
            return new PresetDeclaration(name, values, Optional.empty(), Optional.empty(), null, List.of());
        }
        ObjectReader form = ObjectReader.of(
                declared.get(),
                preset.at("prebuilds"),
                refusals,
                "instances",
                "ttl",
                "timezone",
                "schedules",
                "claimOrder",
                "maxUses",
                "maxJobs",
                "maxDeletes",
                "onDrift",
                "driftInterval",
                "rollout");
        form.requirePresent("instances");
        @Nullable String timezone = form.text("timezone").orElse(null);
        Optional<Integer> instances = form.wholeNumber("instances", 0, MAX_INSTANCES);
        List<Schedule> schedules = schedules(form, timezone);
        return new PresetDeclaration(
                name,
                values,
                instances,
                form.duration("ttl", MIN_TTL, MAX_TTL),
                timezone,
                schedules,
                new HandOut(
                        claimOrder(form),
                        form.wholeNumber("maxUses", 1, MAX_USES).orElse(1),
                        drift(form)),
                new Renewal(
                        new JobLimits(
                                form.wholeNumber("maxJobs", 1, MAX_INSTANCES),
                                form.wholeNumber("maxDeletes", 1, MAX_INSTANCES)),
                        rollouts.read(form, instances, schedules)));
    }

    private Drift drift(ObjectReader prebuilds) {
        String action = prebuilds.text("onDrift").orElse(Drift.DEFAULT.action());
        if (!DRIFT_ACTIONS.contains(action)) {
            refusals.add(
                    "unknown_drift_action",
                    prebuilds.at("onDrift"),
                    "must be one of " + String.join(", ", DRIFT_ACTIONS) + ".");
        }
        Optional<Duration> interval = prebuilds.duration("driftInterval", Duration.ZERO, MAX_TTL);
        if (interval.isPresent()
                && interval.get().isPositive()
                && interval.get().compareTo(MIN_DRIFT_INTERVAL) < 0) {
            refusals.add(
                    "out_of_range",
                    prebuilds.at("driftInterval"),
                    "must be 0s, or at least " + MIN_DRIFT_INTERVAL + ".");
        }
        return new Drift(action, interval);
    }

    private String claimOrder(ObjectReader prebuilds) {
        String order = prebuilds.text("claimOrder").orElse(HandOut.OLDEST);
        if (!CLAIM_ORDERS.contains(order)) {
            refusals.add(
                    "unknown_claim_order",
                    prebuilds.at("claimOrder"),
                    "must be one of " + String.join(", ", CLAIM_ORDERS) + ".");
        }
        return order;
    }

    private List<Schedule> schedules(ObjectReader prebuilds, @Nullable String timezone) {
        List<Schedule> schedules = new ArrayList<>();
        boolean readable = true;
        for (ObjectReader form :
                prebuilds.forms("schedules", MAX_SCHEDULES, "too_many_schedules", "cron", "instances")) {
            Optional<String> cron = form.requiredText("cron");
            form.requirePresent("instances");
            Optional<Integer> instances = form.wholeNumber("instances", 0, MAX_INSTANCES);
            readable &= cron.isPresent();
            schedules.add(new Schedule(cron.orElse(""), instances.orElse(0)));
        }
        // A missing cron is already refused.
        for (Refusal refusal : Schedules.validate(readable ? schedules : List.of(), timezone)) {
            refusals.add(new Refusal(refusal.code(), prebuilds.path() + "." + refusal.field(), refusal.detail()));
        }
        return schedules;
    }
}
