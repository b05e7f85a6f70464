package dev.outpost.offsite.app;

import dev.outpost.offsite.live.LiveServer;
import dev.outpost.offsite.live.LiveView;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether and where a federation can be looked at. */
final class LiveOptions {
  @Option(
      names = "--page",
      paramLabel = "PORT",
      description =
          "Show the federation on a page at this port, with /metrics for Prometheus; 0 takes a free one. Default: none.")
  @Nullable Integer port;

  @Option(
      names = "--page-host",
      paramLabel = "HOST",
      description =
          "Where the page listens. It asks for no password and tells who takes part. Default: ${DEFAULT-VALUE}, this machine only.")
  String host = "127.0.0.1";

  /** What is shown, if anything. */
  record Shown(@Nullable LiveServer server) implements AutoCloseable {
    @Override
    public void close() {
      if (server != null) server.close();
    }
  }

  /** Begins to show. */
  Shown show(Console console, LiveView view, String federation) throws IOException {
    if (port == null) return new Shown(null);
    BadInput.unless(port >= 0 && port <= 65535, "--page: must be 0 to 65535, got " + port);
    LiveServer server = LiveServer.start(view, federation, host, port);
    console.note("the federation can be looked at: " + server.uri());
    console.emit(
        JsonObject.create()
            .put("event", "page")
            .put("uri", server.uri().toString())
            .put("port", server.port()));
    return new Shown(server);
  }
}
