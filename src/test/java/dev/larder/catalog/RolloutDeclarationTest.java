package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.larder.model.Refusal;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Share;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a preset declares about the replacement of its prebuilds. */
class RolloutDeclarationTest {

    private static final String PREBUILDS =
            "instances: 4, ttl: 8h, schedules: [{cron: '* 9 * * *', instances: 6}], rollout: ";

    private static ParsedDeclaration parsed(String script, String prebuilds) {
        String yaml = """
                backend: exec
                files: {start.sh: x, %s: x}
                presets: [{name: one, prebuilds: {%s}}]
                """.formatted(script, prebuilds);
        return DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml");
    }

    private static ParsedDeclaration.Accepted accepted(String prebuilds) {
        ParsedDeclaration parsed = parsed("verify.sh", prebuilds);
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
        return (ParsedDeclaration.Accepted) parsed;
    }

    private static RolloutPolicy policy(String rollout) {
        return accepted(PREBUILDS + rollout)
                .declaration()
                .presets()
                .getFirst()
                .renewal()
                .rollout();
    }

    private static byte[] bytes(String prebuilds) {
        return Canonical.of(accepted(prebuilds).declaration()).whole();
    }

    @Test
    void a_preset_that_declares_nothing_rolls_one_of_four_at_a_time_and_holds_a_failed_version() {
        assertThat(policy("null")).isEqualTo(RolloutPolicy.DEFAULT).isEqualTo(policy("{}"));
        assertThat(policy("{strategy: rolling, maxSurge: 25%, maxUnavailable: 0, onFailure: hold, serveOld: true,"
                        + " expiryJitter: 0%, deadline: 1h}"))
                .isEqualTo(RolloutPolicy.DEFAULT);
    }

    @Test
    void reads_every_field() {
        assertThat(policy("{maxSurge: 3, maxUnavailable: 50%, onFailure: rollback, expiryJitter: 10%, deadline: 2h,"
                        + " canary: {instances: 2, verify: true, trialClaim: true, deadline: 10m}}"))
                .isEqualTo(new RolloutPolicy(
                        Strategy.ROLLING,
                        new Bounds(Share.of(3), Share.percent(50)),
                        Optional.of(new Canary(2, true, true, Duration.ofMinutes(10))),
                        OnFailure.ROLLBACK,
                        true,
                        10,
                        Duration.ofHours(2)));
        assertThat(policy("{canary: {instances: 1}}").canary())
                .contains(new Canary(1, false, false, Duration.ofMinutes(30)));
        assertThat(policy("{serveOld: false}").serveOld()).isFalse();
        assertThat(policy("{strategy: replace}").isRolling()).isFalse();
    }

