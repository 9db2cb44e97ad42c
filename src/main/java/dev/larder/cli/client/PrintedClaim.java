package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.cli.client.SignalTrap.Received;
import java.util.Optional;

/** Claims a workspace and prints it. Unless all of it was printed, the claim is released. */
record PrintedClaim(Claiming claiming, Progress progress, Output output, ClaimForm form) {

    int run() {
        try (Interruption signals = new Interruption()) {
            try {
                return claimed();
            } catch (ClosedPipe unread) {
                return released(signals, Failure.of(ExitCode.FAILED, "the claim could not be printed"));
            } catch (Failure failure) {
                return released(signals, failure);
            }
        }
    }

    private int claimed() {
        JsonNode claim = claiming.take((held, sentAt) -> {});
        progress.end();
        String text = form.text(claim);
        if (form == ClaimForm.env) {
            ClaimVariables.of(claim).problems().forEach(output::notice);
        }
        output.text(text);
        return ExitCode.OK.number();
    }

    private int released(Interruption signals, Failure failure) {
        signals.shield();
        progress.end();
        Optional<String> held = claiming.giveUp();
        held.ifPresent(output::notice);
        Optional<Received> signal = signals.received();
        if (signal.isPresent()) {
            return signal.get().exit();
        }
        throw failure;
    }
}
