package dev.larder.history;

import java.util.Random;
import java.util.Set;

/** The run that simulated clients take part in. */
interface Round {

    /** Whether clients are to go on. */
    boolean goesOn();

    /** What clients do. */
    Set<OperationType> types();

    /** After each operation of a client. */
    void rest();

    RecordingClient caller(Random random);

    /** The name of a preset, or its id. */
    String anyPreset(Random random);

    /** The one with the least stock. */
    String scarcePreset();

    /** Where clients show what they have got. */
    Board board();
}
