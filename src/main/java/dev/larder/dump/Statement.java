package dev.larder.dump;

import java.util.Arrays;
import java.util.Objects;

/**
 * One statement of a file.
 *
 * @param line where it begins, counted from 1 in its text
 * @param entry the entry of an archive that it is from, such as {@code TABLE public.dish}; empty in plain text
 * @param words its first words, without a value, for messages
 * @param sql its text in the encoding of the file, without the semicolon
 * @param sharing how it relates to transactions
 */
public record Statement(long line, String entry, String words, byte[] sql, Sharing sharing) {

    /** How a statement relates to transactions. */
    public enum Sharing {
        /** It can run in a transaction with others. */
        SHARES,
        /** PostgreSQL refuses it in a transaction block, or it takes effect only with a commit, or it may commit. */
        ALONE,
        /** It begins a transaction. */
        BEGINS,
        /** It ends a transaction. */
        ENDS
    }

    /** Where it stands and what it is: {@code line 12 (CREATE TABLE public.dish)}. */
    public String place() {
        return place(line);
    }

    /** The same for one of its lines. */
    public String place(long atLine) {
        return entry.isEmpty() ? "line " + atLine + " (" + words + ")" : "entry " + entry + " (" + words + ")";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Statement that
                && line == that.line
                && entry.equals(that.entry)
                && words.equals(that.words)
                && Arrays.equals(sql, that.sql)
                && sharing == that.sharing;
    }

    @Override
    public int hashCode() {
        return Objects.hash(line, entry, words, Arrays.hashCode(sql), sharing);
    }

    /** Without its text, which may hold data. */
    @Override
    public String toString() {
        return "Statement[" + place() + " " + sharing + "]";
    }
}
