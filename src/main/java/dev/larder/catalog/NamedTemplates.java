package dev.larder.catalog;

import dev.larder.http.Problem;
import dev.larder.lifecycle.PresetNames;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;

/** Templates by the names of an address. A miss says which name is unknown: the organization's or the template's. */
@ApplicationScoped
class NamedTemplates {

    private final CatalogReads reads;
    private final PresetNames names;

    NamedTemplates(CatalogReads reads, PresetNames names) {
        this.reads = reads;
        this.names = names;
    }

    /** The template; fails with 404 {@code organization_not_found} or {@code template_not_found}. */
    Uni<TemplateView> find(TemplateName name) {
        return reads.template(name)
                .chain(found ->
                        found.map(template -> Uni.createFrom().item(template)).orElseGet(() -> missing(name)));
    }

    /** Fails as {@link #find} does where the template does not exist for the caller. */
    Uni<Boolean> refuseUnless(boolean exists, TemplateName name) {
        return exists ? Uni.createFrom().item(true) : missing(name);
    }

    private <T> Uni<T> missing(TemplateName name) {
        return names.unknown(name.caller().organization(), Optional.of(name.organization()), name.template())
                .chain(what ->
                        Uni.createFrom().failure(Problem.notFound(what.equals("organization") ? what : "template")));
    }
}
