package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Asks a server for lists and single things. */
final class Lists {

    /** Filters of a list, as query parameters that the server reads and checks. */
    record Filter(List<String> names, List<String> values) {

        static final Filter NONE = new Filter(List.of(), List.of());

        Filter with(String name, String value) {
            List<String> allNames = new ArrayList<>(names);
            List<String> allValues = new ArrayList<>(values);
            allNames.add(name);
            allValues.add(value);
            return new Filter(List.copyOf(allNames), List.copyOf(allValues));
        }

        /**
         * Those of a template and a preset, which may be null.
         *
         * @param template {@code organization/template}, or {@code template}
         * @param preset {@code organization/template/preset}, {@code template/preset} or {@code preset}
         */
        static Filter of(@Nullable String template, @Nullable String preset) {
            int last = preset == null ? -1 : preset.lastIndexOf('/');
            if (template != null && last >= 0) {
                throw Failure.of(ExitCode.USAGE, "--preset=" + preset + " names a template, as --template does");
            }
            @Nullable String of = last < 0 || preset == null ? template : preset.substring(0, last);
            Filter filter = of == null ? NONE : NONE.ofTemplate(Reference.template(of));
            return preset == null ? filter : filter.with("preset", preset.substring(last + 1));
        }

        private Filter ofTemplate(Reference.TemplateName name) {
            return name.organization()
                    .map(organization -> with(ORGANIZATION, organization))
                    .orElse(this)
                    .with("template", name.template());
        }

        Map<String, String> asMap() {
            Map<String, String> map = new LinkedHashMap<>();
            for (int i = 0; i < names.size(); i++) {
                map.put(names.get(i), values.get(i));
            }
            return map;
        }

        String on(String path) {
            String filtered = path;
            for (int i = 0; i < names.size(); i++) {
                filtered = Paths.with(filtered, names.get(i), values.get(i));
            }
            return filtered;
        }
    }

    private static final String ORGANIZATION = "organization";

    private final Session session;
    private final PresetPaths presets;

    Lists(Session session) {
        this.session = session;
        this.presets = new PresetPaths(session);
    }

    /** Those of the chosen organization. A worker may serve all organizations, so workers are listed whole. */
    ApiClient.Listed list(Kind kind, Filter filter, int limit) {
        return switch (kind) {
            case templates -> templates(filter, limit);
            case workers -> session.api().list(filter.on(Paths.of(kind.name())), limit);
            case pools, presets, claims, workspaces, jobs, rollouts ->
                session.api().list(inOrganization(filter).on(Paths.of(kind.name())), limit);
        };
    }

    private Filter inOrganization(Filter filter) {
        return session.namedOrganization()
                .filter(organization -> !filter.names().contains(ORGANIZATION))
                .map(organization -> filter.with(ORGANIZATION, organization))
                .orElse(filter);
    }

    /** Those of the chosen organization; without one, those of every organization that the caller may see. */
    private ApiClient.Listed templates(Filter filter, int limit) {
        List<String> organizations = session.namedOrganization()
                .map(List::of)
                .orElseGet(() -> session.api().list(Paths.of("organizations"), limit).items().stream()
                        .map(organization -> Json.text(organization, "name"))
                        .toList());
        List<JsonNode> items = new ArrayList<>();
        boolean more = false;
        Instant at = Instant.EPOCH;
        for (String organization : organizations) {
            ApiClient.Listed page =
                    session.api().list(filter.on(Paths.of("organizations", organization, "templates")), limit);
            items.addAll(page.items());
            more |= page.more();
            at = page.at();
        }
        return new ApiClient.Listed(
                List.copyOf(items.subList(0, Math.min(limit, items.size()))), more || items.size() > limit, at);
    }

    /** The row of one thing, as the list has it. */
    ApiClient.Listed row(Kind kind, String name) {
        return switch (kind) {
            case pools, presets -> found(kind, name, list(kind, filter(name), Integer.MAX_VALUE));
            case workers -> found(kind, name, list(kind, Filter.NONE, Integer.MAX_VALUE));
            case templates -> single(details(kind, name), "template");
            case claims, workspaces, jobs, rollouts -> single(details(kind, name), "");
        };
    }

    private static ApiClient.Listed single(Answer answer, String member) {
        JsonNode row = member.isEmpty() ? answer.body() : answer.body().path(member);
        return new ApiClient.Listed(List.of(row), false, answer.at().orElse(Instant.EPOCH));
    }

    private Filter filter(String preset) {
        return Reference.preset(preset) instanceof Reference.PresetName(var template, String name)
                ? Filter.NONE
                        .with(ORGANIZATION, template.organization(session))
                        .with("template", template.template())
                        .with("preset", name)
                : Filter.NONE;
    }

    private static ApiClient.Listed found(Kind kind, String name, ApiClient.Listed all) {
        boolean byId = kind == Kind.workers || Reference.isId(name);
        List<JsonNode> matching = all.items().stream()
                .filter(row ->
                        byId ? Kinds.isCalled(row, name) : row.path("active").asBoolean(true))
                .toList();
        if (matching.isEmpty()) {
            throw Failure.of(ExitCode.NOT_FOUND, "there is no " + kind.singular() + " '" + name + "'");
        }
        return new ApiClient.Listed(matching, false, all.at());
    }

    /** One thing with all that the API knows of it. A name of a worker is found in the list. */
    Answer details(Kind kind, String name) {
        return session.api().get(path(kind, name));
    }

    /** As {@link #details}, once it is settled or the server has held the call for this time. */
    Answer settled(Kind kind, String name, Duration hold) {
        Map<String, String> prefer = Map.of("Prefer", "wait=" + hold.toSeconds());
        return session.api().held("GET", path(kind, name), null, prefer, hold);
    }

    private String path(Kind kind, String name) {
        return switch (kind) {
            case pools -> presets.preset(name, "pool");
            case presets -> presets.preset(name);
            case templates -> presets.template(name);
            case rollouts -> Paths.of(kind.name(), Reference.isId(name) ? name : newestRolloutOf(name));
            case claims, workspaces, jobs, workers -> Paths.of(kind.name(), name);
        };
    }

    /** By its preset, whether it is open or has ended: it may end before a command that began it asks for it. */
    private String newestRolloutOf(String preset) {
        return newestRollout(preset)
                .map(rollout -> Json.text(rollout, "id"))
                .orElseThrow(() -> Failure.of(ExitCode.NOT_FOUND, "the preset '" + preset + "' has had no rollout"));
    }

    /** The newest rollout of a preset; empty where it has had none. */
    Optional<JsonNode> newestRollout(String preset) {
        String path = Paths.with(presets.preset(preset, "rollouts"), "limit", "1");
        return Optional.of(session.api().get(path).body().path("items").path(0)).filter(JsonNode::isObject);
    }
}
