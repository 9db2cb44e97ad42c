package dev.larder.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FieldRulesTest {

    @ParameterizedTest
    @ValueSource(strings = {"ada", "Ada Lovelace", "ada@example.org", "Ólafur", "Анна", "山田 たろう", "김 민준", "محمد", "7"})
    void a_user_may_have_a_name_of_any_one_script(String name) {
        assertThat(FieldRules.userName(body(name))).isEqualTo(name);
    }

    @ParameterizedTest
    @CsvSource({
        "system,    reserved_name",
        "Owner,     reserved_name",
        "OWNER,     reserved_name",
        "оwner,     mixed_scripts", // a Cyrillic first letter
        "аdа,       mixed_scripts",
        "αdmin,     mixed_scripts",
        "ｏｗｎｅｒ,    invalid_name", // full width
        "'ada ',    invalid_name",
        "'a  da',   invalid_name",
        "' ada',    invalid_name",
        "a(b),      invalid_name",
    })
    void a_name_that_could_be_taken_for_another_is_refused(String name, String code) {
        assertThatThrownBy(() -> FieldRules.userName(body(name)))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo(code));
    }

    private static JsonBody body(String name) {
        return JsonBody.of(
                ("{\"name\":\"" + name + "\"}").getBytes(StandardCharsets.UTF_8),
                OrganizationResource.NewOrganization.class);
    }
}
