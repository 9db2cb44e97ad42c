package dev.larder.history;

import java.util.Arrays;

/** Counts how many of many instants were before a given one. Filled first, then queried. */
final class Instants {

    private long[] instants = new long[64];
    private int size;
    private boolean sorted;

    void add(long instant) {
        if (size == instants.length) {
            instants = Arrays.copyOf(instants, 2 * size);
        }
        instants[size] = instant;
        size++;
        sorted = false;
    }

    /** How many were not after it. */
    int until(long instant) {
        return instant == Long.MAX_VALUE ? size : before(instant + 1);
    }

    /** How many were before it. */
    int before(long instant) {
        if (!sorted) {
            Arrays.sort(instants, 0, size);
            sorted = true;
        }
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (instants[middle] < instant) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
