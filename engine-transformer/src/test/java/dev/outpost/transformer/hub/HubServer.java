package dev.outpost.transformer.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * A hub on this machine: one server with the models' lists and small files, another as the storage
 * behind it that large files are redirected to. Both can be told to misbehave.
 */
public final class HubServer implements AutoCloseable {
  /** One request as it came. */
  public record Request(boolean storage, String method, String path, Headers headers) {
    String range() {
      return headers.getFirst("Range");
    }

    boolean isFileOf(String name) {
      return method.equals("GET") && path.endsWith("/" + name);
    }
  }

  /** What to do with one request instead of answering it properly. */
  @FunctionalInterface
  public interface Fault {
    void answer(HttpExchange exchange, byte[] content) throws IOException;

    /** The whole length is announced, some bytes come, then the line is cut. */
    static Fault cutAfter(int bytes) {
      return (e, content) -> {
        int from = from(e);
        answerRange(e, content, from);
        e.getResponseBody().write(content, from, Math.min(bytes, content.length - from));
        e.getResponseBody().flush();
        throw new IOException("the line is cut");
      };
    }

    /** A byte of the content is another. */
    static Fault corrupt(int at) {
      return (e, content) -> {
        byte[] other = content.clone();
        other[at] ^= 1;
        whole(e, other);
      };
    }

    /** A refusal with headers in pairs. */
    static Fault status(int status, String... headers) {
      return (e, content) -> {
        for (int i = 0; i < headers.length; i += 2)
          e.getResponseHeaders().set(headers[i], headers[i + 1]);
        e.sendResponseHeaders(status, -1);
      };
    }

    /** As if no range had been asked for. */
    static Fault wholeAnyway() {
      return HubServer::whole;
    }

    /** Another part than was asked for. */
    static Fault anotherPart(int from) {
      return (e, content) -> {
        e.getResponseHeaders()
            .set(
                "Content-Range",
                "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        e.sendResponseHeaders(206, content.length - from);
        e.getResponseBody().write(content, from, content.length - from);
      };
    }

    /** More than was announced by the list. */
    static Fault tooLong(int more) {
      return (e, content) -> whole(e, Arrays.copyOf(content, content.length + more));
    }

    /** Zeros without an end. */
    static Fault endless() {
      return (e, content) -> {
        e.sendResponseHeaders(200, 0);
        // Ends when the other side hangs up.
        while (true) {
          e.getResponseBody().write(new byte[content.length]);
          e.getResponseBody().flush();
        }
      };
    }

    /** Some bytes, then silence until the latch opens. */
    static Fault hangAfter(int bytes, CountDownLatch sent, CountDownLatch until) {
      return (e, content) -> {
        int from = from(e);
        answerRange(e, content, from);
        e.getResponseBody().write(content, from, bytes);
        e.getResponseBody().flush();
        sent.countDown();
        try {
          until.await();
        } catch (InterruptedException i) {
          Thread.currentThread().interrupt();
        }
        throw new IOException("the line is cut");
      };
    }

    /** In tiny pieces. */
    static Fault slowly(int piece) {
      return (e, content) -> {
        int from = from(e);
        answerRange(e, content, from);
        OutputStream out = e.getResponseBody();
        for (int i = from; i < content.length; i += piece) {
          out.write(content, i, Math.min(piece, content.length - i));
          out.flush();
        }
      };
    }
  }

  private record Model(String commit, Map<String, byte[]> files) {}

  private final HttpServer hub;
  private final HttpServer storage;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Model> revisions = new ConcurrentHashMap<>();
  private final Map<String, Deque<Fault>> faults = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile String neededToken = "";
  private final Map<String, JsonObject> lists = new ConcurrentHashMap<>();
  private final Map<String, Map<String, String>> headers = new ConcurrentHashMap<>();

  public HubServer() throws IOException {
    hub = server(false);
    storage = server(true);
  }

  private HttpServer server(boolean isStorage) throws IOException {
    HttpServer s = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    s.setExecutor(threads);
    s.createContext(
        "/",
        e -> {
          try (e) {
            String path = e.getRequestURI().getPath();
            Headers copy = new Headers();
            copy.putAll(e.getRequestHeaders());
            requests.add(new Request(isStorage, e.getRequestMethod(), path, copy));
            if (isStorage) content(e, path.substring(1), true);
            else hub(e, path);
          }
        });
    s.start();
    return s;
  }

  /** The hub's address. */
  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  /** Settings for a cache of this hub's models. */
  public HubSettings settings(Path cache) {
    return new HubSettings(cache, endpoint(), null, false, true);
  }

