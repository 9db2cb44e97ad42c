package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.async.SdkPublisher;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/** Gathers the bytes of one answer to GET in memory: exactly as many as were announced. */
final class Gathered implements AsyncResponseTransformer<GetObjectResponse, Gathered.Answer> {

    private final String key;
    private final long bytesMax;
    private final CompletableFuture<Answer> answer = new CompletableFuture<>();
    private volatile @Nullable GetObjectResponse head;

    /** The whole answer; its bytes belong to the caller. */
    record Answer(GetObjectResponse head, byte[] bytes) {}

    /** @param bytesMax of the answer, inclusive */
    Gathered(String key, long bytesMax) {
        this.key = key;
        this.bytesMax = bytesMax;
    }

    @Override
    public CompletableFuture<Answer> prepare() {
        return answer;
    }

    @Override
    public void onResponse(GetObjectResponse response) {
        head = response;
    }

    @Override
    public void onStream(SdkPublisher<ByteBuffer> parts) {
        parts.subscribe(new Parts(Objects.requireNonNull(head)));
    }

    @Override
    public void exceptionOccurred(Throwable failure) {
        boolean unused = answer.completeExceptionally(failure);
    }

    private final class Parts implements Subscriber<ByteBuffer> {

        private final GetObjectResponse response;
        private @Nullable Subscription subscription;
        private ByteBuffer bytes = ByteBuffer.allocate(0);

        Parts(GetObjectResponse response) {
            this.response = response;
        }

        @Override
        public void onSubscribe(Subscription begun) {
            subscription = begun;
            Long announced = response.contentLength();
            if (announced != null && announced > bytesMax) {
                refuse(ObjectStoreException.tooLarge(key, bytesMax - Frame.BYTES));
                return;
            }
            bytes = ByteBuffer.allocate(announced == null ? 0 : announced.intValue());
            begun.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(ByteBuffer part) {
            if (part.remaining() > bytes.remaining()) {
                refuse(incomplete("more"));
            } else {
                bytes.put(part);
            }
        }

        private void refuse(ObjectStoreException refusal) {
            Objects.requireNonNull(subscription).cancel();
            exceptionOccurred(refusal);
        }

        @Override
        public void onError(Throwable failure) {
            exceptionOccurred(failure);
        }

        @Override
        public void onComplete() {
            if (bytes.hasRemaining()) {
                exceptionOccurred(incomplete("fewer"));
            } else {
                boolean unused = answer.complete(new Answer(response, bytes.array()));
            }
        }

        private ObjectStoreException incomplete(String how) {
            return new ObjectStoreException(
                    Reason.STORE_UNAVAILABLE, "the object " + key + " came with " + how + " bytes than were announced");
        }
    }
}
