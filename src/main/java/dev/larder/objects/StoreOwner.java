package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;

/**
 * Holds the bucket, or the prefix in it, for one deployment. Two deployments in one place would each take the other's
 * bodies for orphans and delete them.
 */
@Singleton
public class StoreOwner {

    static final String KEY = "larder-deployment";

    private final ObjectStore store;
    private final DeploymentReads deployments;

    StoreOwner(ObjectStore store, DeploymentReads deployments) {
        this.store = store;
        this.deployments = deployments;
    }

    /** Takes the place, if it belongs to no deployment. Code: {@code store_misconfigured} where it is another one's. */
    public Uni<Void> verify() {
        return deployments.id().chain(this::hold);
    }

    private Uni<Void> hold(UUID deployment) {
        byte[] own = deployment.toString().getBytes(StandardCharsets.UTF_8);
        return store.get(KEY)
                .map(StoredObject::body)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithUni(() -> take(own, deployment))
                .invoke(owner -> refuseForeign(owner, own))
                .replaceWithVoid();
    }

    /** Another deployment may take it at the same time; then its mark is read. */
    private Uni<byte[]> take(byte[] own, UUID deployment) {
        return store.put(KEY, own, Condition.absent(), deployment)
                .replaceWith(own)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.PRECONDITION_FAILED))
                .recoverWithUni(() -> store.get(KEY).map(StoredObject::body));
    }

    private void refuseForeign(byte[] owner, byte[] own) {
        if (!Arrays.equals(owner, own)) {
            throw new ObjectStoreException(
                    Reason.STORE_MISCONFIGURED,
                    store.place() + " belongs to another deployment; larder.objects.prefix gives each its own place");
        }
    }
}
