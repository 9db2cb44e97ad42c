package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;

/**
 * What an answer of an S3 store, or its absence, means. The messages of the store are not passed on: they may name
 * keys and signatures. Pure.
 */
final class S3Faults {

    private static final int CAUSES_MAX = 12;

    private static final Set<String> REFUSED = Set.of(
            "AccessDenied",
            "AccountProblem",
            "AllAccessDisabled",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidSecurity",
            "InvalidToken",
            "NotSignedUp",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnauthorizedAccess");

    private static final Set<String> TOO_OFTEN = Set.of(
            "BandwidthLimitExceeded",
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests");

    private static final Set<String> MISCONFIGURED = Set.of(
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "InvalidBucketName",
            "InvalidBucketState",
            "MethodNotAllowed",
            "NoSuchBucket",
            "NotImplemented",
            "PermanentRedirect");

    private S3Faults() {}

    /** @param call what was asked, such as {@code GET key} */
    static ObjectStoreException of(String call, Throwable failure) {
        Throwable cause = failure;
        Throwable last = failure;
        for (int depth = 0; cause != null && depth < CAUSES_MAX; depth++) {
            if (cause instanceof ObjectStoreException told) {
                return told;
            }
            if (cause instanceof AwsServiceException answer) {
                return answered(call, answer.statusCode(), code(answer));
            }
            last = cause;
            cause = cause.getCause();
        }
        return new ObjectStoreException(Reason.STORE_UNAVAILABLE, call + ": " + words(last));
    }

    /** Host names and ports are no secrets; the messages of other failures may be anything. */
    private static String words(Throwable last) {
        String type = last.getClass().getSimpleName();
        return last instanceof IOException ? type + " " + last.getMessage() : type;
    }

    /** An answer to HEAD has no body, and the client tells by its type what it stands for. */
    private static String code(AwsServiceException answer) {
        if (answer instanceof NoSuchKeyException) {
            return "NoSuchKey";
        }
        if (answer instanceof NoSuchBucketException) {
            return "NoSuchBucket";
        }
        return Optional.ofNullable(answer.awsErrorDetails())
                .map(AwsErrorDetails::errorCode)
                .orElse("");
    }

    private static ObjectStoreException answered(String call, int status, String code) {
        String known = code.matches("[A-Za-z]{1,60}") ? code : "";
        return new ObjectStoreException(
                reason(status, known), call + ": the store answered " + status + (known.isEmpty() ? "" : " " + known));
    }

    private static Reason reason(int status, String code) {
        if (code.equals("NoSuchKey")) {
            return Reason.OBJECT_NOT_FOUND;
        }
        if (MISCONFIGURED.contains(code)) {
            return Reason.STORE_MISCONFIGURED;
        }
        if (TOO_OFTEN.contains(code) || status == 429) {
            return Reason.RATE_LIMITED;
        }
        // Every object of Larder is longer than the range that is asked for.
        if (code.equals("InvalidRange") || status == 416) {
            return Reason.OBJECT_DAMAGED;
        }
        if (code.equals("EntityTooLarge")) {
            return Reason.OBJECT_TOO_LARGE;
        }
        if (code.equals("PreconditionFailed") || status == 412) {
            return Reason.PRECONDITION_FAILED;
        }
        // A bare 403 is all that HEAD is answered.
        if (REFUSED.contains(code) || status == 401 || status == 403) {
            return Reason.AUTHENTICATION_FAILED;
        }
        if (status == 301) {
            return Reason.STORE_MISCONFIGURED;
        }
        return Reason.STORE_UNAVAILABLE;
    }
}
