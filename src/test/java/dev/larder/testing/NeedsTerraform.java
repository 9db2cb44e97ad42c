package dev.larder.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The tests of the class run a real {@code terraform} or {@code tofu}. They run with {@code -Pterraform} alone; where
 * neither tool is on the path, they are skipped, and say so.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("terraform")
@ExtendWith(TerraformTool.class)
public @interface NeedsTerraform {}