    @Test
    void reads_the_same_from_json() {
        String json = """
                {"backend": "exec", "files": {"start.sh": "x", "verify.sh": "x"}, "presets": [{"name": "one",
                 "prebuilds": {"instances": 4, "rollout": {"maxSurge": 2, "maxUnavailable": "25%"}}}]}""";

        assertThat(DeclarationParser.parse(json.getBytes(StandardCharsets.UTF_8), "application/json"))
                .isEqualTo(accepted("instances: 4, rollout: {maxSurge: 2, maxUnavailable: 25%}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{canary: {instances: 6}}",
                "{onFailure: rollback}",
                "{maxSurge: 0, maxUnavailable: 1}",
                "{maxSurge: 0, maxUnavailable: 25%}",
                "{maxSurge: '2'}",
                "{maxSurge: 100%, maxUnavailable: 100%}",
                "{maxSurge: 1000}",
                "{expiryJitter: 50%}",
                "{deadline: 30d, canary: {instances: 1, deadline: 7d}}",
                "{deadline: 1m, canary: {instances: 1, deadline: 1m}}"
            })
    void bounds_are_inclusive(String rollout) {
        assertThat(policy(rollout)).isNotEqualTo(RolloutPolicy.DEFAULT);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "rolling                                           | wrong_type               | ``",
                "{surge: 1}                                        | unknown_field            | .surge",
                "{canary: {count: 1, instances: 1}}                | unknown_field            | .canary.count",
                "{strategy: bluegreen}                             | unknown_rollout_strategy | .strategy",
                "{onFailure: retry}                                | unknown_failure_action   | .onFailure",
                "{onFailure: HOLD}                                 | unknown_failure_action   | .onFailure",
                "{maxSurge: 101%}                                  | out_of_range             | .maxSurge",
                "{maxSurge: 1001}                                  | out_of_range             | .maxSurge",
                "{maxSurge: 99999999999}                           | out_of_range             | .maxSurge",
                "{maxUnavailable: 200%}                            | out_of_range             | .maxUnavailable",
                "{maxSurge: -1}                                    | invalid_share            | .maxSurge",
                "{maxSurge: 2.5}                                   | invalid_share            | .maxSurge",
                "{maxSurge: 2.5%}                                  | invalid_share            | .maxSurge",
                "{maxUnavailable: few}                             | invalid_share            | .maxUnavailable",
                "{maxUnavailable: [1]}                             | wrong_type               | .maxUnavailable",
                "{maxSurge: 0}                                     | rollout_stands_still     | .maxSurge",
                "{maxSurge: 0%, maxUnavailable: 0%}                | rollout_stands_still     | .maxSurge",
                "{maxSurge: 0, maxUnavailable: 20%}                | rollout_stands_still     | .maxUnavailable",
                "{canary: {}}                                      | missing_field            | .canary.instances",
                "{canary: {instances: 0}}                          | out_of_range             | .canary.instances",
                "{canary: {instances: 7}}                          | canary_too_large         | .canary.instances",
                "{canary: {instances: 1, deadline: 59s}}           | out_of_range             | .canary.deadline",
                "{canary: {instances: 1, deadline: 169h}}          | out_of_range             | .canary.deadline",
                "{canary: {instances: 1, verify: often}}           | wrong_type               | .canary.verify",
                "{canary: {instances: 1}, serveOld: false}         | option_without_effect    | .canary",
                "{onFailure: rollback, serveOld: false}            | option_without_effect    | .onFailure",
                "{serveOld: sometimes}                             | wrong_type               | .serveOld",
                "{expiryJitter: 51%}                               | out_of_range             | .expiryJitter",
                "{expiryJitter: 101%}                              | out_of_range             | .expiryJitter",
                "{expiryJitter: 10}                                | invalid_share            | .expiryJitter",
                "{expiryJitter: 5m}                                | invalid_share            | .expiryJitter",
                "{deadline: 59s}                                   | out_of_range             | .deadline",
                "{deadline: 31d}                                   | out_of_range             | .deadline",
                "{deadline: soon}                                  | invalid_duration         | .deadline",
                "{strategy: replace, canary: {instances: 1}}       | option_without_effect    | .canary",
                "{strategy: replace, maxSurge: 1}                  | option_without_effect    | .maxSurge",
                "{strategy: replace, maxUnavailable: 0}            | option_without_effect    | .maxUnavailable",
                "{strategy: replace, onFailure: hold}              | option_without_effect    | .onFailure",
                "{strategy: replace, serveOld: false}              | option_without_effect    | .serveOld",
                "{strategy: replace, expiryJitter: 10%}            | option_without_effect    | .expiryJitter",
                "{strategy: replace, deadline: 1h}                 | option_without_effect    | .deadline"
            })
    void what_has_no_effect_or_no_meaning_is_refused(String rollout, String code, String field) {
        assertThat(refusals("verify.sh", PREBUILDS + rollout))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(tuple(code, "presets[0].prebuilds.rollout" + field));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "claim.sh  | instances: 1, rollout: {canary: {instances: 1, verify: true}} | missing_verify_script | canary.verify",
                "verify.sh | instances: 1, rollout: {expiryJitter: 10%}                    | option_without_effect | expiryJitter",
                "verify.sh | instances: 0, rollout: {canary: {instances: 1}}               | canary_too_large      | canary.instances"
            })
    void what_its_version_or_its_prebuilds_do_not_have_is_refused(
            String script, String prebuilds, String code, String field) {
        assertThat(refusals(script, prebuilds))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(tuple(code, "presets[0].prebuilds.rollout." + field));
    }

    @Test
    void a_rollout_without_instances_is_refused_for_these() {
        assertThat(refusals("verify.sh", "rollout: {canary: {instances: 3}}"))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(tuple("missing_field", "presets[0].prebuilds.instances"));
    }

    @Test
    void a_trial_claim_needs_no_claim_script() {
        assertThat(policy("{canary: {instances: 1, trialClaim: true}}").canary())
                .map(Canary::trialClaim)
                .contains(true);
    }

    private static List<Refusal> refusals(String script, String prebuilds) {
        ParsedDeclaration parsed = parsed(script, prebuilds);
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Refused.class);
        return ((ParsedDeclaration.Refused) parsed).refusals();
    }

    @Test
    void a_declaration_from_before_rollouts_keeps_its_bytes() {
        assertThat(bytes("instances: 1")).isEqualTo(bytes("instances: 1, rollout: {maxSurge: 25%, deadline: 60m}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "strategy: replace",
                "maxSurge: 1",
                "maxUnavailable: 1",
                "onFailure: rollback",
                "serveOld: false",
                "expiryJitter: 1%",
                "deadline: 61m",
                "canary: {instances: 1}",
                "canary: {instances: 2}",
                "canary: {instances: 1, verify: true}",
                "canary: {instances: 1, trialClaim: true}",
                "canary: {instances: 1, deadline: 31m}"
            })
    void each_field_makes_another_version(String field) {
        assertThat(bytes(PREBUILDS + "{" + field + "}"))
                .isNotEqualTo(bytes(PREBUILDS + "{}"))
                .isNotEqualTo(bytes(PREBUILDS + "{canary: {instances: 3}}"));
    }
}
