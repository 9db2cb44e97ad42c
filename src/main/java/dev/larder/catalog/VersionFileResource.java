package dev.larder.catalog;

import dev.larder.catalog.VersionFileReads.Found;
import dev.larder.catalog.VersionFileReads.VersionFile;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Problem;
import dev.larder.http.StreamGuard;
import dev.larder.model.FileContents;
import dev.larder.model.Role;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestMulti;

/** Shows the files of a version, so that a client can compare them with its own. */
@Path("/api/v1/organizations/{organization}/templates/{template}/versions/{number}/files")
@Tag(name = "catalog")
class VersionFileResource {

    private final VersionFileReads reads;
    private final CatalogReads catalog;
    private final FileContents uploads;
    private final CurrentCaller caller;

    VersionFileResource(VersionFileReads reads, CatalogReads catalog, FileContents uploads, CurrentCaller caller) {
        this.reads = reads;
        this.catalog = catalog;
        this.uploads = uploads;
        this.caller = caller;
    }

    /** @param items in the order of their paths */
    @Schema(name = "VersionFiles")
    record VersionFiles(List<VersionFile> items) {}

    @GET
    @Produces(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listVersionFiles", summary = "Lists the files of a version: paths, digests and sizes")
    public Uni<VersionFiles> list(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("number") String number) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        int known = number(number);
        return catalog.version(name, known)
                .map(found -> found.orElseThrow(() -> Problem.notFound("version")))
                .chain(version -> reads.list(name, known))
                .map(VersionFiles::new);
    }

    private static int number(String number) {
        if (!number.matches("[1-9][0-9]{0,8}")) {
            throw Problem.notFound("version");
        }
        return Integer.parseInt(number);
    }

    @GET
    @Path("{digest}")
    @Produces(MediaType.APPLICATION_OCTET_STREAM)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @APIResponse(
            responseCode = "200",
            description = "The bytes of the file",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_OCTET_STREAM,
                            schema = @Schema(type = SchemaType.STRING, format = "binary")))
    @Operation(operationId = "downloadVersionFile", summary = "Downloads a file of a version by its digest")
    public RestMulti<byte[]> download(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("number") String number,
            @PathParam("digest") String digest) {
        Uni<FileContents.Content> content = reads.find(
                        new TemplateName(caller.get(), organization, template), number(number), digest)
                .map(found -> found.orElseThrow(() -> Problem.notFound("file")))
                .chain(found -> content(found, digest));
        return RestMulti.fromUniResponse(content, found -> StreamGuard.logged("file of a version", found.pieces()));
    }

    private Uni<FileContents.Content> content(Found found, String digest) {
        String text = found.text();
        if (text == null) {
            return uploads.find(found.organization(), digest)
                    .map(file -> file.orElseThrow(() -> Problem.notFound("file")));
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return Uni.createFrom()
                .item(new FileContents.Content(bytes.length, Multi.createFrom().item(bytes)));
    }
}