  /** Puts files at a model's revision and returns the commit. */
  public String put(String id, String revision, Map<String, byte[]> files) {
    MessageDigest d = digest("SHA-1");
    new TreeMap<>(files)
        .forEach((name, bytes) -> {
          d.update(name.getBytes(StandardCharsets.UTF_8));
          d.update(bytes);
        });
    String commit = HexFormat.of().formatHex(d.digest());
    Model m = new Model(commit, new LinkedHashMap<>(files));
    revisions.put(id + "@" + revision, m);
    revisions.put(id + "@" + commit, m);
    return commit;
  }

  /** Puts a folder of files at a model's main revision. */
  public String put(String id, Path folder) throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path p : all.filter(Files::isRegularFile).sorted().toList())
        files.put(folder.relativize(p).toString().replace('\\', '/'), Files.readAllBytes(p));
    }
    return put(id, "main", files);
  }

  /** The next requests of a file's bytes, or of a path of the hub, go this way instead. */
  public void misbehave(String fileOrPath, Fault... next) {
    faults.computeIfAbsent(fileOrPath, f -> new ArrayDeque<>()).addAll(List.of(next));
  }

  /** Whoever does not show this token is turned away. */
  public void require(String token) {
    neededToken = token;
  }

  /** The list of a revision's files is this. */
  public void list(String id, JsonObject answer) {
    lists.put(id, answer);
  }

  /** A file's answers of the hub say this besides, or instead. */
  public void header(String file, String name, String value) {
    headers.computeIfAbsent(file, f -> new ConcurrentHashMap<>()).put(name, value);
  }

  /** All requests so far. */
  public List<Request> requests() {
    return List.copyOf(requests);
  }

  public void forgetRequests() {
    requests.clear();
  }

  /** Requests for a file's bytes that reached the server that has them. */
  public List<Request> fetches(String file) {
    return requests.stream()
        .filter(
            r -> r.isFileOf(file) && (r.storage() || r.path().startsWith("/api/resolve-cache/")))
        .toList();
  }

  private void hub(HttpExchange e, String path) throws IOException {
    Fault fault = next(path);
    if (fault != null) {
      fault.answer(e, new byte[0]);
      return;
    }
    if (!neededToken.isEmpty()
        && !("Bearer " + neededToken).equals(e.getRequestHeaders().getFirst("Authorization"))) {
      Fault.status(
              401,
              "X-Error-Code",
              "RepoNotFound",
              "X-Error-Message",
              "Invalid username or password.")
          .answer(e, new byte[0]);
      return;
    }
    String[] part = path.substring(1).split("/", -1);
    if (path.startsWith("/api/models/")) {
      String id = part[2] + "/" + part[3];
      Model m = revisions.get(id + "@" + decoded(e.getRequestURI().getRawPath().split("/", -1)[6]));
      if (lists.containsKey(id)) json(e, lists.get(id).toLine());
      else if (m == null) notFound(e, id);
      else json(e, part[4].equals("tree") ? tree(m) : info(id, m).toLine());
    } else if (path.startsWith("/api/resolve-cache/")) {
      content(e, path.substring("/api/resolve-cache/".length()), false);
    } else if (part.length > 4 && part[2].equals("resolve")) {
      resolve(
          e,
          part[0] + "/" + part[1],
          part[3],
          String.join("/", Arrays.copyOfRange(part, 4, part.length)));
    } else Fault.status(404).answer(e, new byte[0]);
  }

  private void notFound(HttpExchange e, String id) throws IOException {
    boolean known = revisions.keySet().stream().anyMatch(k -> k.startsWith(id + "@"));
    Fault.status(known ? 404 : 401, "X-Error-Code", known ? "RevisionNotFound" : "RepoNotFound")
        .answer(e, new byte[0]);
  }

  private Fault next(String key) {
    Deque<Fault> waiting = faults.get(key);
    if (waiting == null) return null;
    synchronized (waiting) {
      return waiting.poll();
    }
  }

  /** Small files are on the hub, under another path; large ones are in the storage. */
  private void resolve(HttpExchange e, String id, String revision, String file) throws IOException {
    Model m = revisions.get(id + "@" + revision);
    byte[] content = m == null ? null : m.files().get(file);
    if (content == null) {
      Fault.status(404, "X-Error-Code", "EntryNotFound").answer(e, new byte[0]);
      return;
    }
    Headers h = e.getResponseHeaders();
    h.set("X-Repo-Commit", m.commit());
    String at =
        id.replace('/', '=')
            + "@"
            + m.commit()
            + "/"
            + e.getRequestURI().getRawPath().split("/", 6)[5];
    if (isLarge(file)) {
      h.set("X-Linked-Etag", '"' + sha256(content) + '"');
      h.set("X-Linked-Size", "" + content.length);
      h.set(
          "Location",
          "http://localhost:" + storage.getAddress().getPort() + "/" + at + "?signature=secret");
    } else h.set("Location", "/api/resolve-cache/" + at);
    headers.getOrDefault(file, Map.of()).forEach(h::set);
    e.sendResponseHeaders(isLarge(file) ? 302 : 307, -1);
  }

  private static boolean isLarge(String file) {
    return file.matches(".*\\.(safetensors|bin|h5|onnx|gguf)");
  }

  private void content(HttpExchange e, String at, boolean isStorage) throws IOException {
    int slash = at.indexOf('/');
    String file = at.substring(slash + 1);
    byte[] content = revisions.get(at.substring(0, slash).replace('=', '/')).files().get(file);
    if (!isStorage) {
      e.getResponseHeaders().set("ETag", "W/\"" + git(content) + '"');
      e.getResponseHeaders().set("X-Repo-Commit", at.substring(at.indexOf('@') + 1, slash));
      headers.getOrDefault(file, Map.of()).forEach(e.getResponseHeaders()::set);
    } else e.getResponseHeaders().set("ETag", "\"another-etag-of-the-storage\"");
    if (e.getRequestMethod().equals("HEAD")) {
      e.getResponseHeaders().set("Content-Length", "" + content.length);
      e.sendResponseHeaders(200, -1);
      return;
    }
    Fault fault = next(file);
    if (fault != null) {
      fault.answer(e, content);
      return;
    }
    int from = from(e);
    if (from > content.length) {
      e.sendResponseHeaders(416, -1);
      return;
    }
    answerRange(e, content, from);
    e.getResponseBody().write(content, from, content.length - from);
  }

  private static int from(HttpExchange e) {
    String range = e.getRequestHeaders().getFirst("Range");
    return range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
  }

  private static void whole(HttpExchange e, byte[] content) throws IOException {
    answerRange(e, content, 0);
    e.getResponseBody().write(content);
  }

  private static void answerRange(HttpExchange e, byte[] content, int from) throws IOException {
    if (from > 0)
      e.getResponseHeaders()
          .set(
              "Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
    // To this server a length of 0 means "unknown", −1 means none.
    e.sendResponseHeaders(
        from > 0 ? 206 : 200, content.length == from ? -1 : content.length - from);
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  private static void json(HttpExchange e, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    e.getResponseHeaders().set("Content-Type", "application/json");
    e.sendResponseHeaders(200, bytes.length);
    e.getResponseBody().write(bytes);
  }

  static JsonObject info(String commit, List<String> names) {
    return JsonObject.create()
        .put("sha", commit)
        .put(
            "siblings",
            names.stream()
                .map(n -> JsonObject.create().put("rfilename", n).put("size", 1))
                .toList());
  }

  private static JsonObject info(String id, Model m) {
    List<JsonObject> siblings = new ArrayList<>();
    m.files()
        .forEach((name, content) -> {
          JsonObject o =
              JsonObject.create()
                  .put("rfilename", name)
                  .put("size", content.length)
                  .put("blobId", git(content));
          if (isLarge(name))
            o.put(
                "lfs",
                JsonObject.create()
                    .put("sha256", sha256(content))
                    .put("size", content.length)
                    .put("pointerSize", 134));
          siblings.add(o);
        });
    return JsonObject.create()
        .put("id", id)
        .put("sha", m.commit())
        .put("private", false)
        .put("gated", false)
        .put("siblings", siblings);
  }

  private static String tree(Model m) {
    List<String> files = new ArrayList<>();
    m.files()
        .forEach((name, content) -> {
          JsonObject o =
              JsonObject.create()
                  .put("type", "file")
                  .put("path", name)
                  .put("size", content.length)
                  .put("oid", git(content));
          if (isLarge(name))
            o.put(
                "lfs",
                JsonObject.create()
                    .put("oid", sha256(content))
                    .put("size", content.length)
                    .put("pointerSize", 134));
          files.add(o.toLine());
        });
    return "[" + String.join(",", files) + "]";
  }

  static String sha256(byte[] content) {
    return HexFormat.of().formatHex(digest("SHA-256").digest(content));
  }

  static String git(byte[] content) {
    MessageDigest d = digest("SHA-1");
    d.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(d.digest(content));
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    storage.stop(0);
    threads.shutdownNow();
  }

  /** By hand: a folder as the model {@code owner/name}, until the process is ended. */
  public static void main(String[] args) throws Exception {
    HubServer s = new HubServer();
    System.out.println(s.endpoint() + " " + s.put(args[0], Path.of(args[1])));
    for (int i = 2; i < args.length; i += 2)
      s.misbehave(args[i], Fault.cutAfter(Integer.parseInt(args[i + 1])));
    Thread.currentThread().join();
  }
}
