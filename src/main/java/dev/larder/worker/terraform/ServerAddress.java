package dev.larder.worker.terraform;

import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.Set;
import java.util.UUID;
import org.eclipse.microprofile.config.Config;
import org.jspecify.annotations.Nullable;

/** Where the tool reaches the server that keeps the states. */
@ApplicationScoped
public class ServerAddress {

    private static final Set<String> EVERYWHERE = Set.of("0.0.0.0", "::", "");

    private final TerraformSettings settings;
    private final Config config;
    private volatile @Nullable URI remote;

    public ServerAddress(TerraformSettings settings, Config config) {
        this.settings = settings;
        this.config = config;
    }

    /** This process is no server, but a worker of this one. */
    public void remote(URI server) {
        remote = server;
    }

    /** The address of a workspace's state for the tool's {@code http} backend. */
    String ofState(UUID workspace) {
        String base = settings.address().orElseGet(this::known).replaceFirst("/+$", "");
        return base + "/tf/v1/workspaces/" + workspace + "/state";
    }

    private String known() {
        URI server = remote;
        if (server != null) {
            return server.toString();
        }
        String host = config.getOptionalValue("quarkus.http.host", String.class).orElse("");
        // Asked for each job: a port that the system gives is known only after the start.
        int port = config.getValue("quarkus.http.port", Integer.class);
        return "http://" + (EVERYWHERE.contains(host) ? "127.0.0.1" : host) + ":" + port;
    }
}
