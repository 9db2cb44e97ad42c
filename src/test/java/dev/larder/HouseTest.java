package dev.larder;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.domain.ReferencedClassObject;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.larder.http.JsonBody;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The rooms of the house and their directions, as the root's package documentation draws them. */
class HouseTest {

    static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.larder");

    private static final String[] CAPABILITIES = {
        "catalog",
        "reconcile",
        "claim",
        "jobs",
        "worker",
        "inventory",
        "access",
        "audit",
        "state",
        "drift",
        "cleanup",
        "files",
        "webhooks"
    };

    @Test
    void the_nouns_know_nobody() {
        knowsOnly("model");
        noClasses()
                .that()
                .resideInAPackage("dev.larder.model..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.quarkus..", "io.vertx..", "jakarta.ws..", "org.jboss.logging..")
                .check(HOUSE);
    }

    @Test
    void what_all_capability_rooms_stand_on_knows_none_of_them() {
        knowsOnly("dump");
        knowsOnly("database", "model");
        knowsOnly("observe", "model", "database", "http");
        knowsOnly("lifecycle", "model", "database");
        knowsOnly("wakeup", "model", "database");
        knowsOnly("objects", "model", "database", "wakeup");
        knowsOnly("http", "model", "database", "wakeup", "objects");
        knowsOnly("events", "model", "database", "lifecycle", "wakeup", "http");
    }

    @Test
    void capability_rooms_do_not_know_each_other() {
        for (String room : CAPABILITIES) {
            knowsOnly(room, "model", "dump", "database", "lifecycle", "wakeup", "objects", "http", "observe", "events");
        }
    }

    @Test
    void tests_of_the_application_have_the_names_that_the_pom_leaves_out_of_the_other_tests() throws IOException {
        Pattern left = Pattern.compile(".*HttpTest|AccessMatrixTest|RecordedCallsTest");
        try (Stream<Path> files = Files.walk(Path.of("src", "test", "java"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = file.getFileName().toString().replace(".java", "");
                assertThat(Files.readString(file).contains("\n@QuarkusTest\n"))
                        .as(name)
                        .isEqualTo(left.matcher(name).matches());
            }
        }
    }

    private static void knowsOnly(String room, String... others) {
        String[] allowed = Stream.concat(Stream.of(room), Stream.of(others))
                .map(name -> "dev.larder." + name + "..")
                .toArray(String[]::new);
        noClasses()
                .that()
                .resideInAPackage("dev.larder." + room + "..")
                .should()
                .dependOnClassesThat(resideInAPackage("dev.larder..").and(not(resideInAnyPackage(allowed))))
                .check(HOUSE);
    }

    @Test
    void nobody_depends_on_the_front_door() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.larder")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.larder")
                .check(HOUSE);
    }

    @Test
    void rooms_have_no_cycles() {
        slices().matching("dev.larder.(*)..").should().beFreeOfCycles().check(HOUSE);
    }

    @Test
    void only_the_wiring_reads_the_system_clock() {
        noClasses()
                .that(not(belongToAnyOf(Wiring.class)))
                .should()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(Clock.class, "systemUTC")
                .orShould()
                .callMethod(Clock.class, "systemDefaultZone")
                .orShould()
                .callMethod(InstantSource.class, "system")
                .orShould()
                .callMethod(OffsetDateTime.class, "now")
                .orShould()
                .callMethod(ZonedDateTime.class, "now")
                .orShould()
                .callMethod(LocalDateTime.class, "now")
                .orShould()
                .callMethod(LocalDate.class, "now")
                .orShould()
                .callConstructor(Date.class)
                .check(HOUSE);
    }

    @Test
    void sql_of_larders_database_stands_in_stores_and_reads() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "dev.larder.database..",
                        "dev.larder.lifecycle..",
                        "dev.larder.wakeup..",
                        "dev.larder.worker.postgres..")
                .and()
                .haveNameNotMatching(".*(Store|Reads)(\\$.*)?")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "io.vertx.mutiny.sqlclient..",
                        "io.vertx.sqlclient..",
                        "io.vertx.mutiny.pgclient..",
                        "io.vertx.pgclient..")
                .check(HOUSE);
    }

    @Test
    void production_code_has_no_embedded_database_and_no_blocking_driver() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.sql..", "org.tukaani..", "org.junit..", "org.assertj..")
                .check(HOUSE);
    }

    @Test
    void resources_are_not_for_other_classes() {
        classes()
                .that()
                .haveSimpleNameEndingWith("Resource")
                .and()
                .areTopLevelClasses()
                .should()
                .bePackagePrivate()
                .check(HOUSE);
    }

    @Test
    void every_room_says_what_it_is_and_treats_null_as_absent() {
        for (JavaPackage room : HOUSE.getPackage("dev.larder").getSubpackagesInTree()) {
            if (!room.getClasses().isEmpty()) {
                assertThat(room.isAnnotatedWith(NullMarked.class))
                        .as(room.getName())
                        .isTrue();
            }
        }
    }

    @Test
    void no_generator_of_randomness_is_made_while_a_native_image_is_built() {
        noFields()
                .that()
                .areStatic()
                .should()
                .haveRawType(assignableTo(Random.class))
                .check(HOUSE);
    }

    /** Their fields are read at run time ({@code http.JsonBody}), and a native image must know them. */
    @Test
    void records_of_request_bodies_are_registered_for_reflection() {
        Set<JavaClass> bodies = HOUSE.stream()
                .flatMap(house -> house.getReferencedClassObjects().stream())
                .filter(reference -> reference.getOwner().getMethodCallsFromSelf().stream()
                        .anyMatch(call -> call.getTarget().getOwner().isEquivalentTo(JsonBody.class)
                                && call.getTarget().getName().equals("of")))
                .map(ReferencedClassObject::getRawType)
                .filter(JavaClass::isRecord)
                .collect(Collectors.toSet());

        assertThat(bodies).hasSizeGreaterThan(20).allMatch(body -> body.isAnnotatedWith(RegisterForReflection.class));
    }
}
