package dev.larder.cli.client;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A declaration as files hold it.
 *
 * @param source the file or folder, as the user named it
 * @param body the declaration's own fields, with the files that it has itself
 * @param files the files beside it, by the path that the declaration gets them under
 */
record Declared(
        String source, Optional<String> organization, String template, ObjectNode body, Map<String, Path> files) {

    Declared named(Reference.TemplateName name) {
        return new Declared(source, name.organization().or(() -> organization), name.template(), body, files);
    }
}
