package dev.larder.dump;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One entry of the table of contents.
 *
 * @param name its kind and its name, for messages
 * @param copyStatement for its data; blank if the data are statements themselves
 * @param hasDropStatement whether it is an object that has an owner
 */
record ArchiveEntry(
        int id,
        String kind,
        String name,
        String definition,
        String copyStatement,
        String owner,
        boolean hasDropStatement,
        boolean hasData) {

    private static final int ENTRIES_MAX = 1_000_000;
    private static final int NAME_MAX = 100;

    static List<ArchiveEntry> all(ArchiveInput in, int minor) throws IOException {
        int count = in.integer();
        if (count < 0 || count > ENTRIES_MAX) {
            throw ArchiveInput.damaged();
        }
        List<ArchiveEntry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(read(in, minor));
        }
        return entries;
    }

    // The fields in their order, from the source of pg_dump 18: those not needed here are skipped.
    private static ArchiveEntry read(ArchiveInput in, int minor) throws IOException {
        int id = in.integer();
        boolean dumper = in.integer() != 0;
        String tableOid = in.textOrEmpty();
        String oid = in.textOrEmpty();
        String tag = in.textOrEmpty();
        String kind = in.textOrEmpty();
        int section = in.integer();
        String definition = in.textOrEmpty();
        String drop = in.textOrEmpty();
        String copy = in.textOrEmpty();
        String schema = in.textOrEmpty();
        String tablespace = in.textOrEmpty();
        String accessMethod = in.textOrEmpty();
        int relationKind = minor >= 16 ? in.integer() : 0;
        String owner = in.textOrEmpty();
        String withOids = in.textOrEmpty();
        while (in.text() != null) {
            // What it depends on: the order of the entries says it too.
            continue;
        }
        String name = kind + " " + (schema.isEmpty() ? "" : schema + ".") + tag;
        return new ArchiveEntry(
                id, kind, printable(name), definition, copy, owner, !drop.isEmpty(), in.hasData() && dumper);
    }

    private static String printable(String name) {
        String line = new String(name.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8)
                .replaceAll("\\p{Cntrl}", " ");
        return line.length() <= NAME_MAX ? line : line.substring(0, NAME_MAX) + "…";
    }
}
