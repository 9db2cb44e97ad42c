package dev.larder.http;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.JobStatus;
import dev.larder.model.PauseScope;
import dev.larder.model.PresetStatus;
import dev.larder.model.Role;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.StateStatus;
import dev.larder.model.Transition;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;
import org.eclipse.microprofile.openapi.models.parameters.RequestBody;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;
import org.eclipse.microprofile.openapi.models.responses.APIResponses;
import org.jboss.jandex.ClassInfo;
import org.jboss.jandex.DotName;
import org.jboss.jandex.IndexView;
import org.jboss.jandex.RecordComponentInfo;
import org.jspecify.annotations.Nullable;

/**
 * Completes the OpenAPI document while the application is built, with what all operations have in common:
 * errors are problems, records say which fields are always there, and the words of an enumeration are listed
 * (decision 0030).
 */
@OpenApiFilter(stages = OpenApiFilter.RunStage.BUILD)
public final class ApiDescription implements OASFilter {

    private static final DotName NULLABLE = DotName.createSimple(Nullable.class);
    private static final DotName UNWRAPPED = DotName.createSimple(JsonUnwrapped.class);
    private static final String SCHEMAS = "#/components/schemas/";
    private static final String PROBLEM = "Problem";
    private static final String VIOLATION = "Violation";
    private static final String ANY = "*/*";
    private static final String BYTES = "application/octet-stream";

    /**
     * Fields that hold one of these words wherever they stand. A field with words of its own says so at its
     * record.
     */
    private static final Map<String, Class<? extends Enum<?>>> WORDS =
            Map.of("role", Role.class, "scope", PauseScope.class, "transition", Transition.class);

    private static final List<Class<? extends Enum<?>>> ENUMERATIONS = List.of(
            JobStatus.class,
            PauseScope.class,
            PresetStatus.class,
            Role.class,
            RolloutCause.class,
            RolloutRole.class,
            RolloutState.class,
            StateStatus.class,
            Transition.class);

    private final IndexView index;

    /** The words of a field that may be null, by the names of record and field: a generator names a type after this. */
    private final Map<String, Schema> nullableWords = new TreeMap<>();

    /** @param index of the application's classes */
    public ApiDescription(IndexView index) {
        this.index = index;
    }

    @Override
    public void filterOpenAPI(OpenAPI api) {
        Map<String, Schema> schemas = new TreeMap<>(api.getComponents().getSchemas());
        schemas.remove("OutboundSseEvent");
        schemas.remove("MediaType");
        ENUMERATIONS.forEach(words -> schemas.put(words.getSimpleName(), enumeration(words)));
        schemas.forEach(this::completeRecord);
        schemas.putAll(nullableWords);
        Map<String, String> pages = nameAfterItems(schemas);
        schemas.put(PROBLEM, problem());
        schemas.put(VIOLATION, violation());
        api.getComponents().setSchemas(schemas);
        api.getPaths().getPathItems().forEach((path, item) -> {
            if (path.startsWith("/api/")) {
                item.getOperations().values().forEach(operation -> completeOperation(operation, pages));
            }
        });
    }

    /** A page of a list is named after its items: {@code ClaimPage}. Answers the new names by the old ones. */
    private static Map<String, String> nameAfterItems(Map<String, Schema> schemas) {
        Map<String, String> names = new TreeMap<>();
        schemas.forEach((name, schema) -> {
            if (name.startsWith("Page")) {
                Schema items = Objects.requireNonNull(schema.getProperties().get("items"), name);
                names.put(name, name(items.getItems()) + "Page");
            }
        });
        names.forEach((old, name) -> schemas.put(name, Objects.requireNonNull(schemas.remove(old))));
        return names;
    }

    private static String name(Schema reference) {
        return reference.getRef().replace(SCHEMAS, "");
    }

    private static Schema enumeration(Class<? extends Enum<?>> words) {
        return text().enumeration(Arrays.stream(words.getEnumConstants())
                .<Object>map(word -> word.name().toLowerCase(Locale.ROOT))
                .toList());
    }

    private static Schema problem() {
        Schema errors = OASFactory.createSchema().addType(SchemaType.ARRAY).items(reference(VIOLATION));
        return OASFactory.createSchema()
                .addType(SchemaType.OBJECT)
                .description("What went wrong (RFC 9457). Programs decide by code; title and detail are for people.")
                .addProperty("type", text())
                .addProperty("title", text())
                .addProperty(
                        "status",
                        OASFactory.createSchema().addType(SchemaType.INTEGER).format("int32"))
                .addProperty("detail", text())
                .addProperty("code", text().description("Stable, such as preset_not_found"))
                .addProperty(
                        "instance", text().description("What it happened to, or the number of an incident in the log"))
                .addProperty("errors", errors.description("What is wrong with each field of the request"))
                .required(List.of("type", "title", "status", "detail", "code"));
    }

    private static Schema violation() {
        return OASFactory.createSchema()
                .addType(SchemaType.OBJECT)
                .addProperty("code", text().description("Stable, such as missing_field"))
                .addProperty("field", text().description("A path into the body, or the name of a parameter or header"))
                .addProperty("detail", text())
                .required(List.of("code", "field", "detail"));
    }

    private static Schema text() {
        return OASFactory.createSchema().addType(SchemaType.STRING);
    }

    private static Schema reference(String name) {
        return OASFactory.createSchema().ref(SCHEMAS + name);
    }

