package dev.larder.objects;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.services.s3.S3AsyncClient;

/**
 * A bucket that is named by {@code -Dlarder.s3.endpoint=}, with {@code larder.s3.bucket}, {@code larder.s3.access-key}
 * and {@code larder.s3.secret-key}. The bucket is made if it is not there.
 *
 * @param isAtomic false with {@code -Dlarder.s3.atomic=false}: the store is known to let several writers win
 */
record RealBucket(URI endpoint, boolean isAtomic) {

    static Optional<RealBucket> ofProperties() {
        String endpoint = System.getProperty("larder.s3.endpoint", "");
        boolean atomic = Boolean.parseBoolean(System.getProperty("larder.s3.atomic", "true"));
        return endpoint.isEmpty() ? Optional.empty() : Optional.of(new RealBucket(URI.create(endpoint), atomic));
    }

    private ObjectSettings settings() {
        return BucketSettings.of(
                endpoint,
                System.getProperty("larder.s3.bucket", "larder-trial"),
                System.getProperty("larder.s3.access-key", "larder"),
                System.getProperty("larder.s3.secret-key", "larder-secret"),
                Duration.ofSeconds(30));
    }

    /** A store below a prefix that no other one has. */
    S3ObjectStore store() {
        ObjectSettings settings = settings();
        try (S3AsyncClient client = S3Client.of(settings)) {
            var made = client.createBucket(
                            create -> create.bucket(settings.bucket().orElseThrow()))
                    .join();
        } catch (CompletionException there) {
            System.out.println("bucket is used as it is: " + there.getCause().getMessage());
        }
        return S3Stub.store(settings, "trial-" + UUID.randomUUID() + "/", ObjectStoreContract.BYTES_MAX);
    }

    static void empty(ObjectStore store) {
        List<ObjectInfo> left =
                ObjectStoreContract.await(store.list("").collect().asList());
        left.forEach(info -> ObjectStoreContract.await(store.delete(info.key())));
    }
}
