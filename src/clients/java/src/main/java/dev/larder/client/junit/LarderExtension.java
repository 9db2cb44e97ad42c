package dev.larder.client.junit;

import dev.larder.client.ClaimRequest;
import dev.larder.client.ClaimRequest.Policy;
import dev.larder.client.LarderClient;
import dev.larder.client.Lease;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;
import org.junit.platform.commons.support.ReflectionSupport;

/**
 * What {@link LarderDatabase} does. A test claims when it first asks for its workspace; its parameters and fields are
 * one and the same workspace. A lease that is lost fails the test.
 */
public final class LarderExtension implements BeforeEachCallback, AfterEachCallback, ParameterResolver {

    private static final Namespace NAMESPACE = Namespace.create(LarderExtension.class);
    private static final Set<Class<?>> TYPES = Set.of(Database.class, Lease.class);

    /** Holds the one client of the JVM, made when the first test needs it. */
    private static final class Shared {
        static final LarderClient CLIENT = LarderClient.fromEnvironment();
    }

    @Override
    public void beforeEach(ExtensionContext test) throws IllegalAccessException {
        for (Object instance : test.getRequiredTestInstances().getAllInstances()) {
            for (Field field : fields(instance.getClass())) {
                field.setAccessible(true);
                field.set(instance, value(test, field.getType()));
            }
        }
    }

    private static Iterable<Field> fields(Class<?> type) {
        return ReflectionSupport.findFields(
                type, field -> TYPES.contains(field.getType()), HierarchyTraversalMode.TOP_DOWN);
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
        return TYPES.contains(parameter.getParameter().getType())
                && test.getTestMethod().isPresent();
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
        return value(test, parameter.getParameter().getType());
    }

    @Override
    public void afterEach(ExtensionContext test) {
        Lease lease = test.getStore(NAMESPACE).remove(test.getUniqueId(), Lease.class);
        if (lease != null) {
            lease.close();
            lease.check();
        }
    }

    private static Object value(ExtensionContext test, Class<?> type) {
        Lease lease = lease(test);
        return type == Lease.class ? lease : Database.of(lease.outputs());
    }

    /** Kept under the id of the test, because tests of one class may run at the same time. */
    private static Lease lease(ExtensionContext test) {
        Lease kept = test.getStore(NAMESPACE).get(test.getUniqueId(), Lease.class);
        if (kept != null) {
            return kept;
        }
        LarderDatabase wanted = wanted(test);
        Lease claimed = Shared.CLIENT.hold(request(wanted, test), Duration.ofSeconds(wanted.waitSeconds()));
        test.getStore(NAMESPACE).put(test.getUniqueId(), claimed);
        return claimed;
    }

    private static LarderDatabase wanted(ExtensionContext test) {
        return AnnotationSupport.findAnnotation(test.getElement(), LarderDatabase.class)
                .or(() -> onClass(test))
                .orElseThrow(() -> new ExtensionConfigurationException("@LarderDatabase names the template to claim"));
    }

    private static Optional<LarderDatabase> onClass(ExtensionContext test) {
        Optional<LarderDatabase> found = Optional.empty();
        for (Class<?> type = test.getRequiredTestClass();
                type != null && found.isEmpty();
                type = type.getEnclosingClass()) {
            found = AnnotationSupport.findAnnotation(type, LarderDatabase.class);
        }
        return found;
    }

    private static ClaimRequest request(LarderDatabase wanted, ExtensionContext test) {
        ClaimRequest request = ClaimRequest.of(wanted.template())
                .policy(Policy.WAIT)
                .timeout(Duration.ofSeconds(wanted.waitSeconds()))
                .ttl(Duration.ofSeconds(wanted.leaseSeconds()))
                .labels(Map.of("test", label(test)));
        request = wanted.organization().isEmpty() ? request : request.organization(wanted.organization());
        request = wanted.preset().isEmpty() ? request : request.preset(wanted.preset());
        return wanted.parameters().length == 0 ? request : request.parameters(parameters(wanted.parameters()));
    }

    private static Map<String, String> parameters(String[] given) {
        Map<String, String> values = new LinkedHashMap<>();
        for (String one : given) {
            int at = one.indexOf('=');
            if (at < 1) {
                throw new ExtensionConfigurationException("a parameter of @LarderDatabase is name=value, not: " + one);
            }
            values.put(one.substring(0, at), one.substring(at + 1));
        }
        return values;
    }

    /** Labels have the form that Kubernetes gives them: 63 characters, letters and digits at both ends. */
    private static String label(ExtensionContext test) {
        String name = test.getRequiredTestClass().getSimpleName() + "."
                + test.getRequiredTestMethod().getName();
        String kept = name.replaceAll("[^A-Za-z0-9_.-]", "_");
        return kept.substring(0, Math.min(63, kept.length())).replaceAll("^[_.-]+|[_.-]+$", "");
    }
}
