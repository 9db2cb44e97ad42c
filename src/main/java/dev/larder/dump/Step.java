package dev.larder.dump;

import java.io.InputStream;

/** What a file asks for next. */
public sealed interface Step {

    Statement statement();

    /** Run the statement. */
    record Run(Statement statement) implements Step {}

    /**
     * Run {@code COPY … FROM stdin} and send it these rows.
     *
     * @param firstRow the line of the file at which the rows begin; 0 in an archive
     * @param rows in the text of the file, without the line that ends them; read before the next step
     */
    record Copy(Statement statement, long firstRow, InputStream rows) implements Step {}

    /** Do not run the statement. */
    record Omit(Statement statement, Omitted what) implements Step {}

    /**
     * What is left out of a dump, as {@code pg_restore --no-owner --no-privileges --no-tablespaces} leaves it out, or
     * because the server of a workspace has it already.
     */
    enum Omitted {
        OWNER("owners"),
        PRIVILEGE("privileges"),
        TABLESPACE("tablespaces"),
        COMMENT("comments on extensions and the database"),
        SCHEMA("the schema public"),
        TIME_LIMIT("time limits of the session"),
        DATABASE("the database and settings of roles in it"),
        STATISTICS("statistics of the planner");

        private final String words;

        Omitted(String words) {
            this.words = words;
        }

        /** For people, in the plural. */
        public String words() {
            return words;
        }
    }
}
