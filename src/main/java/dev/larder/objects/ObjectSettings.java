package dev.larder.objects;

import dev.larder.model.MisconfiguredException;
import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** Which store of objects this deployment has, and how it is reached. */
@ConfigMapping(prefix = "larder.objects")
public interface ObjectSettings {

    /** {@code postgres} or {@code s3}. */
    @WithDefault("postgres")
    String kind();

    Optional<String> bucket();

    /** What every key in the bucket begins with, without a slash at its ends; empty: nothing. */
    Optional<String> prefix();

    /** Of a store other than AWS: {@code https://host:port}. Buckets stand in the path then. */
    Optional<URI> endpoint();

    /** Without it: what the environment says; with an endpoint: {@code us-east-1}. */
    Optional<String> region();

    /** Without it and its secret: what AWS' own chain of credentials finds. */
    Optional<String> accessKey();

    Optional<String> secretKey();

    /** The most bytes that an object may have. */
    @WithDefault("256M")
    MemorySize maxSize();

    /** Of one request, with its body. */
    @WithDefault("30s")
    Duration timeout();

    /** How often a bucket is tried. */
    @WithDefault("30s")
    Duration checkInterval();

    /** Whether bodies can lie in a bucket. Fails where the settings contradict each other. */
    default boolean inBucket() {
        boolean s3 = kind().equals("s3");
        if (!s3 && !kind().equals("postgres")) {
            throw new MisconfiguredException("larder.objects.kind must be postgres or s3");
        }
        if (s3 && bucket().isEmpty()) {
            throw new MisconfiguredException("larder.objects.kind=s3 needs larder.objects.bucket");
        }
        if (accessKey().isPresent() != secretKey().isPresent()) {
            throw new MisconfiguredException(
                    "larder.objects.access-key and larder.objects.secret-key are set together or not at all");
        }
        if (endpoint()
                .filter(url -> url.getHost() == null || url.getScheme() == null)
                .isPresent()) {
            throw new MisconfiguredException("larder.objects.endpoint must be like https://host:port");
        }
        if (timeout().toMillis() < 1) {
            throw new MisconfiguredException("larder.objects.timeout must be longer than nothing");
        }
        return s3;
    }
}
