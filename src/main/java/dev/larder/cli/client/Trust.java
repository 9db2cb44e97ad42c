package dev.larder.cli.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** Certificates that a server's certificate is checked with, in the place of the system's. */
final class Trust {

    private Trust() {}

    /**
     * Trusts nothing, for a server without TLS. A client without a context of its own reads the system's certificates,
     * which takes a tenth of a second.
     */
    static SSLContext nothing() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[0], null);
            return context;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** @param file certificates in PEM, one or more */
    static SSLContext in(Path file) {
        try (InputStream pem = Files.newInputStream(file)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate :
                    CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("ca-" + number++, certificate);
            }
            if (number == 0) {
                throw Failure.of(ExitCode.USAGE, "--ca-file has no certificate: " + file);
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (IOException unreadable) {
            throw Failure.of(ExitCode.USAGE, "--ca-file cannot be read: " + file);
        } catch (GeneralSecurityException malformed) {
            throw Failure.of(ExitCode.USAGE, "--ca-file has no certificates in PEM: " + file);
        }
    }
}
