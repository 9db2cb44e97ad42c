package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.testing.CanIgnoreReturnValue;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeclarationsTest {

    @TempDir
    Path folder;

    @CanIgnoreReturnValue
    private Path write(String path, String text) throws IOException {
        Path file = folder.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private List<Declared> read(Path source) {
        return Declarations.read(
                List.of(source.toString()),
                Typed.at(folder).terminal(new ByteArrayOutputStream(), new ByteArrayOutputStream()));
    }

    @Test
    void a_file_declares_the_template_of_its_name() throws IOException {
        Declared declared =
                read(write("orders-database.yaml", "backend: postgres\n")).getFirst();

        assertThat(declared.template()).isEqualTo("orders-database");
        assertThat(declared.organization()).isEmpty();
        assertThat(Json.line(declared.body())).isEqualTo("{\"backend\":\"postgres\"}");
    }

    @Test
    void the_declaration_may_name_its_template_and_organization() throws IOException {
        Declared declared = read(write("x.yaml", "template: orders\norganization: demo\nbackend: exec\n"))
                .getFirst();

        assertThat(declared.template()).isEqualTo("orders");
        assertThat(declared.organization()).isEqualTo(Optional.of("demo"));
        assertThat(Json.line(declared.body())).isEqualTo("{\"backend\":\"exec\"}");
    }

    @Test
    void a_folder_with_a_larder_yaml_is_one_template_and_has_its_files() throws IOException {
        write("box/larder.yaml", "backend: exec\n");
        write("box/start.sh", "echo");
        write("box/lib/help.sh", "echo");
        write("box/.git/config", "no");
        write("box/lib/.hidden", "no");

        Declared declared = read(folder.resolve("box")).getFirst();

        assertThat(declared.template()).isEqualTo("box");
        assertThat(declared.files()).containsOnlyKeys("start.sh", "lib/help.sh");
    }

    @Test
    void another_folder_may_hold_several_templates_as_files_and_as_folders() throws IOException {
        write("a.yaml", "backend: exec\n");
        write("b/larder.yaml", "backend: exec\n");
        write("notes/readme.txt", "no template");

        assertThat(read(folder)).extracting(Declared::template).containsExactly("a", "b");
    }

    @Test
    void a_folder_without_a_declaration_is_refused() {
        assertThatThrownBy(() -> read(folder)).hasMessageContaining("--file").hasMessageContaining("larder.yaml");
    }

    @Test
    void a_link_out_of_the_folder_is_refused() throws IOException {
        write("box/larder.yaml", "backend: exec\n");
        Path outside = write("secret", "hush");
        Files.createSymbolicLink(folder.resolve("box/start.sh"), outside);

        assertThatThrownBy(() -> read(folder.resolve("box"))).hasMessageContaining("outside of the folder");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a: 1.10           | {\"a\":1.10}",
                "a: 007            | {\"a\":\"007\"}",
                "a: 12345678901234567890123 | {\"a\":12345678901234567890123}",
                "a: 0x1F           | {\"a\":\"0x1F\"}",
                "a: '5'            | {\"a\":\"5\"}",
                "a: true           | {\"a\":true}",
                "a: ~              | {\"a\":null}",
                "a: [1, {b: c}]    | {\"a\":[1,{\"b\":\"c\"}]}"
            })
    void a_value_reaches_the_server_as_it_was_written(String yaml, String json) throws IOException {
        assertThat(Json.line(read(write("x.yaml", yaml)).getFirst().body())).isEqualTo(json);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: 1\n---\nb: 2\n", "a: [1\n", "- a\n", "\n", "a: \u0000\n"
            })
    void what_would_be_lost_or_cannot_be_read_is_refused_with_the_file(String yaml) throws IOException {
        Path file = write("x.yaml", yaml);

        assertThatThrownBy(() -> read(file)).isInstanceOf(Failure.class).hasMessageContaining("x.yaml");
    }
}
