package dev.larder.cleanup;

/** Is told what was removed. Must return at once and never fail. */
public interface CleanupObserver {

    /** @param rows of one committed batch */
    void removed(String type, long rows);
}
