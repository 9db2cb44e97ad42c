package dev.larder.pool;

import java.util.Map;

/** How a backend's work on a job ended. An expected failure is a value; a fault of the worker itself fails its Uni. */
public sealed interface JobOutcome {

    /** @param outputs what the claimer gets, by name; secret, sealed before they are stored */
    record Succeeded(Map<String, String> outputs) implements JobOutcome {
        /** Outputs are secret, so none is printed. */
        @Override
        public String toString() {
            return "Succeeded[outputs=" + outputs.keySet() + "]";
        }
    }

    /**
     * @param code stable, for programs: {@code script_failed}
     * @param detail for people; holds no secret
     */
    record Failed(String code, String detail) implements JobOutcome {}

    /** The worker stopped because it was asked to. */
    record Canceled() implements JobOutcome {}
}
