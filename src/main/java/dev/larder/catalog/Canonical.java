package dev.larder.catalog;

import dev.larder.model.Declaration;
import dev.larder.model.Declaration.Drift;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Parameter;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.Schedule;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The canonical form of a declaration: the same bytes for the same content, in YAML or JSON, with fields in any
 * order and durations in either form. The order of parameters, presets and schedules counts, because it is shown or
 * decides.
 *
 * <p>Databases hold fingerprints of these bytes. Another form, such as JSON with sorted keys, would change every
 * fingerprint: each template would get a new version at its next declaration, and its whole stock would be rebuilt.
 * So the form stays.
 */
final class Canonical {

    // Raised when the form changes: every template then gets a new version at its next declaration.
    private static final int FORM = 2;

    // Every file counts by its digest, whether it is declared as text or by reference.
    private static final int FORM_BY_DIGESTS = 3;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);

    private Canonical() {}

    /**
     * Both forms of a declaration. They hold sensitive values in clear: only their fingerprints may be stored.
     *
     * @param whole with the texts of the files; that by digests where a file is an uploaded one
     * @param byDigests with the digests of the files
     */
    record Forms(byte[] whole, byte[] byDigests) {}

    static Forms of(Declaration declaration) {
        byte[] byDigests = of(declaration, FORM_BY_DIGESTS, digests(declaration));
        return new Forms(
                declaration.uploads().isEmpty() ? of(declaration, FORM, declaration.files()) : byDigests, byDigests);
    }

    private static byte[] of(Declaration declaration, int form, Map<String, String> files) {
        Canonical canonical = new Canonical();
        try {
            canonical.declaration(declaration, form, files);
        } catch (IOException impossible) {
            throw new IllegalStateException("writing to memory failed", impossible);
        }
        return canonical.bytes.toByteArray();
    }

    private static Map<String, String> digests(Declaration declaration) {
        Map<String, String> digests = new TreeMap<>(declaration.uploads());
        declaration.files().forEach((path, text) -> digests.put(path, FileDigest.of(text)));
        return digests;
    }

    private void declaration(Declaration declaration, int form, Map<String, String> files) throws IOException {
        out.writeInt(form);
        text(declaration.backend());
        texts(files);
        texts(declaration.tags());
        out.writeLong(declaration.startTimeout().toSeconds());
        out.writeInt(declaration.parameters().size());
        for (Parameter parameter : declaration.parameters()) {
            text(parameter.name());
            text(parameter.type());
            out.writeBoolean(parameter.required());
            out.writeBoolean(parameter.mutable());
            out.writeBoolean(parameter.sensitive());
            text(parameter.defaultValue());
            added(parameter);
        }
        out.writeInt(declaration.presets().size());
        for (PresetDeclaration preset : declaration.presets()) {
            preset(preset);
        }
    }

    /** A declaration from before these fields existed keeps its bytes. No name of a parameter has a '='. */
    private void added(Parameter parameter) throws IOException {
        if (parameter.late()) {
            text("late=true");
        }
        if (parameter.limits().json() != null) {
            text("limits=" + parameter.limits().json());
        }
        if (parameter.description() != null) {
            text("description=" + parameter.description());
        }
    }

    private void preset(PresetDeclaration preset) throws IOException {
        text(preset.name());
        texts(preset.parameters());
        out.writeInt(preset.instances().orElse(-1));
        out.writeLong(preset.ttl().map(ttl -> ttl.toSeconds()).orElse(-1L));
        text(preset.timezone());
        schedules(preset.schedules());
        text(preset.handOut().order());
        // A declaration from before this field existed keeps its bytes.
        if (preset.handOut().maxUses() > 1) {
            text("maxUses=" + preset.handOut().maxUses());
        }
        Drift drift = preset.handOut().drift();
        if (!drift.action().equals(Drift.DEFAULT.action())) {
            text("onDrift=" + drift.action());
        }
        if (drift.interval().isPresent()) {
            text("driftInterval=" + drift.interval().get().toSeconds());
        }
        limit("maxJobs", preset.renewal().limits().jobs());
        limit("maxDeletes", preset.renewal().limits().deletes());
        rollout(preset.renewal().rollout());
    }

    private void rollout(RolloutPolicy policy) throws IOException {
        if (policy.equals(RolloutPolicy.DEFAULT)) {
            return;
        }
        text("rollout=" + policy.strategy());
        text(policy.bounds().surge() + " " + policy.bounds().unavailable());
        out.writeBoolean(policy.canary().isPresent());
        if (policy.canary().isPresent()) {
            Canary canary = policy.canary().get();
            out.writeInt(canary.instances());
            out.writeBoolean(canary.verify());
            out.writeBoolean(canary.trialClaim());
            out.writeLong(canary.deadline().toSeconds());
        }
        text(policy.onFailure().name());
        out.writeBoolean(policy.serveOld());
        out.writeInt(policy.jitterPercent());
        out.writeLong(policy.deadline().toSeconds());
    }

    private void limit(String name, Optional<Integer> limit) throws IOException {
        if (limit.isPresent()) {
            text(name + "=" + limit.get());
        }
    }

    private void schedules(List<Schedule> schedules) throws IOException {
        out.writeInt(schedules.size());
        for (Schedule schedule : schedules) {
            text(schedule.cron());
            out.writeInt(schedule.instances());
        }
    }

    private void texts(Map<String, String> texts) throws IOException {
        out.writeInt(texts.size());
        for (Map.Entry<String, String> entry : new TreeMap<>(texts).entrySet()) {
            text(entry.getKey());
            text(entry.getValue());
        }
    }

    /** Length first, so that two neighbouring texts are never taken for two other ones. */
    private void text(@Nullable String text) throws IOException {
        if (text == null) {
            out.writeInt(-1);
            return;
        }
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }
}
