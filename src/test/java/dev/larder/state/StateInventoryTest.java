package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.state.StateInventory.Resource;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read of the resources in a state of format 4. */
class StateInventoryTest {

    private static List<Resource> read(String resources) {
        List<Resource> found = new ArrayList<>();
        StateInventory.read(
                ("{\"version\":4,\"serial\":1,\"lineage\":\"a\",\"resources\":" + resources + ",\"outputs\":{}}")
                        .getBytes(StandardCharsets.UTF_8),
                found::add);
        return found;
    }

    private static Resource one(String instance) {
        return read("[{\"mode\":\"managed\",\"type\":\"t\",\"name\":\"n\",\"instances\":[" + instance + "]}]")
                .getFirst();
    }

    @Test
    void a_resource_has_its_address_type_name_provider_status_and_dependencies() {
        Resource found = read("""
                [{"instances": [{"attributes": {"secret": "x", "deep": [{"status": "tainted"}]},
                                 "dependencies": ["module.net.aws_vpc.main", "data.aws_ami.base"]}],
                  "provider": "module.net.provider[\\"registry.terraform.io/hashicorp/aws\\"].west",
                  "name": "web", "type": "aws_instance", "mode": "managed", "module": "module.net"}]""").getFirst();

        assertThat(found)
                .isEqualTo(new Resource(
                        "module.net.aws_instance.web",
                        "",
                        "managed",
                        "aws_instance",
                        "web",
                        "registry.terraform.io/hashicorp/aws",
                        "created",
                        List.of("module.net.aws_vpc.main", "data.aws_ami.base")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {}                                        | t.n         | created
            {"index_key":0}                           | t.n[0]      | created
            {"index_key":"a/b"}                       | t.n["a/b"]  | created
            {"index_key":"a\\"b"}                     | t.n["a\\"b"] | created
            {"status":"tainted"}                      | t.n         | tainted
            {"deposed":"0123abcd"}                    | t.n         | deposed
            {"deposed":"0123abcd","status":"tainted"} | t.n         | deposed
            {"deposed":"","index_key":1}              | t.n[1]      | created
            {"index_key":null,"status":null}          | t.n         | created
            {"index_key":{"a":[1]},"status":["x"]}    | t.n         | created
            """)
    void an_instance_has_the_address_that_the_tool_shows_and_a_status(String instance, String address, String status) {
        assertThat(one(instance).address()).isEqualTo(address);
        assertThat(one(instance).status()).isEqualTo(status);
    }

    @Test
    void a_data_source_has_the_address_that_dependencies_name() {
        assertThat(read("[{\"mode\":\"data\",\"type\":\"aws_ami\",\"name\":\"base\",\"instances\":[{}]}]")
                        .getFirst()
                        .address())
                .isEqualTo("data.aws_ami.base");
    }

    @Test
    void what_is_no_resource_and_no_instance_is_passed_over() {
        assertThat(read("[1, null, [], \"x\", {\"type\":\"t\",\"name\":\"n\",\"instances\":[1, [], {}]}]"))
                .hasSize(1);
        assertThat(read("{}")).isEmpty();
        assertThat(read("null")).isEmpty();
    }

    @Test
    void a_state_that_its_client_encrypted_says_so_and_a_broken_one_shows_nothing_of_itself() {
        assertThatThrownBy(() -> StateInventory.read(
                        "{\"serial\":1,\"encrypted_data\":\"x\"}".getBytes(StandardCharsets.UTF_8), found -> {}))
                .isInstanceOfSatisfying(
                        StateProblemException.class,
                        told -> assertThat(told.code()).isEqualTo("state_client_encrypted"));
        assertThatThrownBy(() -> read("[{\"name\": planted"))
                .isInstanceOf(StateProblemException.class)
                .hasMessageNotContaining("planted");
    }
}
