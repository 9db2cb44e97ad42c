package dev.larder.dump;

/** A file that cannot be run as it is. The message names the place and the reason; it holds no data of the file. */
public final class DumpRefused extends RuntimeException {

    private static final long serialVersionUID = 1;

    DumpRefused(String place, String reason) {
        super(place.isEmpty() ? reason : place + ": " + reason, null, false, false);
    }

    /** The refusal of text at a line, which counts from 1. */
    static DumpRefused atLine(long line, String reason) {
        return new DumpRefused("line " + line, reason);
    }

    /** The place and the reason, such as {@code line 3: \i is a command of psql, not SQL}. */
    public String reason() {
        return String.valueOf(getMessage());
    }
}
