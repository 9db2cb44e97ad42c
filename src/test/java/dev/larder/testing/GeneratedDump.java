package dev.larder.testing;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** A dump in plain format, in the form of {@code pg_dump} 18, of any size: one table with an index. */
public final class GeneratedDump {

    private static final String HEAD = """
            --
            -- PostgreSQL database dump
            --

            \\restrict abc

            -- Dumped from database version 18.1
            -- Dumped by pg_dump version 18.1

            SET statement_timeout = 0;
            SET client_encoding = 'UTF8';
            SET standard_conforming_strings = on;
            SELECT pg_catalog.set_config('search_path', '', false);
            SET check_function_bodies = false;
            SET row_security = off;

            CREATE TABLE public.visit (
                id bigint NOT NULL,
                at timestamp with time zone NOT NULL,
                what text
            );

            ALTER TABLE public.visit OWNER TO app;

            COPY public.visit (id, at, what) FROM stdin;
            """;

    private static final String FOOT = """
            \\.

            ALTER TABLE ONLY public.visit
                ADD CONSTRAINT visit_pkey PRIMARY KEY (id);

            --
            -- PostgreSQL database dump complete
            --

            \\unrestrict abc
            """;

    private GeneratedDump() {}

    /**
     * Writes one.
     *
     * @param megabytes of rows, before they are gzipped
     * @return the number of rows
     */
    public static long write(Path file, int megabytes, boolean gzip) {
        long left = megabytes * 1_000_000L;
        long row = 0;
        try (OutputStream out = open(file, gzip)) {
            out.write(HEAD.getBytes(StandardCharsets.UTF_8));
            while (left > 0) {
                row++;
                byte[] line = "%d\t2026-03-%02d 10:00:00+00\tvisit %x of many; it's \\\\ %s\n"
                        .formatted(row, row % 28 + 1, row * 0x9E3779B97F4A7C15L, "x".repeat((int) (row % 40)))
                        .getBytes(StandardCharsets.UTF_8);
                out.write(line);
                left -= line.length;
            }
            out.write(FOOT.getBytes(StandardCharsets.UTF_8));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return row;
    }

    private static OutputStream open(Path file, boolean gzip) throws IOException {
        OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 65_536);
        return gzip ? new GZIPOutputStream(out, 65_536) : out;
    }
}
