package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Renews the leases of claims. */
@Command(
        name = "renew",
        description = "Renews the lease of a claim: it ends after this time, counted from now.",
        footerHeading = "%nExample:%n",
        footer = "  larder renew $LARDER_CLAIM_ID --ttl=1h")
public final class RenewCommand extends ClientCommand {

    private static final List<Column> COLUMNS = List.of(
            Column.always("CLAIM", Column.field("id")),
            Column.of("STATUS", Column.field("status"), 10),
            Column.of("EXPIRES", Column.field("expiresAt"), 20));

    @Parameters(arity = "1..*", paramLabel = "CLAIM", description = "The id of a claim.")
    List<String> claims = new ArrayList<>();

    @Option(names = "--ttl", required = true, paramLabel = "DURATION", description = "1s to 30d.")
    @SuppressWarnings("NullAway.Init")
    Duration ttl;

    @Override
    ExitCode run(Session session) {
        JsonNode body = Json.object().put("ttl", ttl.toString());
        List<JsonNode> renewed = new ArrayList<>();
        for (String claim : claims) {
            renewed.add(
                    session.api().post(Paths.of("claims", claim, "renew"), body).body());
        }
        session.output().list(renewed, COLUMNS, claim -> Json.text(claim, "id"));
        return ExitCode.OK;
    }
}
