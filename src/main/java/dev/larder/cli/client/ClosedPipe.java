package dev.larder.cli.client;

/** The reader of the output has closed it ({@code larder get pools | head -1}). The command ends without a message. */
final class ClosedPipe extends RuntimeException {

    private static final long serialVersionUID = 1;

    ClosedPipe() {
        super("the output was closed", null, false, false);
    }
}
