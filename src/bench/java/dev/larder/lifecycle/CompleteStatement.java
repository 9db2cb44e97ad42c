package dev.larder.lifecycle;

/** The statement by which the production code ends jobs. */
public final class CompleteStatement {

    private CompleteStatement() {}

    public static String text() {
        return EndBuildStore.COMPLETE_WITHOUT_STATES.text();
    }
}