    /** A field is required unless it may be null; one that may be null says so. */
    private void completeRecord(String name, Schema schema) {
        schema.setPattern(null);
        if (schema.getProperties() == null) {
            return;
        }
        Map<String, Schema> properties = new LinkedHashMap<>(schema.getProperties());
        properties.replaceAll(ApiDescription::withWords);
        record(name, properties.keySet()).ifPresent(components -> {
            List<String> required = components.stream()
                    .filter(component -> !isNullable(component))
                    .map(RecordComponentInfo::name)
                    .sorted()
                    .toList();
            schema.setRequired(required.isEmpty() ? null : required);
            components.stream()
                    .filter(ApiDescription::isNullable)
                    .map(RecordComponentInfo::name)
                    .forEach(field -> properties.computeIfPresent(field, (key, type) -> orNull(name, field, type)));
        });
        schema.setProperties(properties);
    }

    private static Schema withWords(String field, Schema type) {
        if (type.getRef() != null) {
            return reference(name(type));
        }
        Class<? extends Enum<?>> words = WORDS.get(field);
        return words == null
                        || type.getEnumeration() != null
                        || !List.of(SchemaType.STRING).equals(type.getType())
                ? type
                : reference(words.getSimpleName());
    }

    private Schema orNull(String record, String field, Schema type) {
        if (type.getRef() == null && type.getEnumeration() == null) {
            return type.addType(SchemaType.NULL);
        }
        Schema none = OASFactory.createSchema().addType(SchemaType.NULL);
        if (type.getRef() != null) {
            return OASFactory.createSchema().anyOf(List.of(type, none));
        }
        String name = record + field.substring(0, 1).toUpperCase(Locale.ROOT) + field.substring(1);
        nullableWords.put(name, type);
        return OASFactory.createSchema().anyOf(List.of(reference(name), none));
    }

    /**
     * The record that a schema was made of: one of the same name, but for a number at its end, with the same
     * fields.
     */
    private Optional<List<RecordComponentInfo>> record(String schema, Set<String> fields) {
        String name = schema.replaceFirst("[0-9]+$", "");
        return index.getKnownClasses().stream()
                .filter(ClassInfo::isRecord)
                .filter(type ->
                        type.typeParameters().isEmpty() ? named(type).equals(name) : name.startsWith(named(type)))
                .map(type -> fields(type).toList())
                .filter(components -> names(components).equals(fields))
                .findFirst();
    }

    /** The fields of a record's JSON: those of an unwrapped record stand among its own. */
    private Stream<RecordComponentInfo> fields(ClassInfo type) {
        return type.recordComponents().stream()
                .flatMap(component -> type.field(component.name()).hasAnnotation(UNWRAPPED)
                        ? fields(index.getClassByName(component.type().name()))
                        : Stream.of(component));
    }

    private static String named(ClassInfo type) {
        var schema = type.declaredAnnotation(
                DotName.createSimple(org.eclipse.microprofile.openapi.annotations.media.Schema.class));
        return schema == null || schema.value("name") == null
                ? type.simpleName()
                : schema.value("name").asString();
    }

    private static Set<String> names(List<RecordComponentInfo> components) {
        return components.stream().map(RecordComponentInfo::name).collect(Collectors.toSet());
    }

    private static boolean isNullable(RecordComponentInfo component) {
        return component.type().hasAnnotation(NULLABLE);
    }

    private static void completeOperation(Operation operation, Map<String, String> pages) {
        completeRequest(operation);
        APIResponses responses = operation.getResponses();
        answeredWithoutBody(responses);
        responses.getAPIResponses().forEach((status, response) -> {
            if (status.startsWith("4") || status.startsWith("5")) {
                response.setContent(problems());
            } else {
                completeAnswer(response, pages);
            }
        });
        responses.addAPIResponse(
                "default",
                OASFactory.createAPIResponse().description("What went wrong").content(problems()));
    }

    /**
     * A generator leaves out an operation whose body has the type {@code *}{@code /*}, and takes what has no type for a
     * text.
     */
    private static void completeRequest(Operation operation) {
        if (operation.getParameters() != null) {
            operation.getParameters().stream()
                    .filter(parameter -> "limit".equals(parameter.getName()))
                    .forEach(parameter -> parameter.setSchema(limit()));
        }
        RequestBody body = operation.getRequestBody();
        if (body != null && body.getContent().hasMediaType(ANY)) {
            MediaType bytes = body.getContent().getMediaType(ANY);
            body.setContent(OASFactory.createContent().addMediaType(BYTES, bytes));
        }
    }

    private static Schema limit() {
        return OASFactory.createSchema()
                .addType(SchemaType.INTEGER)
                .minimum(BigDecimal.ONE)
                .maximum(BigDecimal.valueOf(PageRequest.LIMIT_MAX));
    }

    /**
     * A method without a result answers 204 (RESTEasy Reactive), and a scanner takes it for 201 where it is a
     * POST.
     */
    private static void answeredWithoutBody(APIResponses responses) {
        APIResponse created = responses.getAPIResponse("201");
        if (created != null && created.getContent() == null) {
            responses.removeAPIResponse("201");
            responses.addAPIResponse("204", created.description("Done"));
        }
    }

    private static Content problems() {
        return OASFactory.createContent()
                .addMediaType(Problem.MEDIA_TYPE, OASFactory.createMediaType().schema(reference(PROBLEM)));
    }

    /** A stream is text to a generated client. */
    private static void completeAnswer(APIResponse response, Map<String, String> pages) {
        if (response.getContent() != null) {
            response.getContent().getMediaTypes().forEach((type, media) -> {
                Schema schema = media.getSchema();
                if (type.startsWith("text/")) {
                    media.setSchema(text());
                } else if (schema.getRef() != null) {
                    media.setSchema(reference(pages.getOrDefault(name(schema), name(schema))));
                }
            });
        }
    }
}
