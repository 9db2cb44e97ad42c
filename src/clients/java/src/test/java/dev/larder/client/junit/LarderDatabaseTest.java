package dev.larder.client.junit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.client.Lease;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

@LarderDatabase(organization = "clients", template = "orders", preset = "small")
class LarderDatabaseTest {

    private static final Set<String> OWN = ConcurrentHashMap.newKeySet();

    private Database field;

    @RepeatedTest(6)
    void each_test_has_a_database_of_its_own(Database database) throws SQLException {
        try (Connection connection =
                DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password())) {
            connection.createStatement().execute("CREATE TABLE mine ()");
        }

        assertThat(OWN.add(database.name())).isTrue();
        assertThat(database.toString()).doesNotContain(database.password());
    }

    @Test
    void a_field_and_a_parameter_are_the_same_database(Database database, Lease lease) {
        assertThat(database).isEqualTo(field).isEqualTo(Database.of(lease.outputs()));
    }

    @Test
    @LarderDatabase(organization = "clients", template = "orders", parameters = "region=zurich")
    void a_method_chooses_what_is_claimed(Lease lease) {
        assertThat(lease.claim().workspace().orElseThrow().preset()).contains("zurich");
    }

    @Nested
    class ANestedClass {

        private String before;

        @BeforeEach
        void uses(Database database) {
            before = database.name();
        }

        @Test
        void claims_what_its_outer_class_names_and_set_up_sees_the_same(Database database) {
            assertThat(database.name()).isEqualTo(before).isEqualTo(field.name());
        }
    }
}
