package dev.outpost.transformer.hub;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a hub answers, over the JDK's HTTP client. Redirects are followed here rather than there:
 * the token may go to the hub only, and what a file is called is said by the first answer, not by
 * the storage it leads to.
 */
final class HubClient implements AutoCloseable {
  private static final int HOPS = 8;
  private static final long MOST_TEXT = 16L << 20;
  private static final String COMMIT = "X-Repo-Commit";
  private static final String LINKED_ETAG = "X-Linked-Etag";
  private static final String LINKED_SIZE = "X-Linked-Size";

  private final HubSettings settings;
  private final Patience patience;
  // One connection per file: over HTTP/2 all would share one, and its window.
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(Duration.ofSeconds(20))
          .build();

  HubClient(HubSettings settings, Patience patience) {
    this.settings = settings;
    this.patience = patience;
  }

  /** A model at one commit: its files, and what is known of each. */
  record Listing(String commit, List<Entry> files) {
    /**
     * @param size bytes, −1 when not told
     * @param checksum empty when not told
     */
    record Entry(String name, long size, Optional<Checksum> checksum) {}
  }

  /** An answer's status and headers at each place that redirects led to, the hub's first. */
  private record Answer<T>(HttpResponse<T> last, List<HttpHeaders> ofHub, URI at) {}

  @Override
  public void close() {
    http.shutdownNow();
  }

  /** The commit that the model's revision stands for now, and its files. */
  Listing listing(HubModel model) throws IOException {
    URI at =
        URI.create(
            settings.endpoint()
                + "/api/models/"
                + model.id()
                + "/revision/"
                + encoded(model.revision())
                + "?blobs=true");
    HttpResponse<String> answer = send("GET", at, 0, text(), () -> 0).last();
    if (answer.statusCode() != 200) throw refusal(model, null, answer);
    String source = plain(at);
    JsonObject o = JsonObject.parse(source, answer.body());
    String commit = commit(source, o.string("sha"));
    List<Listing.Entry> files = new ArrayList<>();
    for (JsonObject file : o.objects("siblings")) files.add(entry(file));
    return new Listing(commit, files);
  }

  private static Listing.Entry entry(JsonObject file) throws FormatException {
    Optional<String> sum =
        file.has("lfs")
            ? file.object("lfs").optionalString("sha256")
            : file.optionalString("blobId");
    return new Listing.Entry(
        file.string("rfilename"),
        file.has("size") ? file.integer("size") : -1,
        sum.flatMap(Checksum::of));
  }

  private static String commit(String source, String sha) throws HubException {
    if (!HubModel.isCommit(sha))
      throw new HubException(
          source
              + ": names the commit "
              + RemoteName.shown(sha)
              + ", which is none; is this a hub?");
    return sha;
  }

  /** Name, size and checksum of a file, as the hub's own client would ask for them. */
  RemoteFile head(HubModel model, String commit, Listing.Entry entry) throws IOException {
    URI at = resolve(model, commit, entry.name());
    Answer<String> answer = send("HEAD", at, 0, text(), () -> 0);
    int status = answer.last().statusCode();
    boolean elsewhere = isRedirect(status);
    if (status != 200 && !elsewhere) throw refusal(model, entry.name(), answer.last());
    String source = plain(at);
    String etag =
        etag(answer)
            .orElseThrow(
                () -> new HubException(source + ": comes without an ETag; is this a hub?"));
    if (!RemoteName.isPlain(etag) || etag.startsWith("."))
      throw new HubException(
          source + ": its ETag " + RemoteName.shown(etag) + " cannot name a file");
    Optional<String> told = header(answer, COMMIT);
    if (told.isPresent() && !told.get().equals(commit))
      throw new HubException(
          source
              + ": belongs to the commit "
              + RemoteName.shown(told.get())
              + ", not to the one asked for");
    return new RemoteFile(
        entry.name(),
        etag,
        size(source, answer, elsewhere, entry),
        Checksum.of(etag).or(entry::checksum));
  }

  private static long size(String source, Answer<?> answer, boolean elsewhere, Listing.Entry entry)
      throws HubException {
    Optional<String> told = header(answer, LINKED_SIZE);
    if (told.isEmpty() && !elsewhere) told = answer.last().headers().firstValue("Content-Length");
    long size =
        told.isPresent() && told.get().matches("\\d{1,15}")
            ? Long.parseLong(told.get())
            : entry.size();
    if (size < 0) throw new HubException(source + ": the hub does not tell how long the file is");
    if (entry.size() >= 0 && entry.size() != size)
      throw new HubException(source + ": has " + size + " bytes, its list says " + entry.size());
    return size;
  }

