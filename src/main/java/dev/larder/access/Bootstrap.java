package dev.larder.access;

import dev.larder.model.MisconfiguredException;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Creates the first owner: a start without users creates one and shows its token once (design, section 5). */
@ApplicationScoped
public class Bootstrap {

    private static final Logger LOG = Logger.getLogger(Bootstrap.class);

    private final AccessStore access;
    private final Optional<Path> tokenFile;

    public Bootstrap(
            AccessStore access, @ConfigProperty(name = "larder.bootstrap.token-file") Optional<Path> tokenFile) {
        this.access = access;
        this.tokenFile = tokenFile;
    }

    /**
     * To be called once the schema exists. Does nothing where there is a user already; of several processes
     * that start at once exactly one creates the owner. Where the token file cannot be written it fails with
     * {@link MisconfiguredException} and creates no owner.
     */
    public Uni<Void> bootstrap() {
        Token token = Token.random();
        return access.createFirstOwner(token.hash(), () -> handOver(token))
                .invoke(created -> {
                    if (created) {
                        LOG.info("first owner created user=owner");
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Void> handOver(Token token) {
        return Uni.createFrom()
                .item(token)
                .emitOn(Infrastructure.getDefaultExecutor())
                .invoke(this::writeFile)
                .invoke(Bootstrap::print)
                .replaceWithVoid();
    }

    // To the console and not to the log: logs are stored and forwarded.
    private static void print(Token token) {
        System.out.println("Larder owner token (shown once): " + token.reveal());
        System.out.flush();
    }

    private void writeFile(Token token) {
        if (tokenFile.isEmpty()) {
            return;
        }
        Path file = tokenFile.get().toAbsolutePath();
        try {
            Path folder = Files.createDirectories(file.resolveSibling(".").normalize());
            // Created readable by its owner alone and then moved into place: no other user can read it at any
            // time.
            Path fresh = Files.createTempFile(
                    folder,
                    ".token",
                    null,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(fresh, token.reveal() + "\n");
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException unwritable) {
            throw new MisconfiguredException("larder.bootstrap.token-file cannot be written: " + file);
        }
    }
}
