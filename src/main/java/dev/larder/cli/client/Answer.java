package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpHeaders;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * A successful answer.
 *
 * @param body missing where the answer has none
 */
record Answer(int status, JsonNode body, HttpHeaders headers) {

    /** The server's time of the answer, in whole seconds, so that ages do not depend on this machine's clock. */
    Optional<Instant> at() {
        try {
            return headers.firstValue("Date")
                    .map(date -> ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
        } catch (DateTimeParseException unreadable) {
            return Optional.empty();
        }
    }
}
