package dev.larder.worker.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProcessesTest {

    @Test
    void a_long_list_of_processes_is_cut() {
        Map<Long, String> many = new TreeMap<>();
        for (long pid = 1; pid <= 25; pid++) {
            many.put(pid, "sleep");
        }

        assertThat(new KilledProcesses(many).toString())
                .startsWith("1 sleep, 2 sleep, ")
                .endsWith(", 20 sleep and 5 more");
    }

    // A process that a script starts in the background ignores SIGINT, and so do its children.
    @ParameterizedTest
    @CsvSource({
        "0000000000001002, 'env --default-signal=INT'",
        "0000000000001003, 'env --default-signal=INT'",
        "0000000000001001, ''",
        "0000000000000020, ''"
    })
    void a_process_receives_an_interrupt_even_if_the_server_ignores_it(String ignored, String prefix) throws Exception {
        assertThat(String.join(
                        " ",
                        SystemCommands.interruptible(
                                "Name:\tjava\nSigIgn:\t" + ignored + "\nSigCgt:\t0000000000000002")))
                .isEqualTo(prefix);

        Process deaf = new ProcessBuilder(
                        "/bin/sh",
                        "-c",
                        "trap '' INT; exec %s /bin/sh -c 'trap \"echo heard\" INT; kill -INT $$'".formatted(prefix))
                .start();

        assertThat(new String(deaf.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo(prefix.isEmpty() ? "" : "heard\n");
    }
}
