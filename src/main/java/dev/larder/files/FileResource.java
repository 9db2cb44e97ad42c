package dev.larder.files;

import dev.larder.files.FileReads.Filter;
import dev.larder.files.UploadStore.Upload;
import dev.larder.http.Access;
import dev.larder.http.Access.Organization;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Edge;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.http.StreamGuard;
import dev.larder.model.FileContents;
import dev.larder.model.Role;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HEAD;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestMulti;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Uploads, shows and downloads the files of an organization. */
@Path("/api/v1/organizations/{organization}/files")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
@Tag(name = "catalog")
class FileResource {

    /** How many bytes of a part are there, from the beginning. */
    static final String OFFSET = "Upload-Offset";

    private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

    private final Uploads uploads;
    private final FileReads reads;
    private final FileContents contents;
    private final Access access;
    private final CurrentCaller caller;
    private final CurrentVertxRequest current;
    private final Vertx vertx;
    private final FileSettings settings;

    FileResource(
            Uploads uploads,
            FileReads reads,
            FileContents contents,
            Access access,
            CurrentCaller caller,
            CurrentVertxRequest current,
            Vertx vertx,
            FileSettings settings) {
        this.uploads = uploads;
        this.reads = reads;
        this.contents = contents;
        this.access = access;
        this.caller = caller;
        this.current = current;
        this.vertx = vertx;
        this.settings = settings;
    }

    /**
     * Uploads a file or a part of it. The body is read here piece by piece: it may be larger than the memory.
     *
     * <p>The answer is 201 for a new file, 200 for one that is there already, 202 for a part.
     */
    @PUT
    @Path("{digest}")
    @Consumes(MediaType.WILDCARD)
    @APIResponse(
            responseCode = "201",
            description = "The file is new",
            content = @Content(schema = @Schema(implementation = FileView.class)))
    @APIResponse(
            responseCode = "200",
            description = "The file has been there before",
            content = @Content(schema = @Schema(implementation = FileView.class)))
    @APIResponse(responseCode = "202", description = "A part is there. Upload-Offset: how many bytes")
    @Operation(
            operationId = "uploadFile",
            summary =
                    "Uploads a file, or with Content-Range a part of it. HEAD tells whether it is there, and the Upload-Offset of a part")
    @RequestBody(
            required = true,
            content = @Content(mediaType = "*/*", schema = @Schema(type = SchemaType.STRING, format = "binary")))
    public Uni<RestResponse<FileView>> upload(
            @PathParam("organization") String organization,
            @PathParam("digest") String digest,
            @HeaderParam("Content-Range") @Nullable String contentRange) {
        RoutingContext routing = current.getCurrent();
        HttpServerRequest request = routing.request();
        BodyReader body = BodyReader.of(request, vertx, settings.idleTimeout());
        return organization(organization)
                .map(found -> new Upload(
                        found.id(),
                        checked(digest),
                        Range.of(Edge.fileLength(routing), contentRange),
                        caller.get().userId()))
                .chain(upload -> uploads.receive(upload, body::next))
                .map(FileResource::answer)
                .onFailure()
                .transform(failure -> closing(request, failure));
    }

    /** The rest of a body that is not wanted is not read. */
    private static Throwable closing(HttpServerRequest request, Throwable failure) {
        return failure instanceof Problem problem && !request.isEnded()
                ? problem.withHeader("Connection", "close")
                : failure;
    }

    private static RestResponse<FileView> answer(Uploads.Outcome outcome) {
        return switch (outcome) {
            case Uploads.Outcome.Created(var file) -> RestResponse.status(RestResponse.Status.CREATED, file);
            case Uploads.Outcome.Present(var file) -> RestResponse.ok(file);
            case Uploads.Outcome.Incomplete(long offset) ->
                RestResponse.ResponseBuilder.<FileView>create(RestResponse.Status.ACCEPTED)
                        .header(OFFSET, offset)
                        .build();
        };
    }

    private Uni<Organization> organization(String idOrName) {
        return access.organization(caller.get(), JsonBody.uuid(idOrName), idOrName)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")));
    }

    private static String checked(String digest) {
        if (!DIGEST.matcher(digest).matches()) {
            throw Problem.badRequest("invalid_digest", "digest", "must be 'sha256:' and 64 lower-case hex digits.");
        }
        return digest;
    }

    /** The same address as {@link #download}, which describes it. */
    @HEAD
    @Path("{digest}")
    @Operation(hidden = true)
    public Uni<RestResponse<Void>> look(
            @PathParam("organization") String organization, @PathParam("digest") String digest) {
        return organization(organization)
                .chain(found -> reads.touched(found.id(), checked(digest)))
                .map(found -> found.orElseThrow(() -> missing(0)))
                .map(FileResource::told);
    }

    private static Problem missing(long offset) {
        return Problem.notFound("file").withHeader(OFFSET, Long.toString(offset));
    }

    private static RestResponse<Void> told(FileView file) {
        if (file.storedAt() == null) {
            throw missing(file.received());
        }
        return RestResponse.ResponseBuilder.<Void>ok()
                .header(OFFSET, file.received())
                .header("Content-Length", file.bytes())
                .build();
    }

    @GET
    @Path("{digest}")
    @Produces(MediaType.APPLICATION_OCTET_STREAM)
    @Operation(operationId = "downloadFile", summary = "Downloads a file")
    @APIResponse(
            responseCode = "200",
            description = "The bytes of the file",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_OCTET_STREAM,
                            schema = @Schema(type = SchemaType.STRING, format = "binary")))
    public RestMulti<byte[]> download(
            @PathParam("organization") String organization, @PathParam("digest") String digest) {
        Uni<FileContents.Content> file = organization(organization)
                .chain(found -> contents.find(found.id(), checked(digest)))
                .map(found -> found.orElseThrow(() -> Problem.notFound("file")));
        return RestMulti.fromUniResponse(file, found -> StreamGuard.logged("file", found.pieces()));
    }

    /** Newest first. */
    @GET
    @Operation(
            operationId = "listFiles",
            summary = "Lists the uploaded files of an organization, newest first, with parts that are being uploaded")
    public Uni<Page<FileView>> list(
            @PathParam("organization") String organization,
            @QueryParam("digest") @Nullable String digest,
            @QueryParam("stored") @Nullable String stored,
            @QueryParam("used") @Nullable String used,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        Filter filter = new Filter(digest == null ? null : checked(digest), flag("stored", stored), flag("used", used));
        return organization(organization)
                .chain(found -> reads.list(found.id(), filter, page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, FileView::id));
    }

    private static @Nullable Boolean flag(String name, @Nullable String text) {
        if (text == null) {
            return null;
        }
        if (!text.equals("true") && !text.equals("false")) {
            throw Problem.badRequest("wrong_type", name, "must be true or false.");
        }
        return text.equals("true");
    }
}
