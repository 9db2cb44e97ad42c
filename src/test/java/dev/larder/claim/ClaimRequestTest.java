package dev.larder.claim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is asked for, as it comes over the wire: {@code '} stands for {@code "} here. */
class ClaimRequestTest {

    private static final UUID ID = UUID.fromString("01890000-0000-7000-8000-000000000001");

    private static ClaimRequest read(String json) {
        return ClaimRequest.of(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8), OptionalInt.empty());
    }

    private static ClaimRequest of(String more) {
        return read("{'template':'box','preset':'small'" + more + "}");
    }

    private static void assertRefused(String json, int status, String code, String field) {
        assertThatThrownBy(() -> read(json)).as(json).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.code()).isEqualTo(code);
            assertThat(problem.status()).isEqualTo(status);
            assertThat(problem.refusals())
                    .extracting(refusal -> refusal.field())
                    .containsExactly(field);
        });
    }

    @Test
    void the_least_that_can_be_said_is_one_of_a_preset_now_or_never() {
        ClaimRequest request = of("");

        assertThat(request.wanted()).isEqualTo(new Wanted.PresetsByName(Optional.empty(), "box", List.of("small")));
        assertThat(request.policy()).isEqualTo(new Policy.Fail());
        assertThat(request.count()).isEqualTo(1);
        assertThat(request.atLeast()).isEqualTo(1);
        assertThat(request.ttl()).isEmpty();
    }

    @Test
    void all_that_can_be_said_of_waiting() {
        assertThat(of(",'policy':'wait'").policy()).isEqualTo(new Policy.Wait(Duration.ofMinutes(5), 0, false));
        assertThat(of(",'policy':'wait_then_cold','timeout':'PT1S','priority':-100,'ttl':'P30D'"))
                .isEqualTo(new ClaimRequest(
                        new Wanted.PresetsByName(Optional.empty(), "box", List.of("small")),
                        new Policy.Wait(Duration.ofSeconds(1), -100, true),
                        1,
                        1,
                        Optional.of(Duration.ofDays(30))));
        assertThat(of(",'policy':'cold'").policy()).isEqualTo(new Policy.Cold());
    }

    @Test
    void a_batch_is_all_or_nothing_unless_fewer_will_do() {
        assertThat(of(",'count':100").atLeast()).isEqualTo(100);
        assertThat(of(",'count':7,'atLeast':1").atLeast()).isEqualTo(1);
    }

    @Test
    void what_is_wanted_is_named_in_one_of_seven_ways() {
        assertThat(read("{'presetId':'" + ID + "'}").wanted()).isEqualTo(new Wanted.PresetById(ID));
        assertThat(read("{'organization':'acme','template':'box','presets':['b','a']}")
                        .wanted())
                .isEqualTo(new Wanted.PresetsByName(Optional.of("acme"), "box", List.of("b", "a")));
        assertThat(read("{'template':'box','parameters':{'size':4,'fast':true,'zone':'eu'}}")
                        .wanted())
                .isEqualTo(new Wanted.ByParameters(
                        Optional.empty(), "box", Map.of("size", "4", "fast", "true", "zone", "eu"), Set.of()));
        assertThat(read("{'template':'box','parameters':{'zones':['b', 'a'],'labels':{'b':1,'a':[true]}}}")
                        .wanted())
                .isEqualTo(new Wanted.ByParameters(
                        Optional.empty(),
                        "box",
                        Map.of("zones", "[\"b\",\"a\"]", "labels", "{\"a\":[true],\"b\":1}"),
                        Set.of("labels", "zones")));
        assertThat(read("{'template':'box','parameters':{}}").wanted())
                .isEqualTo(new Wanted.ByParameters(Optional.empty(), "box", Map.of(), Set.of()));
        assertThat(read("{'template':'box','preset':'small','parameters':{'size':4,'zones':[]}}")
                        .wanted())
                .isEqualTo(new Wanted.WithParameters(
                        new Wanted.PresetsByName(Optional.empty(), "box", List.of("small")),
                        Map.of("size", "4", "zones", "[]"),
                        Set.of("zones")));
        assertThat(read("{'presetId':'" + ID + "','parameters':{}}").wanted())
                .isEqualTo(new Wanted.WithParameters(new Wanted.PresetById(ID), Map.of(), Set.of()));
        byte[] exactly = ("{\"workspaceId\":\"" + ID + "\"}").getBytes(StandardCharsets.UTF_8);
        assertThat(ClaimRequest.of(exactly, OptionalInt.of(3)).wanted()).isEqualTo(new Wanted.Exactly(ID, 3));
        assertThatThrownBy(() -> ClaimRequest.of(exactly, OptionalInt.empty()))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.status()).isEqualTo(428));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | missing_field | template",
                "{'template':'box'} | missing_field | preset",
                "{'preset':'small'} | missing_field | template",
                "{'organization':'acme'} | missing_field | template",
                "{'template':null,'preset':'small'} | missing_field | template",
                "{'template':7,'preset':'small'} | wrong_type | template",
                "{'template':'box','preset':['small']} | wrong_type | preset",
                "{'template':'box','preset':'sm\\u0000all'} | invalid_text | preset",
                "{'template':'box','presets':'small'} | wrong_type | presets",
                "{'template':'box','presets':[]} | wrong_type | presets",
                "{'template':'box','presets':{'a':'b'}} | wrong_type | presets",
                "{'template':'box','presets':['a',7]} | wrong_type | presets[1]",
                "{'template':'box','presets':['a',null]} | wrong_type | presets[1]",
                "{'template':'box','presets':['a\\u0000']} | wrong_type | presets[0]",
                "{'template':'box','presets':['a','b','a']} | duplicate_preset | presets[2]",
                "{'template':'box','presets':['1','2','3','4','5','6','7','8','9','0','a','b','c','d','e','f','g']}"
                        + " | wrong_type | presets",
                "{'template':'box','parameters':[]} | wrong_type | parameters",
                "{'template':'box','parameters':'a'} | wrong_type | parameters",
                "{'template':'box','parameters':{'a':null}} | wrong_type | parameters.a",
                "{'template':'box','parameters':{'a':'b\\u0000'}} | wrong_type | parameters.a",
                "{'template':'box','parameters':{'a':'\\ud83d'}} | wrong_type | parameters.a",
                "{'template':'box','parameters':{'a':['\\ud83d']}} | wrong_type | parameters.a",
                "{'template':'box','preset':'a','parameters':{'b':null}} | wrong_type | parameters.b",
                "{'template':'box','parameters':{'a\\u0000':'b'}} | wrong_type | parameters",
                "{'template':'box','preset':'a','presets':['b']} | ambiguous_claim | presets",
                "{'template':'box','presets':['a'],'parameters':{}} | ambiguous_claim | presets",
                "{'presetId':'01890000-0000-7000-8000-000000000001','template':'box'} | ambiguous_claim | presetId",
                "{'workspaceId':'01890000-0000-7000-8000-000000000001','parameters':{}} | ambiguous_claim | workspaceId",
                "{'presetId':'01890000-0000-7000-8000-000000000001','organization':'a'} | ambiguous_claim | presetId",
                "{'workspaceId':'01890000-0000-7000-8000-000000000001','preset':'a'} | ambiguous_claim | workspaceId",
                "{'presetId':'small'} | invalid_id | presetId",
                "{'presetId':7} | wrong_type | presetId",
                "{'workspaceId':'1-1-1-1-1'} | invalid_id | workspaceId",
            })
    void what_is_wanted_must_be_clear(String json, String code, String field) {
        assertRefused(json, 400, code, field);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'policy':'later' | 422 | unknown_policy | policy",
                "'policy':'waiting','timeout':'PT1S' | 422 | unknown_policy | policy",
                "'policy':'WAIT' | 422 | unknown_policy | policy",
                "'policy':7 | 400 | wrong_type | policy",
                "'timeout':'PT1S' | 422 | not_for_this_policy | timeout",
                "'policy':'cold','priority':1 | 422 | not_for_this_policy | priority",
                "'policy':'wait','timeout':'PT0.999S' | 400 | invalid_duration | timeout",
                "'policy':'wait','timeout':'PT24H1S' | 422 | out_of_range | timeout",
                "'policy':'wait','timeout':'24h0.5s' | 400 | invalid_duration | timeout",
                "'policy':'wait','timeout':'PT0S' | 400 | invalid_duration | timeout",
                "'policy':'wait','timeout':'-PT1S' | 400 | invalid_duration | timeout",
                "'policy':'wait','timeout':'5' | 400 | invalid_duration | timeout",
                "'policy':'wait','timeout':300 | 400 | wrong_type | timeout",
                "'policy':'wait','priority':101 | 422 | out_of_range | priority",
                "'policy':'wait','priority':-101 | 422 | out_of_range | priority",
                "'policy':'wait','priority':1.5 | 400 | wrong_type | priority",
                "'policy':'wait','priority':99999999999 | 400 | wrong_type | priority",
                "'ttl':'PT0.5S' | 400 | invalid_duration | ttl",
                "'ttl':'P31D' | 422 | out_of_range | ttl",
                "'ttl':'forever' | 400 | invalid_duration | ttl",
                "'ttl':'P9999999999999999D' | 400 | invalid_duration | ttl",
                "'count':0 | 422 | out_of_range | count",
                "'count':-1 | 422 | out_of_range | count",
                "'count':101 | 422 | out_of_range | count",
                "'count':'2' | 400 | wrong_type | count",
                "'count':2.0 | 400 | wrong_type | count",
                "'count':3,'atLeast':4 | 422 | out_of_range | atLeast",
                "'count':3,'atLeast':0 | 422 | out_of_range | atLeast",
                "'atLeast':1 | 422 | missing_count | atLeast",
                "'atLeast':2 | 422 | missing_count | atLeast",
                "'policy':'fail','priority':0 | 422 | not_for_this_policy | priority",
                "'policy':'cold','timeout':'PT1M' | 422 | not_for_this_policy | timeout",
                "'count':2,'policy':'wait_then_cold' | 422 | policy_not_for_batches | policy",
                "'count':2,'policy':'wait' | 422 | policy_not_for_batches | policy",
                "'count':2,'policy':'cold' | 422 | policy_not_for_batches | policy",
                "'surprise':1 | 400 | unknown_field | surprise",
            },
            quoteCharacter = '`')
    void what_is_said_beside_it_must_make_sense(String more, int status, String code, String field) {
        assertRefused("{'template':'box','preset':'small'," + more + "}", status, code, field);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"'policy':'wait' | policy", "'policy':'cold' | policy", "'count':2 | count"},
            quoteCharacter = '`')
    void exactly_one_workspace_is_had_now_or_never(String more, String field) {
        byte[] body =
                ("{'workspaceId':'" + ID + "'," + more + "}").replace('\'', '"').getBytes(StandardCharsets.UTF_8);

        assertThatThrownBy(() -> ClaimRequest.of(body, OptionalInt.of(1)))
                .isInstanceOfSatisfying(Problem.class, problem -> {
                    assertThat(problem.status()).isEqualTo(422);
                    assertThat(problem.refusals())
                            .extracting(refusal -> refusal.field())
                            .containsExactly(field);
                });
    }

    @Test
    void a_version_that_must_match_is_for_a_workspace_that_is_named() {
        byte[] body = "{\"template\":\"box\",\"preset\":\"small\"}".getBytes(StandardCharsets.UTF_8);

        assertThatThrownBy(() -> ClaimRequest.of(body, OptionalInt.of(1)))
                .isInstanceOfSatisfying(Problem.class, problem -> {
                    assertThat(problem.code()).isEqualTo("unexpected_if_match");
                    assertThat(problem.refusals().getFirst().field()).isEqualTo("If-Match");
                });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"[]", "7", "null", "'text'", "{", "{'a':1}}", "{'a':1,'a':2}", "nonsense"})
    void what_is_no_object_is_refused(String body) {
        assertThatThrownBy(() -> read(body))
                .as(body)
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.status()).isEqualTo(400));
        assertThatThrownBy(() -> read("")).isInstanceOf(Problem.class);
    }

    @ParameterizedTest
    @EnumSource(Role.class)
    void a_place_before_others_is_not_for_members(Role role) {
        Caller caller = new Caller(ID, "anna", role, Optional.of(ID));
        ClaimRequest ahead = of(",'policy':'wait','priority':1");

        assertThatCode(() -> of(",'policy':'wait','priority':0").refuseUnlessAllowed(caller))
                .doesNotThrowAnyException();
        if (role == Role.MEMBER) {
            assertThatThrownBy(() -> ahead.refuseUnlessAllowed(caller))
                    .isInstanceOfSatisfying(
                            Problem.class,
                            problem -> assertThat(problem.status()).isEqualTo(403));
        } else {
            assertThatCode(() -> ahead.refuseUnlessAllowed(caller)).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'template':'box','preset':'a'} | { 'preset':'a' , 'template':'box','policy':'fail','count':1}",
                "{'template':'box','preset':'a'} | {'template':'box','presets':['a']}",
                "{'template':'box','parameters':{'a':'1','b':2}} | {'parameters':{'b':'2','a':1},'template':'box'}",
                "{'template':'box','preset':'a','ttl':'PT60S'} | {'template':'box','preset':'a','ttl':'PT1M'}",
                "{'template':'box','preset':'a','ttl':'PT1M'} | {'template':'box','preset':'a','ttl':'60s'}",
                "{'template':'box','preset':'a','policy':'wait'}"
                        + " | {'template':'box','preset':'a','policy':'wait','timeout':'PT5M','priority':0}",
            })
    void the_same_request_is_the_same_however_it_is_written(String one, String other) {
        assertThat(read(one).hash()).isEqualTo(read(other).hash()).hasSize(32);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'template':'box','preset':'a'} | {'template':'box','preset':'b'}",
                "{'template':'box','preset':'a'} | {'template':'box','preset':'a','ttl':'PT1M'}",
                "{'template':'box','preset':'a'} | {'template':'box','preset':'a','policy':'cold'}",
                "{'template':'box','preset':'a'} | {'template':'box','preset':'a','organization':'acme'}",
                "{'template':'box','presets':['a','b']} | {'template':'box','presets':['b','a']}",
                "{'template':'box','presets':['a','b']} | {'template':'box','presets':['a, b']}",
                "{'template':'box','parameters':{'a':'1','b':'2'}} | {'template':'box','parameters':{'a':'1, b=2'}}",
                "{'template':'box','parameters':{'a':'1'}} | {'template':'box','parameters':{'a=1':''}}",
                "{'template':'box','preset':'a','count':3} | {'template':'box','preset':'a','count':3,'atLeast':1}",
                "{'template':'box','preset':'a','policy':'wait'} | {'template':'box','preset':'a','policy':'wait_then_cold'}",
                "{'template':'box','preset':'a'} | {'template':'box','preset':'a','parameters':{'b':'c'}}",
                "{'template':'box','parameters':{'b':'c'}} | {'template':'box','preset':'a','parameters':{'b':'c'}}",
                "{'template':'box','preset':'a','parameters':{'b':'c'}} | {'template':'box','preset':'a','parameters':{'b':'d'}}",
                "{'template':'box','preset':'a','parameters':{'b':'[]'}} | {'template':'box','preset':'a','parameters':{'b':[]}}",
                "{'template':'box','preset':'a','parameters':{'b':'c'}} | {'template':'box','presets':['a','b','c']}",
            })
    void another_request_is_another_one(String one, String other) {
        assertThat(read(one).hash()).isNotEqualTo(read(other).hash());
    }

    /** Databases hold hashes of earlier versions, and a client may repeat its claim after an upgrade. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'template':'box','preset':'a'} | 2b3f2b4f5178e956",
                "{'presetId':'01890000-0000-7000-8000-000000000001','ttl':'PT8H'} | cbf18486b6dfba4d",
                "{'organization':'acme','template':'box','presets':['a','b'],'count':3,'atLeast':2} | f2973084ddcbaea8",
                "{'template':'box','parameters':{'b':'2','a':1},'policy':'cold'} | 70db2a64ab99bc13",
                "{'template':'box','preset':'a','policy':'wait_then_cold','timeout':'PT30S','priority':2} | eade98dddf60898a",
            })
    void a_request_has_the_same_hash_in_every_version(String request, String begins) {
        assertThat(HexFormat.of().formatHex(read(request).hash())).startsWith(begins);
    }

    @Test
    void a_claim_at_the_address_of_its_preset_may_give_values_too() {
        byte[] body = "{\"parameters\":{\"size\":3}}".getBytes(StandardCharsets.UTF_8);

        ClaimRequest byNames = ClaimRequest.ofNamed(body, "acme", "box", "a");

        assertThat(byNames.hash())
                .isEqualTo(read("{'organization':'acme','template':'box','preset':'a','parameters':{'size':3}}")
                        .hash());
    }
}
