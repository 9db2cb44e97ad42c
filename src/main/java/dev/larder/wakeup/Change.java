package dev.larder.wakeup;

import java.util.List;

/**
 * What a write has changed, and which loops that wakes. A caller says what changed, after the commit; this
 * table alone says who is woken. A lost wake-up costs at most the loop's own backstop.
 */
public enum Change {
    /** A preset, a pause, a setting or an accepted inventory: the pools may want other stock. */
    DEMAND(Channel.RECONCILE),
    /** A template has another active version, or none: waiting claims follow it, or end. */
    TEMPLATE(Channel.RECONCILE, Channel.WAITING),
    /** A user was deleted: its waiting claims have ended, and its workspaces go. */
    USER_DELETED(Channel.RECONCILE, Channel.WAITING),
    /** A prebuild was claimed: its pool may want a replacement. */
    STOCK_TAKEN(Channel.RECONCILE),
    /** A claim waits, or no longer does: it was given a workspace, or has ended. */
    WAITING_CLAIM(Channel.WAITING),
    /** A claimed workspace has a verification or a claim build to come. */
    STEP_WANTED(Channel.STEPS),
    /** Claimed workspaces failed their verification: their claims wait again, and the pools want others. */
    UNFIT_WORKSPACE(Channel.RECONCILE, Channel.WAITING),
    /** A build was begun for a claim that waited. */
    COLD_BUILD(Channel.JOBS, Channel.WAITING),
    /** A workspace is to be deleted: a job may be queued, and its pool may want another one. */
    DELETION_WANTED(Channel.RECONCILE, Channel.JOBS),
    /** A job waits for a worker, or may be leased now: it was queued or requeued, or a limit has changed. */
    JOB_QUEUED(Channel.JOBS),
    /** A job has ended. */
    JOB_ENDED(Channel.ENDED),
    /** A job was requeued because of its place: another worker may lease it, and the place is held. */
    PLACE_HELD(Channel.ENDED, Channel.JOBS),
    /** Leases were released because their worker has forgotten the jobs. */
    LEASES_RELEASED(Channel.RECONCILE, Channel.JOBS),
    /** The janitor requeued or ended jobs. */
    JOBS_REAPED(Channel.RECONCILE, Channel.JOBS, Channel.WAITING),
    /** A workspace was built: it may serve a waiting claim. */
    WORKSPACE_BUILT(Channel.WAITING),
    /** A job was canceled, or is to be. */
    JOB_CANCELED(Channel.RECONCILE, Channel.CANCELS, Channel.WAITING),
    /** A state was locked or given back: a job that waits for it may be leased, and a pool may want other stock. */
    STATE(Channel.RECONCILE, Channel.JOBS, Channel.WAITING),
    /** A worker is asked for something that it looks for with its heartbeat. */
    WORKER_ASKED(Channel.CANCELS),
    /** A state has another version, a reject or a mutation: those who follow its events are told. */
    STATE_EVENT(Channel.EVENTS);

    private final List<Channel> channels;

    Change(Channel... channels) {
        this.channels = List.of(channels);
    }

    /** The loops that it wakes. */
    public List<Channel> channels() {
        return channels;
    }
}
