package dev.larder.objects;

import dev.larder.model.MisconfiguredException;
import dev.larder.objects.ObjectStoreException.Reason;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.client.config.SdkAdvancedAsyncClientOption;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.nio.netty.SdkEventLoopGroup;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Configuration;

/** Makes the client of a bucket from the settings. */
final class S3Client {

    private static final int CONNECTIONS_MAX = 32;
    private static final int LINE_MAX = 1_000;
    private static final Duration CONNECT_WITHIN = Duration.ofSeconds(5);
    private static final Region REGION_OF_OTHERS = Region.US_EAST_1;

    private S3Client() {}

    /**
     * Larder repeats calls by itself, and knows then that it did. Only checksums that a call needs are sent: not every
     * store takes the others.
     */
    static S3AsyncClient of(ObjectSettings settings) {
        var builder = S3AsyncClient.builder()
                .httpClientBuilder(NettyNioAsyncHttpClient.builder()
                        .maxConcurrency(CONNECTIONS_MAX)
                        .maxPendingConnectionAcquires(LINE_MAX)
                        .connectionTimeout(CONNECT_WITHIN)
                        .connectionAcquisitionTimeout(settings.timeout())
                        .readTimeout(settings.timeout())
                        .writeTimeout(settings.timeout())
                        .eventLoopGroupBuilder(SdkEventLoopGroup.builder().numberOfThreads(2)))
                .overrideConfiguration(client -> client.retryStrategy(DefaultRetryStrategy.doNotRetry())
                        .addExecutionInterceptor(new NoExpectation()))
                .asyncConfiguration(client ->
                        client.advancedOption(SdkAdvancedAsyncClientOption.FUTURE_COMPLETION_EXECUTOR, Runnable::run))
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                .serviceConfiguration(
                        S3Configuration.builder().chunkedEncodingEnabled(false).build())
                .forcePathStyle(settings.endpoint().isPresent())
                .credentialsProvider(credentials(settings))
                .region(region(settings));
        settings.endpoint().map(URI::toString).map(URI::create).ifPresent(builder::endpointOverride);
        return builder.build();
    }

    /** The client would wait for {@code 100 Continue} before each body, and not every store sends it as HTTP has it. */
    private static final class NoExpectation implements ExecutionInterceptor {

        @Override
        public SdkHttpRequest modifyHttpRequest(Context.ModifyHttpRequest context, ExecutionAttributes unused) {
            return context.httpRequest().toBuilder().removeHeader("Expect").build();
        }
    }

    private static Region region(ObjectSettings settings) {
        Optional<Region> known = settings.region().map(Region::of);
        return known.or(() -> settings.endpoint().map(other -> REGION_OF_OTHERS))
                .orElseGet(S3Client::regionOfPlace);
    }

    private static Region regionOfPlace() {
        try {
            return DefaultAwsRegionProviderChain.builder().build().getRegion();
        } catch (SdkClientException unknown) {
            throw new MisconfiguredException("larder.objects.region must be set: the environment does not tell it");
        }
    }

    private static AwsCredentialsProvider credentials(ObjectSettings settings) {
        return settings.accessKey()
                .<AwsCredentialsProvider>map(key -> StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(key, settings.secretKey().orElse(""))))
                .orElseGet(S3Client::found);
    }

    /** That there are none is a refusal, not an absence of the store. */
    private static AwsCredentialsProvider found() {
        DefaultCredentialsProvider chain = DefaultCredentialsProvider.builder().build();
        return () -> resolved(chain);
    }

    private static AwsCredentials resolved(AwsCredentialsProvider chain) {
        try {
            return chain.resolveCredentials();
        } catch (SdkClientException none) {
            throw new ObjectStoreException(
                    Reason.AUTHENTICATION_FAILED, "no credentials for the bucket are set or found in the environment");
        }
    }
}
