package dev.larder.model;

import java.util.List;
import java.util.Map;

/**
 * How a backend's work on a job ended. An expected failure is a value; a fault of the worker itself fails its
 * Uni.
 */
public sealed interface JobOutcome {

    /**
     * @param outputs what the claimer gets, by name; secret, sealed before they are stored. None from a claim
     *     step: those of the start stay
     * @param replaced resources that a claim step had to make anew, each with the paths that forced it: a
     *     template that does so makes its users wait for what should have been ready
     * @param findings what a check has found
     */
    record Succeeded(Map<String, String> outputs, Map<String, List<String>> replaced, Findings findings)
            implements JobOutcome {

        public Succeeded(Map<String, String> outputs, Map<String, List<String>> replaced) {
            this(outputs, replaced, Findings.NONE);
        }

        public Succeeded(Map<String, String> outputs) {
            this(outputs, Map.of());
        }

        /** Outputs are secret, so none is printed. */
        @Override
        public String toString() {
            return "Succeeded[outputs=" + outputs.keySet() + " replaced=" + replaced + " drift="
                    + findings.drift().size() + "]";
        }
    }

    /**
     * @param code stable, for programs: {@code script_failed}
     * @param detail for people; holds no secret
     * @param tool how far the record of the infrastructure can be trusted
     */
    record Failed(String code, String detail, ToolEnd tool) implements JobOutcome {

        /** The tool ended by itself, unless its time was over. */
        public Failed(String code, String detail) {
            this(code, detail, code.equals("timed_out") ? ToolEnd.UNKNOWN : ToolEnd.EXITED);
        }
    }

    /**
     * The worker stopped because it was asked to.
     *
     * @param tool how far the record of the infrastructure can be trusted
     */
    record Canceled(ToolEnd tool) implements JobOutcome {

        /** The tool was interrupted. */
        public Canceled() {
            this(ToolEnd.UNKNOWN);
        }
    }

    /** How the tool ended. */
    default ToolEnd tool() {
        return ToolEnd.EXITED;
    }
}
