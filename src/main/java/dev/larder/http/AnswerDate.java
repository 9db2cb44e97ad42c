package dev.larder.http;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * The {@code Date} of answers (RFC 9110, 6.6.1). Clients count ages and ends from it, so that their own clocks do not
 * matter. The text is written anew once a second.
 */
final class AnswerDate {

    private record Written(long second, String text) {}

    private volatile Written last = new Written(Long.MIN_VALUE, "");

    String at(Instant now) {
        Written written = last;
        if (written.second() != now.getEpochSecond()) {
            String text = DateTimeFormatter.RFC_1123_DATE_TIME.format(now.atOffset(ZoneOffset.UTC));
            written = new Written(now.getEpochSecond(), text);
            last = written;
        }
        return written.text();
    }
}
