package dev.larder.client.junit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.ClassOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.TestClassOrder;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code LARDER_TEST_COUNT} tests, four at a time, each on a database of its own, in three ways; prints what each costs:
 * Larder's stock; a copy of a template at request ({@code CREATE DATABASE … TEMPLATE}, as integresql does it); and
 * {@code CREATE DATABASE} with the schema and its data each time.
 */
@TestClassOrder(ClassOrderer.OrderAnnotation.class)
class SoakTest {

    private static final int COUNT = Integer.parseInt(System.getenv("LARDER_TEST_COUNT"));
    private static final Postgres POSTGRES = Postgres.of(System.getenv("LARDER_TEST_POSTGRES"));
    private static final String TEMPLATE = "soak_junit";
    private static final Queue<Long> WAITED = new ConcurrentLinkedQueue<>();
    private static final ThreadLocal<Long> BEGUN = new ThreadLocal<>();

    static IntStream numbers() {
        return IntStream.range(0, COUNT);
    }

    @BeforeAll
    static void template() throws SQLException, IOException {
        POSTGRES.execute("postgres", "CREATE DATABASE " + TEMPLATE);
        POSTGRES.execute(TEMPLATE, schema());
    }

    @AfterAll
    static void noTemplate() throws SQLException {
        POSTGRES.execute("postgres", "DROP DATABASE " + TEMPLATE);
    }

    private static String schema() throws IOException {
        return Files.readString(Path.of(System.getenv("LARDER_TEST_SCHEMA")));
    }

    /** The server's superuser, from {@code postgresql://user:password@host:port/database}. */
    private record Postgres(String user, String password, String address) {

        static Postgres of(String url) {
            String[] parts = url.replaceFirst("^postgresql://", "").split("[:@/]");
            return new Postgres(parts[0], parts[1], parts[2] + ":" + parts[3]);
        }

        Connection connect(String database) throws SQLException {
            return DriverManager.getConnection("jdbc:postgresql://" + address + "/" + database, user, password);
        }

        void execute(String database, String sql) throws SQLException {
            try (Connection connection = connect(database);
                    Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        }
    }

    /** Notes when the test begins to wait for its database. */
    static final class Stopwatch implements BeforeEachCallback {
        @Override
        public void beforeEach(ExtensionContext test) {
            BEGUN.set(System.nanoTime());
        }
    }

    private static void ready() {
        WAITED.add(System.nanoTime() - BEGUN.get());
    }

    private static void addAnOrder(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO orders SELECT 3001, 1, now()");
            ResultSet rows = statement.executeQuery("SELECT count(*) FROM orders");
            rows.next();
            assertThat(rows.getInt(1)).isEqualTo(3001);
        }
    }

    /** The times of one way. The ways follow each other; the tests of one run at the same time. */
    abstract static class Way {

        private static long begun;

        @BeforeAll
        static void begins() {
            WAITED.clear();
            begun = System.nanoTime();
        }

        static void ends(String way) {
            double each = (System.nanoTime() - begun) / 1e6 / COUNT;
            double[] waited =
                    WAITED.stream().mapToDouble(nanos -> nanos / 1e6).sorted().toArray();
            System.out.printf(
                    "soak JUnit   %-9s %d tests, 4 at a time: %.0f ms per test, database after p50 %.1f ms, p99 %.1f ms%n",
                    way, waited.length, each, waited[waited.length / 2], waited[(int) (waited.length * 0.99)]);
        }
    }

    @Nested
    @Order(1)
    @Execution(ExecutionMode.SAME_THREAD)
    @ExtendWith(Stopwatch.class)
    @LarderDatabase(organization = "clients", template = "orders", preset = "small")
    class FromStock extends Way {

        private Database database;

        @BeforeEach
        void claimed() {
            ready();
        }

        @ParameterizedTest
        @MethodSource("dev.larder.client.junit.SoakTest#numbers")
        @Execution(ExecutionMode.CONCURRENT)
        void adds_an_order(int number) throws SQLException {
            try (Connection connection =
                    DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password())) {
                addAnOrder(connection);
            }
        }

        @AfterAll
        static void says() {
            ends("stock");
        }
    }

    @Nested
    @Order(2)
    @Execution(ExecutionMode.SAME_THREAD)
    @ExtendWith(Stopwatch.class)
    class FromATemplate extends Way {

        private final String name = "soak_" + UUID.randomUUID().toString().replace("-", "");

        @BeforeEach
        void copy() throws SQLException {
            POSTGRES.execute("postgres", "CREATE DATABASE " + name + " TEMPLATE " + TEMPLATE);
            ready();
        }

        @AfterEach
        void drop() throws SQLException {
            POSTGRES.execute("postgres", "DROP DATABASE " + name);
        }

        @ParameterizedTest
        @MethodSource("dev.larder.client.junit.SoakTest#numbers")
        @Execution(ExecutionMode.CONCURRENT)
        void adds_an_order(int number) throws SQLException {
            try (Connection connection = POSTGRES.connect(name)) {
                addAnOrder(connection);
            }
        }

        @AfterAll
        static void says() {
            ends("template");
        }
    }

    @Nested
    @Order(3)
    @Execution(ExecutionMode.SAME_THREAD)
    @ExtendWith(Stopwatch.class)
    class Fresh extends Way {

        private final String name = "soak_" + UUID.randomUUID().toString().replace("-", "");

        @BeforeEach
        void make() throws SQLException, IOException {
            POSTGRES.execute("postgres", "CREATE DATABASE " + name);
            POSTGRES.execute(name, schema());
            ready();
        }

        @AfterEach
        void drop() throws SQLException {
            POSTGRES.execute("postgres", "DROP DATABASE " + name);
        }

        @ParameterizedTest
        @MethodSource("dev.larder.client.junit.SoakTest#numbers")
        @Execution(ExecutionMode.CONCURRENT)
        void adds_an_order(int number) throws SQLException {
            try (Connection connection = POSTGRES.connect(name)) {
                addAnOrder(connection);
            }
        }

        @AfterAll
        static void says() {
            ends("fresh");
        }
    }
}
