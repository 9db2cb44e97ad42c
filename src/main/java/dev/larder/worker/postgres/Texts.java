package dev.larder.worker.postgres;

/** Texts for people. */
final class Texts {

    private Texts() {}

    static String cut(String text, int characters) {
        return text.length() <= characters ? text : text.substring(0, characters) + "…";
    }
}
