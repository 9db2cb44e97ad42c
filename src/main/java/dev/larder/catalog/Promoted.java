package dev.larder.catalog;

/** The result of promoting a version. */
public sealed interface Promoted {

    record NoTemplate() implements Promoted {}

    record NoVersion() implements Promoted {}

    /** @param changed whether anything was written; false where it was the active version already */
    record Done(TemplateView template, boolean changed) implements Promoted {}
}
