package dev.larder.worker.terraform;

import java.util.Optional;

/** The configuration file of the tool: where providers come from, and where they are kept. */
final class ToolConfiguration {

    private ToolConfiguration() {}

    static String of(TerraformSettings settings) {
        StringBuilder text = new StringBuilder("disable_checkpoint = true\n");
        settings.pluginCache()
                .ifPresent(folder -> text.append("plugin_cache_dir = ")
                        .append(quoted(folder.toAbsolutePath().toString()))
                        .append('\n'));
        Optional<String> mirror = settings.providerMirror();
        mirror.ifPresent(place -> text.append("provider_installation {\n  ")
                .append(place.startsWith("https://") ? "network_mirror { url = " : "filesystem_mirror { path = ")
                .append(quoted(place))
                .append(" }\n}\n"));
        return text.toString();
    }

    private static String quoted(String value) {
        return '"'
                + value.replace("\\", "\\\\")
                        .replace("\"", "\\\"")
                        .replace("${", "$${")
                        .replace("%{", "%%{")
                + '"';
    }
}
