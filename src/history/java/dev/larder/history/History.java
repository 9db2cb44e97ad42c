package dev.larder.history;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * A recorded run: all that was asked and answered, and what the database held at the end. As a file it has one line of
 * JSON for each of these, in any order.
 *
 * @param servedUntil until when some server was at work on what nobody asks for
 * @param toleranceNanos how far apart the clock of the recording and the wall clock of the servers may be
 */
public record History(
        List<Operation> operations,
        List<Built> built,
        List<Sample> samples,
        List<Reached> reached,
        FinalState finalState,
        long servedUntil,
        long toleranceNanos) {

    /** What a line of the file may hold. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "line")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Called.class, name = "operation"),
        @JsonSubTypes.Type(value = Built.class, name = "built"),
        @JsonSubTypes.Type(value = Sample.class, name = "sample"),
        @JsonSubTypes.Type(value = Reached.class, name = "reached"),
        @JsonSubTypes.Type(value = Kept.class, name = "finalState"),
        @JsonSubTypes.Type(value = Served.class, name = "served"),
        @JsonSubTypes.Type(value = Tolerance.class, name = "tolerance")
    })
    sealed interface Entry {}

    record Called(Operation operation) implements Entry {}

    /**
     * This workspace is ready: a worker said so, and was told that it holds, or a statement saw it.
     *
     * @param sent before it was ready
     * @param received when it was ready
     */
    public record Built(UUID workspace, long sent, long received) implements Entry {}

    /**
     * What one statement saw of a pool.
     *
     * @param preset whose pool it is: with those of all former versions where this is the active version's preset
     * @param held prebuilds of it that are being built or ready, without those that are expired
     */
    public record Sample(UUID preset, int held, long at) implements Entry {}

    /**
     * A rollout came into this state.
     *
     * @param after a statement that began then did not see it
     * @param by a statement that had ended by then saw it
     */
    public record Reached(UUID rollout, String state, long after, long by) implements Entry {}

    record Kept(FinalState finalState) implements Entry {}

    record Served(long until) implements Entry {}

    record Tolerance(long nanos) implements Entry {}

    private static final ObjectMapper MAPPER = new ObjectMapper().configure(JsonParser.Feature.AUTO_CLOSE_SOURCE, true);
    static final ObjectWriter WRITER = MAPPER.writerFor(Entry.class);
    private static final ObjectReader READER = MAPPER.readerFor(Entry.class);

    /** Reads what {@link Recorder} wrote. */
    public static History read(Path file) {
        List<Operation> operations = new ArrayList<>();
        List<Built> built = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        List<Reached> reached = new ArrayList<>();
        FinalState finalState = FinalState.EMPTY;
        long servedUntil = 0;
        long tolerance = 0;
        try (MappingIterator<Entry> lines = READER.readValues(Files.newBufferedReader(file))) {
            while (lines.hasNext()) {
                switch (lines.next()) {
                    case Called(var operation) -> operations.add(operation);
                    case Built one -> built.add(one);
                    case Sample sample -> samples.add(sample);
                    case Reached one -> reached.add(one);
                    case Kept(var kept) -> finalState = kept;
                    case Served(var until) -> servedUntil = until;
                    case Tolerance(var nanos) -> tolerance = nanos;
                }
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException("cannot read " + file, unreadable);
        }
        return new History(operations, built, samples, reached, finalState, servedUntil, tolerance);
    }
}