  /** Fetches what {@code part} lacks of a file. */
  void fetch(HubModel model, String commit, RemoteFile file, BlobPart part) throws IOException {
    URI at = resolve(model, commit, file.name());
    long from = part.begin();
    Answer<Long> answer = send("GET", at, from, part, part::length);
    int status = answer.last().statusCode();
    String source = plain(answer.at());
    if (status == 416) {
      // What is here is longer than what is there.
      part.restart();
      throw new IOException(source + ": cannot go on at byte " + from);
    }
    if (status != 200 && status != 206) throw refusal(model, file.name(), answer.last());
    Optional<String> etag = etag(answer);
    if (etag.isPresent() && !etag.get().equals(file.etag())) {
      part.restart();
      throw new HubException(
          source + ": changed on the hub while it was fetched; run the same command again");
    }
  }

  private URI resolve(HubModel model, String commit, String file) {
    StringBuilder path = new StringBuilder();
    for (String part : file.split("/", -1)) path.append('/').append(encoded(part));
    return URI.create(settings.endpoint() + "/" + model.id() + "/resolve/" + commit + path);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** The hub's own word for a file's content, from whichever of its answers holds it. */
  private static Optional<String> etag(Answer<?> answer) {
    Optional<String> linked = header(answer, LINKED_ETAG);
    // An ETag of the storage behind the hub is another matter.
    if (linked.isEmpty() && answer.ofHub().contains(answer.last().headers()))
      linked = answer.last().headers().firstValue("ETag");
    return linked.map(e -> e.replaceFirst("^W/", "").replaceAll("^\"|\"$", ""));
  }

  private static Optional<String> header(Answer<?> answer, String name) {
    return answer.ofHub().stream().flatMap(h -> h.firstValue(name).stream()).findFirst();
  }

  /**
   * One request, its redirects followed; a HEAD only within the hub.
   *
   * @param from first byte wanted
   * @param received grows while data comes
   */
  private <T> Answer<T> send(
      String method, URI start, long from, BodyHandler<T> body, LongSupplier received)
      throws IOException {
    URI at = start;
    List<HttpHeaders> ofHub = new ArrayList<>();
    for (int hop = 0; hop <= HOPS; hop++) {
      boolean hub = sameHost(at, settings.endpoint());
      HttpResponse<T> answer = exchange(request(method, at, from, hub), body, received);
      if (hub) ofHub.add(answer.headers());
      Optional<String> location = answer.headers().firstValue("Location");
      if (!isRedirect(answer.statusCode()) || location.isEmpty())
        return new Answer<>(answer, ofHub, at);
      URI next = next(at, location.get());
      if (method.equals("HEAD") && !sameHost(next, settings.endpoint()))
        return new Answer<>(answer, ofHub, at);
      at = next;
    }
    throw new HubException(plain(start) + ": is redirected in a circle");
  }

  private static URI next(URI at, String location) throws HubException {
    URI next;
    try {
      next = at.resolve(location);
    } catch (IllegalArgumentException e) {
      next = at.resolve("#");
    }
    String scheme = String.valueOf(next.getScheme()).toLowerCase(Locale.ROOT);
    boolean weaker = at.getScheme().equalsIgnoreCase("https") && !scheme.equals("https");
    if (next.getHost() == null
        || weaker
        || !scheme.startsWith("http")
        || next.getFragment() != null)
      throw new HubException(
          plain(at) + ": is redirected to where it cannot be fetched from safely");
    return next;
  }

  private HttpRequest request(String method, URI at, long from, boolean hub) {
    HttpRequest.Builder b =
        HttpRequest.newBuilder(at)
            .header("User-Agent", "outpost; java/" + Runtime.version().feature())
            .header("Accept-Encoding", "identity");
    if (hub && settings.token() != null) b.header("Authorization", "Bearer " + settings.token());
    if (from > 0) b.header("Range", "bytes=" + from + "-");
    return method.equals("HEAD") ? b.HEAD().build() : b.GET().build();
  }

  /** Waits for an answer and its body as long as something comes. */
  private <T> HttpResponse<T> exchange(
      HttpRequest request, BodyHandler<T> body, LongSupplier received) throws IOException {
    CompletableFuture<HttpResponse<T>> answer = http.sendAsync(request, body);
    String source = plain(request.uri());
    long seen = received.getAsLong();
    while (true) {
      try {
        HttpResponse<T> got = answer.get(patience.stall().toMillis(), TimeUnit.MILLISECONDS);
        refuseBusy(source, got);
        return got;
      } catch (TimeoutException e) {
        long now = received.getAsLong();
        if (now == seen) {
          answer.cancel(true);
          throw new HttpTimeoutException(
              source + ": nothing came for " + patience.stall().toSeconds() + " s");
        }
        seen = now;
      } catch (InterruptedException e) {
        answer.cancel(true);
        Thread.currentThread().interrupt();
        throw new InterruptedIOException(source + ": interrupted");
      } catch (ExecutionException e) {
        throw failure(source, e.getCause());
      }
    }
  }

  private static IOException failure(String source, @Nullable Throwable cause) {
    return switch (cause) {
      case HubException h -> h;
      case Patience.LocalException l -> l;
      case javax.net.ssl.SSLHandshakeException s -> s;
      case ConnectException c ->
          new IOException(source + ": cannot be reached; --offline uses what is in the cache", c);
      case IOException io -> new IOException(source + ": " + reason(io), io);
      case null, default -> new IOException(source + ": " + cause, cause);
    };
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? "the connection was lost" : e.getMessage();
  }

  private static void refuseBusy(String source, HttpResponse<?> answer)
      throws Patience.BusyException {
    int status = answer.statusCode();
    if (status != 429 && status != 408 && status < 500) return;
    Optional<Duration> after =
        answer
            .headers()
            .firstValue("Retry-After")
            .filter(s -> s.matches("\\d{1,6}"))
            .map(s -> Duration.ofSeconds(Long.parseLong(s)));
    throw new Patience.BusyException(
        source + ": the server is busy (status " + status + ")", after);
  }

  /** Why the hub did not give a file, or the list of files, and what to do. */
  private HubException refusal(HubModel model, @Nullable String file, HttpResponse<?> answer) {
    int status = answer.statusCode();
    String code = answer.headers().firstValue("X-Error-Code").orElse("");
    String page = settings.endpoint() + "/" + model.id();
    boolean known = settings.token() != null;
    String what = file == null ? model.toString() : model + ": " + file;
    String cause =
        switch (code) {
          case "GatedRepo" ->
              known
                  ? "the account of your access token may not read it; ask for access at " + page
                  : "its owner asks who reads it: accept the conditions at "
                      + page
                      + ", then set HF_TOKEN to an access token";
          case "RevisionNotFound" -> "there is no revision " + model.revision() + "; see " + page;
          case "EntryNotFound" -> "there is no such file at this revision";
          default ->
              switch (status) {
                case 401, 404 ->
                    known
                        ? "there is no such model, or your access token does not reach it; check the name at "
                            + page
                        : "there is no such public model; check the name at "
                            + page
                            + ", and set HF_TOKEN if it is a private one";
                case 403 ->
                    "reading it is not permitted"
                        + (known ? " with your access token" : "; set HF_TOKEN");
                default -> "the hub answered with status " + status;
              };
        };
    String words =
        answer
            .headers()
            .firstValue("X-Error-Message")
            .map(m -> " (the hub says " + RemoteName.shown(m) + ")")
            .orElse("");
    return new HubException(what + ": " + cause + words);
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  /** One scheme, host and port. */
  private static boolean sameHost(URI a, URI b) {
    return a.getScheme().equalsIgnoreCase(b.getScheme())
        && a.getHost().equalsIgnoreCase(b.getHost())
        && port(a) == port(b);
  }

  private static int port(URI u) {
    if (u.getPort() >= 0) return u.getPort();
    return u.getScheme().equalsIgnoreCase("https") ? 443 : 80;
  }

  /** An address as it may be shown: a signed one carries its key behind the question mark. */
  private static String plain(URI at) {
    String text = at.toString();
    int query = text.indexOf('?');
    return query < 0 ? text : text.substring(0, query);
  }

  private static BodyHandler<String> text() {
    return info ->
        BodySubscribers.limiting(BodySubscribers.ofString(StandardCharsets.UTF_8), MOST_TEXT);
  }
}
