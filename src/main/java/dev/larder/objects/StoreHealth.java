package dev.larder.objects;

import dev.larder.model.ReadinessPart;
import dev.larder.objects.ObjectStoreException.Reason;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What this process knows of its bucket. Refused credentials and a missing bucket take the process out of traffic,
 * until a look at the bucket succeeds; a bucket that cannot be reached does not, since most calls need none.
 */
@Singleton
class StoreHealth implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(StoreHealth.class);

    private final boolean needed;

    /** Why it is not usable; null: nothing is known against it. */
    private volatile @Nullable Reason broken;

    /** What the last look that succeeded found; null: none has since the store was broken. */
    private volatile @Nullable String proof;

    private volatile boolean tried;

    @Inject
    StoreHealth(ObjectSettings settings) {
        this(settings.kind().equals("s3"));
    }

    /** @param needed false: there is no bucket */
    StoreHealth(boolean needed) {
        this.needed = needed;
    }

    @Override
    public String name() {
        return "object-store";
    }

    @Override
    public boolean up() {
        return !needed || (broken == null && tried);
    }

    @Override
    public String detail() {
        if (!needed) {
            return "postgres";
        }
        Reason reason = broken;
        String found = proof;
        return reason != null ? reason.code() : found != null ? found : tried ? "not reached yet" : "not looked at yet";
    }

    /** Whether there is a bucket. */
    boolean needed() {
        return needed;
    }

    /** Whether the bucket is to be probed: no look has succeeded, or the bucket was not usable since. */
    boolean unproven() {
        return needed && proof == null;
    }

    /** @param faults what the store fails at */
    void prove(String place, List<String> faults) {
        faults.forEach(fault ->
                LOG.errorf("object store keeps no conditions, PostgreSQL arbitrates place=%s fault=%s", place, fault));
        LOG.infof("object store usable place=%s", place);
        proof = faults.isEmpty() ? place : place + ", " + String.join(", ", faults);
        broken = null;
        tried = true;
    }

    /** Notes a failure of a call. Those of single objects say nothing of the store. */
    void note(Throwable failure) {
        tried = true;
        if (failure instanceof ObjectStoreException refused && isLasting(refused.reason())) {
            if (broken != refused.reason()) {
                LOG.errorf(
                        "object store not usable reason=%s cause=%s",
                        refused.reason().code(), refused.getMessage());
            }
            broken = refused.reason();
            proof = null;
        }
    }

    private static boolean isLasting(Reason reason) {
        return reason == Reason.AUTHENTICATION_FAILED || reason == Reason.STORE_MISCONFIGURED;
    }
}
