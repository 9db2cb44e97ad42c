package dev.larder.dump;

import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The settings of the dumped database. An archive names that database; the one that is filled has another name. A
 * setting that only a superuser may make is left out, with a notice.
 */
final class DatabaseSettings {

    private static final Pattern SETTING =
            Pattern.compile("(?m)^ALTER DATABASE (?:\"(?:[^\"]|\"\")*\"|[^ \"]+) (SET .*);$");

    private static final String HERE = """
            DO $larder$BEGIN
            EXECUTE pg_catalog.format('ALTER DATABASE %%I ', pg_catalog.current_database()) || %1$s;
            EXCEPTION WHEN insufficient_privilege OR undefined_object OR invalid_parameter_value THEN
            RAISE WARNING 'a setting of the database is left out: %%', SQLERRM;
            END$larder$;
            """;

    private DatabaseSettings() {}

    /** The definition, with the settings of the dumped database made those of the database at hand. */
    static String here(String definition) {
        return SETTING.matcher(definition).replaceAll(setting -> Matcher.quoteReplacement(here(setting)));
    }

    private static String here(MatchResult setting) {
        String change = setting.group(1);
        return change.contains("$larder$") ? setting.group() : HERE.formatted("'" + change.replace("'", "''") + "'");
    }
}
