package dev.larder.bench;

import java.util.function.BooleanSupplier;

/** A queue that is measured: its jobs do nothing, and done is what its table says is done. */
interface Peer extends AutoCloseable {

    int CONNECTIONS = 16;

    /** Of the payload of a job, where a job has one. */
    int PAYLOAD_CHARACTERS = 150;

    String name();

    /** The database that its work is counted in. */
    String database();

    /** Leaves so many jobs waiting in an empty queue on fresh tables; the workers are ready to begin, and have not. */
    void load(int jobs) throws Exception;

    /**
     * Works them all off; returns when the table says of the last one that it is done.
     *
     * @param begun is run when work begins; for a library that looks for work by its own timer, with its first job
     */
    void work(int jobs, Runnable begun) throws Exception;

    /** Ends the workers with their connections, so that these tell PostgreSQL what they have counted. */
    void rest() throws Exception;

    @Override
    void close() throws Exception;

    /** After the last handler: the rows follow within milliseconds, so that looking costs the queue nothing. */
    static void await(BooleanSupplier done) throws InterruptedException {
        long until = System.nanoTime() + 60_000_000_000L;
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > until) {
                throw new IllegalStateException("jobs were handled and are not done in the table");
            }
            Thread.sleep(5);
        }
    }
}
