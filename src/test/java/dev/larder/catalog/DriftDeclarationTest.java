package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Declaration;
import dev.larder.model.Declaration.Drift;
import dev.larder.model.Refusal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a preset says of drift. */
class DriftDeclarationTest {

    private static ParsedDeclaration parsed(String backend, String prebuilds) {
        String file = backend.equals("terraform") ? "main.tf" : "start.sh";
        String yaml = """
                backend: %s
                files: {%s: "# nothing"}
                presets: [{name: one, prebuilds: {instances: 1%s}}]
                """.formatted(backend, file, prebuilds);
        return DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml");
    }

    private static Declaration accepted(String prebuilds) {
        return ((ParsedDeclaration.Accepted) parsed("terraform", prebuilds)).declaration();
    }

    private static Drift drift(String prebuilds) {
        return accepted(prebuilds).presets().getFirst().handOut().drift();
    }

    @Test
    void a_preset_replaces_drifted_prebuilds_unless_it_says_otherwise() {
        assertThat(drift("")).isEqualTo(new Drift("replace", Optional.empty()));
        assertThat(drift(", onDrift: refresh, driftInterval: 1h"))
                .isEqualTo(new Drift("refresh", Optional.of(Duration.ofHours(1))));
        assertThat(drift(", onDrift: ignore, driftInterval: 0s"))
                .isEqualTo(new Drift("ignore", Optional.of(Duration.ZERO)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "terraform | , onDrift: dance           | unknown_drift_action  | presets[0].prebuilds.onDrift",
                "terraform | , driftInterval: 299s      | out_of_range          | presets[0].prebuilds.driftInterval",
                "terraform | , driftInterval: 366d      | out_of_range          | presets[0].prebuilds.driftInterval",
                "terraform | , driftInterval: soon      | invalid_duration      | presets[0].prebuilds.driftInterval",
                "exec      | , onDrift: ignore          | option_without_effect | presets[0].prebuilds",
                "exec      | , driftInterval: 1h        | option_without_effect | presets[0].prebuilds"
            })
    void what_has_no_effect_or_no_meaning_is_refused(String backend, String prebuilds, String code, String field) {
        List<Refusal> refusals = ((ParsedDeclaration.Refused) parsed(backend, prebuilds)).refusals();

        assertThat(refusals)
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(org.assertj.core.api.Assertions.tuple(code, field));
    }

    @Test
    void a_declaration_from_before_these_options_keeps_its_bytes() {
        assertThat(Canonical.of(accepted("")).whole())
                .isEqualTo(Canonical.of(accepted(", onDrift: replace")).whole());
        assertThat(Canonical.of(accepted("")).whole())
                .isNotEqualTo(Canonical.of(accepted(", onDrift: refresh")).whole());
        assertThat(Canonical.of(accepted("")).whole())
                .isNotEqualTo(Canonical.of(accepted(", driftInterval: 1h")).whole());
    }
}
