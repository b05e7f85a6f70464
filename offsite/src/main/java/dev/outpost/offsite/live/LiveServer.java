package dev.outpost.offsite.live;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Shows a federation over HTTP: {@code /} is a page for people, {@code /live.json} what it shows,
 * {@code /metrics} figures for Prometheus. Nothing can be changed through it, and nothing else is
 * served. It has no password: whoever reaches the port sees who takes part.
 */
public final class LiveServer implements AutoCloseable {
  private static final int CONNECTIONS = 64;
  private static final int SECONDS_OF_A_REQUEST = 10;
  private static final int SECONDS_OF_AN_ANSWER = 30;
  private static final int HEADER_BYTES = 16 << 10;

  private final HttpServer server;
  private final ExecutorService threads;
  private final LiveView view;
  private final LivePage page;
  private final String host;

  private record Body(String type, byte[] bytes) {
    Body(String type, String text) {
      this(type, text.getBytes(StandardCharsets.UTF_8));
    }
  }

  private LiveServer(
      HttpServer server, ExecutorService threads, LiveView view, LivePage page, String host) {
    this.server = server;
    this.threads = threads;
    this.view = view;
    this.page = page;
    this.host = host;
  }

  /**
   * Serves until it is closed.
   *
   * @param host name or address to be reached at; loopback is seen by this machine only
   * @param port 0 for any that is free
   * @param federation title of the page
   * @throws IOException naming host and port when they cannot be had
   */
  public static LiveServer start(LiveView view, String federation, String host, int port)
      throws IOException {
    limit("jdk.httpserver.maxConnections", CONNECTIONS);
    limit("sun.net.httpserver.maxReqTime", SECONDS_OF_A_REQUEST);
    limit("sun.net.httpserver.maxRspTime", SECONDS_OF_AN_ANSWER);
    limit("sun.net.httpserver.maxReqHeaderSize", HEADER_BYTES);
    LivePage page = LivePage.of(federation);
    HttpServer http;
    try {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getByName(host), port), 0);
    } catch (IOException e) {
      throw new IOException(
          "page: cannot listen on " + host + " port " + port + ": " + e.getMessage(), e);
    }
    ExecutorService threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("page-", 0).factory());
    LiveServer live = new LiveServer(http, threads, view, page, host);
    http.setExecutor(threads);
    http.createContext("/", live::handle);
    http.start();
    return live;
  }

  /** The JDK's server takes these from the process only; who set one on purpose keeps it. */
  private static void limit(String property, int value) {
    if (System.getProperty(property) == null) System.setProperty(property, Integer.toString(value));
  }

  /** Where it listens. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** Where a browser finds it. */
  public URI uri() {
    InetAddress at = server.getAddress().getAddress();
    String name = at.isAnyLocalAddress() ? "localhost" : host;
    return URI.create(
        "http://" + (name.contains(":") ? "[" + name + "]" : name) + ":" + port() + "/");
  }

  private void handle(HttpExchange x) throws IOException {
    try (x) {
      x.getResponseHeaders()
          .putAll(
              Map.of(
                  "Content-Security-Policy", List.of(page.policy()),
                  "X-Content-Type-Options", List.of("nosniff"),
                  "Referrer-Policy", List.of("no-referrer"),
                  "Cross-Origin-Resource-Policy", List.of("same-origin"),
                  "Cross-Origin-Opener-Policy", List.of("same-origin"),
                  "Cache-Control", List.of("no-cache")));
      String method = x.getRequestMethod();
      if (!expected(x.getRequestHeaders().getFirst("Host"))) {
        // A page from elsewhere that had its own name point to this machine.
        answer(x, 421, plain("This server is not called so."));
        return;
      }
      if (!method.equals("GET") && !method.equals("HEAD")) {
        x.getResponseHeaders().set("Allow", "GET, HEAD");
        answer(x, 405, plain("Nothing can be changed here."));
        return;
      }
      if (hasBody(x)) {
        x.getResponseHeaders().set("Connection", "close");
        answer(x, 413, plain("A question has no content."));
        return;
      }
      // Taken before the snapshot: at worst the same is asked for again.
      String version = "\"" + view.version() + "\"";
      switch (x.getRequestURI().getRawPath()) {
        case "/" -> answer(x, 200, new Body("text/html; charset=utf-8", page.html()));
        case "/live.json" -> {
          x.getResponseHeaders().set("ETag", version);
          if (version.equals(x.getRequestHeaders().getFirst("If-None-Match")))
            x.sendResponseHeaders(304, -1);
          else answer(x, 200, new Body("application/json", LiveJson.of(view.snapshot()).toLine()));
        }
        case "/metrics" ->
            answer(x, 200, new Body(Exposition.TYPE, Exposition.of(view.snapshot())));
        case null, default -> answer(x, 404, plain("There is no such page."));
      }
    }
  }

  private static boolean hasBody(HttpExchange x) {
    String length = x.getRequestHeaders().getFirst("Content-Length");
    return x.getRequestHeaders().containsKey("Transfer-Encoding")
        || (length != null && !length.equals("0"));
  }

  /** Whether a request was meant for this server: by address, or by a name that it goes by. */
  private boolean expected(@Nullable String header) {
    if (header == null) return false;
    String name = header.toLowerCase(Locale.ROOT).replaceFirst(":[0-9]{1,5}$", "");
    return name.equals("localhost")
        || name.equals(host.toLowerCase(Locale.ROOT))
        || name.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}|\\[[0-9a-f:.]+]");
  }

  private static Body plain(String text) {
    return new Body("text/plain; charset=utf-8", text + "\n");
  }

  private static void answer(HttpExchange x, int status, Body body) throws IOException {
    x.getResponseHeaders().set("Content-Type", body.type());
    boolean head = x.getRequestMethod().equals("HEAD");
    if (head) x.getResponseHeaders().set("Content-Length", "" + body.bytes().length);
    x.sendResponseHeaders(status, head ? -1 : body.bytes().length);
    if (head) return;
    // Closed before what was sent is read to its end: who sends no end has its answer by then.
    try (OutputStream to = x.getResponseBody()) {
      to.write(body.bytes());
    }
  }

  /** Stops; answers under way are broken off. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
