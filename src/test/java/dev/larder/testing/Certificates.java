package dev.larder.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * An authority of a test's own, and a certificate signed by it for a server on the loopback; made by the JDK's
 * keytool.
 */
public final class Certificates {

    private static final String PASSWORD = "changeit";

    private final Path folder;

    /**
     * @param folder made where it is missing
     * @param names to which the server's certificate is made out, as keytool writes them: {@code ip:127.0.0.1}
     */
    public Certificates(Path folder, String names) {
        this.folder = Unprivileged.here().reachable(folder);
        try {
            PostgresBinaries.delete(this.folder);
            Files.createDirectories(this.folder);
            make(names);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** What a client trusts. */
    public Path authority() {
        return file("authority.pem");
    }

    /** Settings that let a server speak TLS. */
    public List<String> settings() {
        return List.of("ssl=on", "ssl_cert_file=" + file("server.pem"), "ssl_key_file=" + file("server-key.pem"));
    }

    private Path file(String name) {
        return folder.resolve(name).toAbsolutePath();
    }

    private void make(String names) throws IOException {
        keyPair("authority", "-ext", "bc:c");
        keyPair("server", "-signer", "authority", "-ext", "san=" + names);
        Path key = Files.createFile(
                file("server-key.pem"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try (InputStream stored = Files.newInputStream(file("keys.p12"))) {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(stored, PASSWORD.toCharArray());
            write(
                    key,
                    "PRIVATE KEY",
                    keys.getKey("server", PASSWORD.toCharArray()).getEncoded());
            for (String alias : List.of("authority", "server")) {
                write(
                        file(alias + ".pem"),
                        "CERTIFICATE",
                        keys.getCertificate(alias).getEncoded());
            }
        } catch (GeneralSecurityException unreadable) {
            throw new IOException(unreadable);
        }
        Unprivileged.here().own(folder);
    }

    private void keyPair(String alias, String... more) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1",
                "-J-XX:+UseSerialGC",
                "-genkeypair",
                "-alias",
                alias,
                "-dname",
                "CN=" + alias,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-validity",
                "30",
                "-keystore",
                file("keys.p12").toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD));
        command.addAll(List.of(more));
        Path log = file("keytool.log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (process.onExit().join().exitValue() != 0) {
            throw new IOException("keytool " + alias + ": " + Files.readString(log));
        }
    }

    private static void write(Path file, String what, byte[] encoded) throws IOException {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded);
        Files.writeString(file, "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n".formatted(what, text));
    }
}
