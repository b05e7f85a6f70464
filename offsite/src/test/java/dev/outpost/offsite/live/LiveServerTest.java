package dev.outpost.offsite.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Over the wire as a browser, a scraper and somebody else would speak to it. */
final class LiveServerTest {
  private static final String NASTY =
      "</script><img src=x onerror=alert(1)> & \"q\" 'a' \\ \n ä 😀";

  private final Fictitious federation = new Fictitious(3, 5).run(2);
  private LiveServer server;

  @BeforeEach
  void start() throws Exception {
    server = LiveServer.start(federation.view, "wards <&\">", "127.0.0.1", 0);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private record Reply(String head, String body) {
    int status() {
      return Integer.parseInt(head.split(" ", 3)[1]);
    }

    String header(String name) {
      Matcher m = Pattern.compile("(?im)^" + name + ": (.*?)\r?$").matcher(head);
      return m.find() ? m.group(1) : "";
    }
  }

  private Reply raw(String request) throws IOException {
    try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port());
        OutputStream out = s.getOutputStream();
        InputStream in = s.getInputStream()) {
      out.write(request.getBytes(StandardCharsets.UTF_8));
      out.flush();
      String all = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      int cut = all.indexOf("\r\n\r\n");
      return new Reply(all.substring(0, cut), all.substring(cut + 4));
    }
  }

  private Reply ask(String method, String path, String host, String more) throws IOException {
    return raw(
        method
            + " "
            + path
            + " HTTP/1.1\r\nHost: "
            + host
            + "\r\nConnection: close\r\n"
            + more
            + "\r\n");
  }

  private Reply get(String path) throws IOException {
    return ask("GET", path, "127.0.0.1:" + server.port(), "");
  }

  private static String digest(String text) throws Exception {
    byte[] sha = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return "'sha256-" + Base64.getEncoder().encodeToString(sha) + "'";
  }

  @Test
  void thePageRunsWhatItCarriesAndNothingElse() throws Exception {
    Reply page = get("/");
    assertThat(page.status()).isEqualTo(200);
    assertThat(page.header("Content-Type")).isEqualTo("text/html; charset=utf-8");
    assertThat(page.body()).contains("<h1>wards &lt;&amp;&quot;&gt;</h1>").contains("Chart.js v");
    assertThat(page.body()).doesNotContain("{style}", "{charts}", "{federation}");
    String policy = page.header("Content-Security-Policy");
    assertThat(policy)
        .startsWith("default-src 'none'; script-src 'sha256-")
        .contains("connect-src 'self';", "base-uri 'none'", "frame-ancestors 'none'")
        .doesNotContain("unsafe", "http", "*");
    Matcher scripts = Pattern.compile("(?s)<script>(.*?)</script>").matcher(page.body());
    for (int i = 0; i < 2; i++) {
      assertThat(scripts.find()).isTrue();
      assertThat(policy).contains(digest(scripts.group(1)));
    }
    assertThat(scripts.find()).isFalse();
    Matcher style = Pattern.compile("(?s)<style>(.*?)</style>").matcher(page.body());
    assertThat(style.find()).isTrue();
    assertThat(policy).contains("style-src " + digest(style.group(1)));
    String markup = page.body().replaceAll("(?s)<(script|style)>.*?</\\1>", "");
    assertThat(markup)
        .as("needs nothing from elsewhere, and nothing that the policy would forbid")
        .doesNotContain("src=", "style=", "onclick", "//");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/live.json", "/metrics", "/nowhere"})
  void everyAnswerIsGuarded(String path) throws Exception {
    Reply r = get(path);
    assertThat(r.header("Content-Security-Policy")).startsWith("default-src 'none'");
    assertThat(r.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(r.header("Referrer-Policy")).isEqualTo("no-referrer");
    assertThat(r.header("Cross-Origin-Resource-Policy")).isEqualTo("same-origin");
    assertThat(r.head()).doesNotContainIgnoringCase("Access-Control");
  }

  @Test
  void tellsAllOfItAsJson() throws Exception {
    federation.refused("turned-away", "-", NASTY);
    Reply r = get("/live.json");
    assertThat(r.header("Content-Type")).isEqualTo("application/json");
    JsonObject o = JsonObject.parse("live.json", r.body());
    assertThat(o.string("federation")).isEqualTo("wards");
    assertThat(o.strings("emulators")).isEqualTo(Fictitious.EMULATORS);
    assertThat(o.integer("done")).isEqualTo(2);
    assertThat(o.objects("rounds")).hasSize(3);
    JsonObject round = o.objects("rounds").getFirst();
    assertThat(round.number("loss_before", 0)).isGreaterThan(round.number("loss_after", 9));
    assertThat(round.number("plug_in", 0)).isEqualTo(28.5);
    assertThat(o.objects("rounds").getLast().value("closed")).isNull();
    assertThat(o.objects("clients")).hasSize(3);
    JsonObject client = o.objects("clients").getFirst();
    assertThat(client.string("name")).isEqualTo("ward-000");
    assertThat(client.string("outcomes")).hasSize(3);
    assertThat(client.string("choices").split(" ", -1)).hasSize(3);
    assertThat(o.objects("incidents").getFirst().string("reason")).isEqualTo(NASTY);
    assertThat(o.object("totals").integer("accepted"))
        .isEqualTo(federation.view.snapshot().totals().accepted());
  }

  @Test
  void whatDidNotChangeIsNotSentAgain() throws Exception {
    String tag = get("/live.json").header("ETag");
    String host = "localhost:" + server.port();
    String known = "If-None-Match: " + tag + "\r\n";
    Reply same = ask("GET", "/live.json", host, known);
    assertThat(same.status()).isEqualTo(304);
    assertThat(same.body()).isEmpty();
    federation.refused("refused", "ward-001", "spoke too often");
    Reply changed = ask("GET", "/live.json", host, known);
    assertThat(changed.status()).isEqualTo(200);
    assertThat(changed.header("ETag")).isNotEqualTo(tag);
    assertThat(changed.body()).contains("spoke too often");
  }

  @Test
  void theCodeOfThePageWritesNoMarkup() throws Exception {
    // With the policy, all that stands between a reason from outside and the page.
    String code = dev.outpost.offsite.page.Html.resource(LivePage.class, "page.js");
    assertThat(code)
        .doesNotContain("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
        .doesNotContain("new Function", "javascript:", "http:", "https:");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/nowhere",
        "/live.json/",
        "/../etc/passwd",
        "/%2e%2e/",
        "/metrics%00",
        "/LIVE.JSON"
      })
  void otherPathsAreNotThere(String path) throws Exception {
    Reply r = get(path);
    assertThat(r.status()).isEqualTo(404);
    assertThat(r.body()).isEqualTo("There is no such page.\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"})
  void nothingCanBeChanged(String method) throws Exception {
    Reply r = ask(method, "/live.json", "localhost", "");
    assertThat(r.status()).isEqualTo(405);
    assertThat(r.header("Allow")).isEqualTo("GET, HEAD");
  }

  @Test
  void aQuestionHasNoContent() throws Exception {
    String head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    assertThat(raw(head + "Content-Length: 3\r\n\r\nabc").status()).isEqualTo(413);
    String chunked = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assertThat(raw(head + chunked).status()).isEqualTo(413);
  }

  @Test
  void headTellsTheLengthOnly() throws Exception {
    Reply r = ask("HEAD", "/", "localhost", "");
    assertThat(r.status()).isEqualTo(200);
    assertThat(r.body()).isEmpty();
    assertThat(Integer.parseInt(r.header("Content-Length"))).isGreaterThan(100_000);
  }

  @ParameterizedTest
  @CsvSource({
    "localhost, 200",
    "LOCALHOST:80, 200",
    "127.0.0.1:9, 200",
    "[::1]:9, 200",
    "evil.example, 421",
    "localhost.evil.example, 421",
    "127.0.0.1.evil.example, 421"
  })
  void aPageFromElsewhereCannotReadItByAName(String host, int status) throws Exception {
    assertThat(ask("GET", "/live.json", host, "").status()).isEqualTo(status);
  }

  @Test
  void metricsAreFiguresForPrometheus() throws Exception {
    Reply r = get("/metrics");
    assertThat(r.header("Content-Type")).isEqualTo("text/plain; version=0.0.4; charset=utf-8");
    assertThat(r.body()).contains("\noutpost_rounds_done 2\n");
  }

  @Test
  void manyMayLookWhileItGoesOn() throws Exception {
    for (int i = 0; i < 30; i++) {
      federation.open(3, Map.of("ward-000", "half"));
      assertThat(get("/live.json").status()).isEqualTo(200);
    }
    assertThat(List.of(server.uri().getHost())).containsExactly("127.0.0.1");
  }
}
