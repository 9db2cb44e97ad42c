package dev.larder.state;

import dev.larder.http.ETags;
import dev.larder.http.Problem;
import dev.larder.state.Begin.Result;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What callers are told, by the codes of this room. Pure. */
final class StateProblems {

    private StateProblems() {}

    /** Of a failure of the store; other failures are left as they are. */
    static Throwable of(Throwable failure) {
        return failure instanceof StateProblemException told ? of(told) : failure;
    }

    private static Problem of(StateProblemException told) {
        String detail = Optional.ofNullable(told.getMessage()).orElse("");
        return switch (told.code()) {
            case "state_not_found", "version_not_found", "reject_not_found" -> Problem.of(404, told.code(), detail);
            case "state_body_missing", "state_corrupt" -> Problem.of(500, told.code(), detail);
            case "encryption_key_unavailable", "state_busy" ->
                Problem.of(503, told.code(), detail).withHeader("Retry-After", "2");
            case "state_too_large" -> Problem.of(413, told.code(), detail);
            case "state_tombstoned" -> gone();
            case "version_conflict" -> tagged(Problem.of(412, told.code(), detail), told.current());
            case "malformed_state", "unsupported_state_format" -> Problem.of(422, told.code(), detail);
            default -> Problem.of(409, told.code(), detail);
        };
    }

    static Problem gone() {
        return Problem.of(410, "state_deleted", "The state was deleted.");
    }

    static Problem listsResources() {
        return Problem.of(
                409,
                "state_lists_resources",
                "The last version lists resources, or it cannot be told. ?force=true deletes the state all the same.");
    }

    /** Of an upload that was kept and not accepted. */
    static Problem rejected(Promotion.Result.Rejected rejected) {
        int status = switch (rejected.code()) {
            case "state_tombstoned" -> 410;
            case "state_too_large" -> 413;
            case "md5_mismatch" -> 400;
            case "malformed_state", "unsupported_state_format" -> 422;
            case "version_conflict" -> 412;
            default -> 409;
        };
        Problem problem = Problem.of(
                        status,
                        rejected.code(),
                        rejected.detail() + " The upload is kept as reject " + rejected.reject() + ".")
                .with("reject", List.of(Map.of("id", rejected.reject().toString())));
        return status == 412 ? tagged(problem, rejected.current()) : problem;
    }

    private static Problem tagged(Problem problem, long current) {
        return problem.withHeader("ETag", ETags.format(current));
    }

    static Problem held(Mutation by) {
        return Problem.of(409, "mutation_in_progress", "Another mutation of the state is open: " + holder(by) + ".")
                .with("holder", List.of(named(by)));
    }

    static Problem superseded(Mutation ended) {
        return Problem.of(
                409,
                "mutation_superseded",
                "The mutation has ended: " + ended.span().outcome() + ".");
    }

    static Problem notBegun(Result refused) {
        return switch (refused) {
            case Result.Held(Mutation by) -> held(by);
            case Result.NotTrusted(String status, String reason) -> notTrusted(status, reason);
            case Result.OtherVersion(long current) ->
                Problem.of(409, "version_conflict", "The current version is " + current + ".")
                        .with("current", List.of(Map.of("version", Long.toString(current))));
            case Result.Gone() -> gone();
            case Result.Begun begun -> throw new IllegalArgumentException("not refused: " + begun);
        };
    }

    private static Problem notTrusted(String status, String reason) {
        String detail = "The state is " + status + " (" + reason + "). " + way(status);
        return status.equals("corrupt")
                ? Problem.of(409, "state_corrupt", detail)
                : Problem.of(409, "state_unreliable", detail);
    }

    /** What a person can do about a state that is not trusted. */
    static String way(String status) {
        return status.equals("corrupt")
                ? "Restore an earlier version."
                : "Acknowledge that it is true, or restore an earlier version.";
    }

    /** Who holds a state, since when and how long, in words. */
    static String holder(Mutation by) {
        String who = by.holder().job() != null
                ? "job " + by.holder().job()
                : "user " + Optional.ofNullable(by.holder().name()).orElse("unknown");
        String until = by.span().leaseExpiresAt() == null
                ? ""
                : ", lease ends " + by.span().leaseExpiresAt();
        return by.kind() + " of " + who + " since " + by.span().openedAt() + until;
    }

    private static Map<String, String> named(Mutation by) {
        Map<String, String> holder = new TreeMap<>();
        holder.put("mutation", by.id().toString());
        holder.put("kind", by.kind());
        holder.put("since", by.span().openedAt().toString());
        Optional.ofNullable(by.holder().job()).ifPresent(job -> holder.put("job", job.toString()));
        Optional.ofNullable(by.holder().name()).ifPresent(name -> holder.put("user", name));
        Optional.ofNullable(by.span().leaseExpiresAt()).ifPresent(end -> holder.put("leaseExpiresAt", end.toString()));
        return holder;
    }

    /** What a tool is shown of a mutation that keeps it out. Its ID is the lock's, or the mutation's own. */
    static LockInfo lockInfo(Mutation by, String info) {
        Optional<LockInfo> own = by.holder().lock().info();
        String id = by.holder().lock().id().orElse(by.id().toString());
        String who = own.map(LockInfo::who)
                .filter(text -> !text.isEmpty())
                .orElse(
                        by.holder().job() != null
                                ? "job " + by.holder().job()
                                : Optional.ofNullable(by.holder().name()).orElse("unknown"));
        String operation = own.map(LockInfo::operation).orElse(by.kind());
        return LockInfo.of(id, operation, who, by.span().openedAt(), info);
    }
}
