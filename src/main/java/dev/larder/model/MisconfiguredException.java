package dev.larder.model;

/**
 * This process cannot serve until an operator changes its configuration. The message is one sentence that names
 * the setting; it never holds a secret. It carries no stack trace, since the sentence is all there is to say.
 */
public final class MisconfiguredException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public MisconfiguredException(String sentence) {
        super(sentence, null, false, false);
    }
}
