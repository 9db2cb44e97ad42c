package dev.larder.client.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives each test a database of its own from stock: a parameter or a field of type {@link Database}, or of type
 * {@link dev.larder.client.Lease} where the workspace is of another backend. It is given back after the test; where the
 * run is killed, its lease ends it.
 *
 * <p>On a method it goes before the one on the class. {@code LARDER_URL} and {@code LARDER_TOKEN} name the server.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(LarderExtension.class)
public @interface LarderDatabase {

    /** That of the token's user by default. */
    String organization() default "";

    String template();

    /** Empty where {@link #parameters} choose it. */
    String preset() default "";

    /** Each as {@code name=value}. */
    String[] parameters() default {};

    /** After how long the workspace of a killed run is taken back. */
    int leaseSeconds() default 120;

    /** How long a test waits for stock. */
    int waitSeconds() default 300;
}
