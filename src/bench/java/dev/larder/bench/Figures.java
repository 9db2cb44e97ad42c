package dev.larder.bench;

import java.util.Arrays;
import java.util.Locale;

/** Medians with their spread. */
final class Figures {

    private Figures() {}

    static double median(double... values) {
        return quantile(values, 0.5);
    }

    /** @param of 0.5 is the median; the nearest rank */
    static double quantile(double[] values, double of) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[Math.clamp((int) Math.ceil(of * sorted.length) - 1, 0, sorted.length - 1)];
    }

    /** Millis of so many nanoseconds. */
    static double millis(long[] nanos, double of) {
        return quantile(Arrays.stream(nanos).asDoubleStream().toArray(), of) / 1e6;
    }

    /** {@code 4,100 (3,900 to 4,300)}: the median and from the least to the greatest. */
    static String spread(String format, double... values) {
        return String.format(
                Locale.ROOT,
                format + " (" + format + " to " + format + ")",
                median(values),
                Arrays.stream(values).min().orElseThrow(),
                Arrays.stream(values).max().orElseThrow());
    }

    static void say(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }
}
