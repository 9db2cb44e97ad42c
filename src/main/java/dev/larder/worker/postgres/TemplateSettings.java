package dev.larder.worker.postgres;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the files set on their database ({@code ALTER DATABASE … SET}) and on their role in it ({@code ALTER ROLE … IN
 * DATABASE … SET}). A copy of a database has none of it, so each workspace is given it anew.
 *
 * @param database each as {@code name=value}
 * @param role the same
 */
record TemplateSettings(List<String> database, List<String> role) {

    /** Lists of names, each quoted by itself (GUC_LIST_QUOTE in PostgreSQL; pg_dump names the same ones). */
    private static final Set<String> LISTS = Set.of(
            "local_preload_libraries",
            "search_path",
            "session_preload_libraries",
            "shared_preload_libraries",
            "temp_tablespaces",
            "unix_socket_directories");

    /** Parameters of a workspace are set when it is made, not by the files. */
    private static final String PARAMETERS = "larder.";

    /** Statements that set the same on a workspace, whose database and role have one name. Each ends in a semicolon. */
    String on(String workspace) {
        return statements("ALTER DATABASE " + workspace, database)
                + statements("ALTER ROLE " + workspace + " IN DATABASE " + workspace, role);
    }

    private static String statements(String subject, List<String> settings) {
        return settings.stream()
                .filter(setting -> !setting.startsWith(PARAMETERS))
                .map(setting -> subject + " SET " + assignment(setting) + ";\n")
                .collect(Collectors.joining());
    }

    private static String assignment(String setting) {
        int equals = setting.indexOf('=');
        String name = setting.substring(0, equals);
        String value = setting.substring(equals + 1);
        String values = LISTS.contains(name)
                ? names(value).stream().map(TemplateSettings::literal).collect(Collectors.joining(", "))
                : literal(value);
        return '"' + name.replace("\"", "\"\"") + "\" TO " + (values.isEmpty() ? "''" : values);
    }

    /** The names of a list. A name in double quotes may have commas. */
    private static List<String> names(String list) {
        List<String> names = new ArrayList<>();
        StringBuilder name = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < list.length(); i++) {
            char next = list.charAt(i);
            if (next == '"') {
                boolean doubled = quoted && i + 1 < list.length() && list.charAt(i + 1) == '"';
                if (doubled) {
                    name.append(next);
                    i++;
                } else {
                    quoted = !quoted;
                }
            } else if (next == ',' && !quoted) {
                names.add(name.toString());
                name.setLength(0);
            } else if (quoted || !Character.isWhitespace(next)) {
                name.append(next);
            }
        }
        names.add(name.toString());
        return names;
    }

    private static String literal(String value) {
        String doubled = value.replace("'", "''");
        return value.indexOf('\\') < 0 ? "'" + doubled + "'" : " E'" + doubled.replace("\\", "\\\\") + "'";
    }
}
