package dev.larder.worker.terraform;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of a test. */
record GivenTerraformSettings(
        Path root,
        Optional<Path> binary,
        Optional<List<String>> environment,
        Optional<Path> pluginCache,
        Optional<String> providerMirror,
        Optional<String> address,
        Duration drain)
        implements TerraformSettings {

    static GivenTerraformSettings of(Path root, String address) {
        return new GivenTerraformSettings(
                root,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(address),
                Duration.ofSeconds(30));
    }

    GivenTerraformSettings withBinary(Path path) {
        return new GivenTerraformSettings(
                root, Optional.of(path), environment, pluginCache, providerMirror, address, drain);
    }

    GivenTerraformSettings withDrain(Duration time) {
        return new GivenTerraformSettings(root, binary, environment, pluginCache, providerMirror, address, time);
    }

    GivenTerraformSettings passing(String... names) {
        return new GivenTerraformSettings(
                root, binary, Optional.of(List.of(names)), pluginCache, providerMirror, address, drain);
    }

    @Override
    public boolean enabled() {
        return true;
    }
}
