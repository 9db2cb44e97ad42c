package dev.larder.objects;

import io.quarkus.runtime.configuration.MemorySize;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** Settings of a bucket in a test. */
final class BucketSettings {

    private BucketSettings() {}

    static ObjectSettings of(URI endpoint, String bucket, String accessKey, String secret, Duration timeout) {
        return new ObjectSettings() {
            @Override
            public String kind() {
                return "s3";
            }

            @Override
            public Optional<String> bucket() {
                return Optional.of(bucket);
            }

            @Override
            public Optional<String> prefix() {
                return Optional.empty();
            }

            @Override
            public Optional<URI> endpoint() {
                return Optional.of(endpoint);
            }

            @Override
            public Optional<String> region() {
                return Optional.empty();
            }

            @Override
            public Optional<String> accessKey() {
                return Optional.of(accessKey);
            }

            @Override
            public Optional<String> secretKey() {
                return Optional.of(secret);
            }

            @Override
            public MemorySize maxSize() {
                return new MemorySize(BigInteger.valueOf(256L << 20));
            }

            @Override
            public Duration timeout() {
                return timeout;
            }

            @Override
            public Duration checkInterval() {
                return Duration.ofSeconds(30);
            }
        };
    }
}
