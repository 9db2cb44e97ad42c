package dev.larder.objects;

import io.vertx.mutiny.sqlclient.Pool;

/** Stores that belong to the deployment of a database, for the tests of other rooms. */
public final class Owned {

    private Owned() {}

    public static StoreOwner by(Pool deployment, ObjectStore store) {
        return new StoreOwner(store, new DeploymentReads(deployment));
    }
}
