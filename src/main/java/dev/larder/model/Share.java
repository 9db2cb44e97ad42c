package dev.larder.model;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A number of instances, or a percentage of the wanted ones.
 *
 * @param number 0 or more; of a percentage at most 100
 */
public record Share(int number, boolean percentage) {

    private static final Pattern FORM = Pattern.compile("[0-9]{1,4}%?");

    /** The largest number, as of instances of a preset. */
    public static final int MOST = 1_000;

    /**
     * Reads {@code 2} or {@code 25%}.
     *
     * @return empty for another form, a percentage over 100 and a number over {@link #MOST}
     */
    public static Optional<Share> read(String text) {
        if (!FORM.matcher(text).matches()) {
            return Optional.empty();
        }
        boolean percentage = text.endsWith("%");
        int number = Integer.parseInt(percentage ? text.substring(0, text.length() - 1) : text);
        return number > (percentage ? 100 : MOST) ? Optional.empty() : Optional.of(new Share(number, percentage));
    }

    public static Share of(int number) {
        return new Share(number, false);
    }

    public static Share percent(int number) {
        return new Share(number, true);
    }

    public boolean isZero() {
        return number == 0;
    }

    /** As many of these, a part of one counts as one. */
    public int roundedUp(int wanted) {
        return percentage ? Math.ceilDiv(wanted * number, 100) : number;
    }

    /** As many of these, a part of one does not count. */
    public int roundedDown(int wanted) {
        return percentage ? wanted * number / 100 : number;
    }

    /** The form that {@link #read} reads. */
    @Override
    public String toString() {
        return percentage ? number + "%" : Integer.toString(number);
    }
}
