package dev.outpost.transformer.hub;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.hub.HubServer.Fault;
import dev.outpost.transformer.hub.HubServer.Request;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Downloads from a hub that keeps to the protocol, and from one that does not. */
final class PullTest {
  private static final HubModel MODEL = new HubModel("someone", "tiny-model", "main");
  private static final String WEIGHTS = "model.safetensors";
  private static final byte[] BYTES = bytes(300_000, 1);

  @TempDir Path cache;
  private HubServer server;
  private final List<Duration> pauses = new CopyOnWriteArrayList<>();

  /** Pauses take no time; a dead line is given up at once. */
  private final Patience patience =
      new Patience(
          4, Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofSeconds(20), pauses::add);

  @BeforeEach
  void serve() throws IOException {
    server = new HubServer();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static byte[] bytes(int n, long seed) {
    RandomStream r = RandomStream.of(seed, "file");
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++) b[i] = (byte) r.nextInt(256);
    return b;
  }

  private static Map<String, byte[]> files() {
    Map<String, byte[]> all = new TreeMap<>();
    all.put("config.json", "{\"model_type\": \"gpt2\"}".getBytes(UTF_8));
    all.put("tokenizer.json", bytes(9000, 2));
    all.put("a folder/notes é.txt", "deep".getBytes(UTF_8));
    all.put("empty.txt", new byte[0]);
    all.put(WEIGHTS, BYTES);
    all.put("pytorch_model.bin", bytes(100, 3));
    all.put("tf_model.h5", bytes(100, 4));
    all.put("onnx/config.json", "{}".getBytes(UTF_8));
    all.put("onnx/model.onnx", bytes(100, 5));
    all.put(".gitattributes", "x".getBytes(UTF_8));
    return all;
  }

  private Pulled pull(HubSettings settings) throws IOException {
    return Pull.of(settings, patience).run(MODEL, FilePatterns.DEFAULT, PullProgress.SILENT);
  }

  private Pulled pull() throws IOException {
    return pull(server.settings(cache));
  }

  private Path repo() {
    return cache.resolve("models--someone--tiny-model");
  }

  private List<String> blobs() throws IOException {
    if (!Files.exists(repo().resolve("blobs"))) return List.of();
    try (Stream<Path> all = Files.list(repo().resolve("blobs"))) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  private Path part() {
    return repo().resolve("blobs").resolve(HubServer.sha256(BYTES) + ".outpost.incomplete");
  }

  private void assertWhole(Pulled pulled) throws IOException {
    assertThat(pulled.folder().resolve(WEIGHTS)).hasBinaryContent(BYTES);
    assertThat(blobs()).allMatch(n -> n.matches("[0-9a-f]{40}|[0-9a-f]{64}"));
  }

  // What a good hub leaves here.

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void laysFilesOutAsTheHubsOwnClientDoes() throws IOException {
    String commit = server.put(MODEL.id(), "main", files());
    Pulled pulled = pull();
    assertThat(pulled.folder()).isEqualTo(repo().resolve("snapshots").resolve(commit));
    assertThat(repo().resolve("refs/main")).hasContent(commit);
    assertThat(Files.readSymbolicLink(pulled.folder().resolve(WEIGHTS)))
        .isEqualTo(Path.of("../../blobs/" + HubServer.sha256(BYTES)));
    assertThat(Files.readSymbolicLink(pulled.folder().resolve("a folder/notes é.txt")))
        .isEqualTo(Path.of("../../../blobs/" + HubServer.git("deep".getBytes(UTF_8))));
    assertThat(pulled.folder().resolve("empty.txt")).isEmptyFile();
    assertThat(pulled.folder().resolve("tokenizer.json")).hasBinaryContent(bytes(9000, 2));
    assertWhole(pulled);
    assertThat(pulled.fetched()).isEqualTo(pulled.bytes());
  }

  @Test
  void takesWhatALoaderReadsAndNotTheSameWeightsTwice() throws IOException {
    server.put(MODEL.id(), "main", files());
    Pulled pulled = pull();
    try (Stream<Path> all = Files.walk(pulled.folder())) {
      assertThat(
              all.filter(Files::isRegularFile).map(p -> pulled.folder().relativize(p).toString()))
          .containsExactlyInAnyOrder(
              "config.json", "tokenizer.json", "a folder/notes é.txt", "empty.txt", WEIGHTS);
    }
    assertThat(pulled.files()).isEqualTo(5);
  }

  @Test
  void aSecondPullFetchesNothing() throws IOException {
    server.put(MODEL.id(), "main", files());
    Pulled first = pull();
    server.forgetRequests();
    Pulled second = pull();
    assertThat(second.folder()).isEqualTo(first.folder());
    assertThat(second.fetched()).isZero();
    assertThat(server.fetches(WEIGHTS)).isEmpty();
  }

  @Test
  void aNewCommitFetchesOnlyWhatChangedAndLeavesTheOldOne() throws IOException {
    server.put(MODEL.id(), "main", files());
    Pulled old = pull();
    server.forgetRequests();
    Map<String, byte[]> changed = files();
    changed.put("config.json", "{}".getBytes(UTF_8));
    server.put(MODEL.id(), "main", changed);
    Pulled fresh = pull();
    assertThat(fresh.folder()).isNotEqualTo(old.folder());
    assertThat(server.fetches(WEIGHTS)).isEmpty();
    assertThat(fresh.folder().resolve("config.json")).hasContent("{}");
    assertThat(old.folder().resolve("config.json")).hasContent("{\"model_type\": \"gpt2\"}");
    assertThat(HubCache.of(server.settings(cache)).find(MODEL)).contains(fresh.folder());
  }

  @Test
  void branchesTagsAndCommitsAreRevisions() throws IOException {
    String commit = server.put(MODEL.id(), "refs/pr/1", files());
    Pull pull = Pull.of(server.settings(cache), patience);
    HubModel branch = HubModel.parse(MODEL.id() + "@refs/pr/1");
    assertThat(pull.run(branch, FilePatterns.DEFAULT, PullProgress.SILENT).commit())
        .isEqualTo(commit);
    assertThat(repo().resolve("refs/refs/pr/1")).hasContent(commit);
    HubModel exact = HubModel.parse(MODEL.id() + "@" + commit);
    assertThat(pull.run(exact, FilePatterns.DEFAULT, PullProgress.SILENT).fetched()).isZero();
    assertThat(repo().resolve("refs").resolve(commit)).doesNotExist();
    assertThat(HubCache.of(server.settings(cache)).find(exact)).isPresent();
  }

  @Test
  void withoutLinksFilesLieInTheSnapshot() throws IOException {
    server.put(MODEL.id(), "main", files());
    HubSettings plain = new HubSettings(cache, server.endpoint(), null, false, false);
    Pulled pulled = pull(plain);
    assertThat(Files.isSymbolicLink(pulled.folder().resolve(WEIGHTS))).isFalse();
    assertThat(pulled.folder().resolve(WEIGHTS)).hasBinaryContent(BYTES);
    server.forgetRequests();
    assertThat(pull(plain).fetched()).isZero();
    assertThat(server.fetches(WEIGHTS)).isEmpty();
  }

  @Test
  void aLinkThatLeadsNowhereIsMended() throws IOException {
    server.put(MODEL.id(), "main", files());
    Path blob = repo().resolve("blobs").resolve(HubServer.sha256(BYTES));
    pull();
    Files.delete(blob);
    assertWhole(pull());
  }

  @Test
  void tellsHowFarItIs() throws IOException {
    server.put(MODEL.id(), "main", files());
    List<String> heard = new ArrayList<>();
    long[] sum = new long[2];
    PullProgress progress =
        new PullProgress() {
          @Override
          public void planned(int files, long bytes, long present) {
            heard.add(files + " files");
            sum[0] = bytes - present;
          }

          @Override
          public void received(long bytes) {
            sum[1] += bytes;
          }

          @Override
          public void completed(String file) {
            heard.add(file);
          }
        };
    server.misbehave(WEIGHTS, Fault.cutAfter(1000), Fault.wholeAnyway());
    Pull.of(server.settings(cache), patience).run(MODEL, FilePatterns.DEFAULT, progress);
    assertThat(heard).startsWith("5 files").contains(WEIGHTS, "config.json").hasSize(6);
    assertThat(sum[1]).isEqualTo(sum[0]).isPositive();
  }

  // Networks and servers that fail for a while.

  @Test
  void aCutLineGoesOnWhereItEnded() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.cutAfter(100_000), Fault.cutAfter(50_000));
    assertWhole(pull());
    List<Request> fetches = server.fetches(WEIGHTS);
    assertThat(fetches).hasSize(3);
    assertThat(fetches.get(0).range()).isNull();
    assertThat(offset(fetches.get(1))).isBetween(1, 100_000);
    assertThat(offset(fetches.get(2))).isBetween(offset(fetches.get(1)), 150_000);
  }

  private static int offset(Request r) {
    return Integer.parseInt(r.range().replaceAll("\\D", ""));
  }

  @Test
  void progressRenewsPatienceAndItsLackEndsIt() throws IOException {
    server.put(MODEL.id(), "main", files());
    for (int i = 0; i < 10; i++) server.misbehave(WEIGHTS, Fault.cutAfter(20_000));
    assertWhole(pull());
    Files.delete(repo().resolve("blobs").resolve(HubServer.sha256(BYTES)));
    for (int i = 0; i < 4; i++) server.misbehave(WEIGHTS, Fault.status(503));
    assertThatThrownBy(this::pull)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("status 503")
        .hasMessageContaining("given up after 4 attempts");
  }

  @Test
  void aProcessThatGaveUpIsContinuedByTheNext() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.cutAfter(100_000));
    for (int i = 0; i < 3; i++) server.misbehave(WEIGHTS, Fault.status(500));
    assertThatThrownBy(this::pull).hasMessageContaining("given up");
    long there = Files.size(part());
    assertThat(there).isBetween(1L, 100_000L);
    assertThat(repo().resolve("refs/main")).doesNotExist();
    server.forgetRequests();
    Pulled pulled = pull();
    assertWhole(pulled);
    assertThat(server.fetches(WEIGHTS))
        .singleElement()
        .satisfies(r -> assertThat(offset(r)).isEqualTo((int) there));
    assertThat(part()).doesNotExist();
  }

  @Test
  void aBusyServerIsAskedAgainWhenItSaysSo() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(
        "/api/models/someone/tiny-model/revision/main",
        Fault.status(429, "Retry-After", "7"),
        Fault.status(502));
    server.misbehave("/someone/tiny-model/resolve/" + "main", Fault.status(500));
    assertWhole(pull());
    assertThat(pauses).hasSize(2);
    assertThat(pauses.get(0)).isBetween(Duration.ofSeconds(7), Duration.ofMillis(8750));
    assertThat(pauses.get(1)).isBetween(Duration.ofSeconds(2), Duration.ofMillis(2500));
  }

  @Test
  void noServerMakesItWaitForEver() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(
        "/api/models/someone/tiny-model/revision/main", Fault.status(429, "Retry-After", "999999"));
    assertWhole(pull());
    assertThat(pauses)
        .singleElement()
        .satisfies(p -> assertThat(p).isLessThan(Duration.ofSeconds(40)));
  }

  @Test
  void aSilentLineIsGivenUp() throws IOException {
    server.put(MODEL.id(), "main", files());
    CountDownLatch end = new CountDownLatch(1);
    server.misbehave(WEIGHTS, Fault.hangAfter(5000, new CountDownLatch(1), end));
    // No end of attempts: on a busy machine an honest answer may be late too, and is asked for
    // again. That the pull returns shows that the line was given up: nothing else ends it.
    Patience short_ =
        new Patience(
            Integer.MAX_VALUE,
            Duration.ofSeconds(1),
            Duration.ofSeconds(30),
            Duration.ofMillis(700),
            pauses::add);
    Pulled pulled =
        Pull.of(server.settings(cache), short_)
            .run(MODEL, FilePatterns.DEFAULT, PullProgress.SILENT);
    end.countDown();
    assertWhole(pulled);
  }

  @Test
  void aSlowLineIsNotGivenUp() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.slowly(3001));
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS)).hasSize(1);
  }

  @Test
  void aServerThatKnowsNoRangesSendsAllAgain() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.cutAfter(100_000), Fault.wholeAnyway());
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS)).hasSize(2);
  }

  @Test
  void anotherPartThanWasAskedForIsNotTaken() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.cutAfter(100_000), Fault.anotherPart(70));
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS).getLast().range()).isNull();
  }

  // Wrong bytes.

  @Test
  void corruptBytesAreFetchedOnceMore() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.corrupt(299_999));
    server.misbehave("config.json", Fault.corrupt(3));
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS)).hasSize(2);
    assertThat(server.fetches("config.json")).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {WEIGHTS, "config.json"})
  void corruptBytesNeverGetAName(String file) throws IOException {
    String commit = server.put(MODEL.id(), "main", files());
    server.misbehave(file, Fault.corrupt(0), Fault.corrupt(1));
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining(file)
        .hasMessageContaining("checksum");
    assertThat(repo().resolve("snapshots").resolve(commit).resolve(file)).doesNotExist();
    assertThat(repo().resolve("refs/main")).doesNotExist();
    assertThat(blobs())
        .doesNotContain(
            file.equals(WEIGHTS) ? HubServer.sha256(BYTES) : HubServer.git(files().get(file)));
    assertWhole(pull());
  }

  @Test
  void partsOfAnotherOriginAreFoundOut() throws IOException {
    server.put(MODEL.id(), "main", files());
    Files.createDirectories(part().getParent());
    Files.write(part(), bytes(1000, 77));
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS)).hasSize(2);
  }

  @Test
  void aPartLongerThanTheFileIsNone() throws IOException {
    server.put(MODEL.id(), "main", files());
    Files.createDirectories(part().getParent());
    Files.write(part(), bytes(400_000, 77));
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS))
        .singleElement()
        .satisfies(r -> assertThat(r.range()).isNull());
  }

  @Test
  void aServerThatSendsMoreThanItListedIsNotHeard() throws IOException {
    server.put(MODEL.id(), "main", files());
    for (int i = 0; i < 4; i++) server.misbehave(WEIGHTS, Fault.tooLong(1 << 20));
    assertThatThrownBy(this::pull)
        .hasMessageContaining("announces 1348576 bytes where 300000 are wanted");
    assertThat(part()).isEmptyFile();
    for (int i = 0; i < 40; i++) server.misbehave(WEIGHTS, Fault.endless());
    assertThatThrownBy(this::pull)
        .hasMessageMatching("(?s).*(more than the 300000 bytes|checksum).*");
    assertThat(blobs()).doesNotContain(HubServer.sha256(BYTES));
  }

  @Test
  void aFileThatChangesBetweenTwoRunsIsAnother() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.cutAfter(100_000));
    for (int i = 0; i < 3; i++) server.misbehave(WEIGHTS, Fault.status(500));
    assertThatThrownBy(this::pull).hasMessageContaining("given up");
    Map<String, byte[]> changed = files();
    changed.put(WEIGHTS, bytes(200_000, 9));
    server.put(MODEL.id(), "main", changed);
    assertThat(pull().folder().resolve(WEIGHTS)).hasBinaryContent(bytes(200_000, 9));
  }

  @Test
  void aFileThatChangesBetweenQuestionAndAnswerIsRefused() throws IOException {
    server.put(MODEL.id(), "main", files());
    // The hub's HEAD and GET disagree: the size is that of the list, the name of the content not.
    server.misbehave(
        "config.json",
        (e, content) -> {
          e.getResponseHeaders().set("ETag", "\"" + "0".repeat(40) + "\"");
          e.sendResponseHeaders(200, content.length);
          e.getResponseBody().write(content);
        });
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("changed on the hub");
  }

  // Who may read.

  @Test
  void theTokenGoesToTheHubAndNowhereElse() throws IOException {
    server.put(MODEL.id(), "main", files());
    server.require("hf_secret");
    HubSettings s = new HubSettings(cache, server.endpoint(), "hf_secret", false, true);
    assertWhole(pull(s));
    assertThat(server.requests())
        .allSatisfy(r ->
            assertThat(r.headers().getFirst("Authorization"))
                .as(r.path())
                .isEqualTo(r.storage() ? null : "Bearer hf_secret"));
    assertThat(server.requests()).anyMatch(Request::storage);
    assertThat(s.toString()).doesNotContain("hf_secret");
  }

  @ParameterizedTest
  @CsvSource({
    "401, GatedRepo, , accept the conditions at",
    "403, GatedRepo, hf_secret, ask for access at",
    "401, RepoNotFound, , no such public model",
    "401, RepoNotFound, hf_secret, your access token does not reach it",
    "404, , , no such public model",
    "404, RevisionNotFound, , there is no revision main",
    "403, , hf_secret, not permitted with your access token",
    "418, , , status 418"
  })
  void aRefusalSaysWhatToDo(int status, String code, String token, String words) {
    server.misbehave(
        "/api/models/someone/tiny-model/revision/main",
        Fault.status(
            status, "X-Error-Code", code == null ? "" : code, "X-Error-Message", "go away"));
    HubSettings s = new HubSettings(cache, server.endpoint(), token, false, true);
    assertThatThrownBy(() -> pull(s))
        .isInstanceOf(HubException.class)
        .hasMessageContaining(MODEL.id())
        .hasMessageContaining(words)
        .hasMessageContaining("go away")
        .message()
        .doesNotContain("hf_secret");
    assertThat(pauses).isEmpty();
    assertThat(cache).isEmptyDirectory();
  }

  @Test
  void aModelThatIsNotThereIsToldFromARevisionThatIsNot() {
    server.put(MODEL.id(), "v1", files());
    assertThatThrownBy(this::pull).hasMessageContaining("no revision main");
    assertThatThrownBy(() ->
            Pull.of(server.settings(cache), patience)
                .run(HubModel.parse("no/body"), FilePatterns.DEFAULT, PullProgress.SILENT))
        .hasMessageContaining("no such public model");
  }

  // Servers that mean harm, or are no hub.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../evil.json",
        "/etc/evil.json",
        "a/../../evil.json",
        "a//b.json",
        "./a.json",
        "a/./b.json",
        "C:/evil.json",
        "a\\..\\b.json",
        "con.json",
        "a/NUL.json",
        "lpt1.json",
        "x\u0000.json",
        "a\n.json",
        "trailing /x.json",
        "x./y.json",
        "a:b.json",
        "",
        "a/",
        "config.json/x.json",
        "CONFIG.json"
      })
  void aFileNameThatReachesElsewhereIsRefused(String name) throws IOException {
    server.list(MODEL.id(), HubServer.info("0".repeat(40), List.of("config.json", WEIGHTS, name)));
    assertThatThrownBy(() ->
            Pull.of(server.settings(cache), patience)
                .run(MODEL, new FilePatterns(List.of("*"), List.of()), PullProgress.SILENT))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("nothing was fetched");
    assertThat(server.requests()).hasSize(1);
    assertThat(cache).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../evil", "", ".hidden", "a/b", "con"})
  void anEtagThatIsNoNameIsRefused(String etag) {
    server.put(MODEL.id(), "main", files());
    server.header("config.json", "ETag", '"' + etag + '"');
    assertThatThrownBy(this::pull).isInstanceOf(HubException.class).hasMessageContaining("ETag");
  }

  @Test
  void acceptsOnlyCommitsAsCommits() {
    server.list(MODEL.id(), HubServer.info("../../../evil", List.of("config.json", WEIGHTS)));
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("is this a hub?");
    server.list(MODEL.id(), JsonObject.create().put("hello", "world"));
    assertThatThrownBy(this::pull).hasMessageContaining("field sha is missing");
  }

  @Test
  void sizesThatDisagreeAreRefused() {
    server.put(MODEL.id(), "main", files());
    server.header(WEIGHTS, "X-Linked-Size", "17");
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("its list says 300000");
  }

  @Test
  void roomIsCheckedBeforeTheFirstByte() {
    String commit = server.put(MODEL.id(), "main", files());
    JsonObject huge =
        JsonObject.create()
            .put("sha", commit)
            .put(
                "siblings",
                List.of(JsonObject.create().put("rfilename", WEIGHTS).put("size", 1L << 49)));
    server.list(MODEL.id(), huge);
    server.header(WEIGHTS, "X-Linked-Size", "" + (1L << 49));
    assertThatThrownBy(this::pull)
        .hasMessageContaining("562949953421312 bytes are needed")
        .hasMessageContaining("HF_HUB_CACHE");
    assertThat(server.fetches(WEIGHTS)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///etc/passwd", "ftp://example.org/x", "http:///x", "http://[bad"})
  void aRedirectMustLeadToAServer(String location) {
    server.put(MODEL.id(), "main", files());
    server.header("config.json", "Location", location);
    HubException e = catchThrowableOfType(HubException.class, this::pull);
    assertThat(e).hasMessageContaining("fetched from safely");
  }

  @Test
  void redirectsInACircleEnd() {
    server.put(MODEL.id(), "main", files());
    String commit = server.put(MODEL.id(), "main", files());
    server.header(
        "config.json", "Location", "/" + MODEL.id() + "/resolve/" + commit + "/config.json");
    assertThatThrownBy(this::pull).isInstanceOf(HubException.class).hasMessageContaining("circle");
  }

  @Test
  void aSignedAddressIsNotShown() {
    server.put(MODEL.id(), "main", files());
    server.misbehave(WEIGHTS, Fault.status(403));
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .message()
        .doesNotContain("signature");
    for (int i = 0; i < 4; i++) server.misbehave(WEIGHTS, Fault.status(500));
    assertThatThrownBy(this::pull)
        .hasMessageContaining("given up")
        .message()
        .doesNotContain("signature");
  }

  @Test
  void aModelWithoutSafetensorsNamesWhatItHas() throws IOException {
    server.put(
        MODEL.id(),
        "main",
        Map.of("config.json", new byte[] {1}, "pytorch_model.bin", new byte[] {2}));
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("--include")
        .hasMessageContaining("pytorch_model.bin");
  }

  @Test
  void nobodyAnswers() throws IOException {
    server.close();
    assertThatThrownBy(this::pull)
        .hasMessageContaining("cannot be reached")
        .hasMessageContaining("--offline");
    assertThat(pauses).hasSize(3);
    server = new HubServer();
  }

  // Without a network.

  @Test
  void offlineTakesWhatIsHere() throws IOException {
    server.put(MODEL.id(), "main", files());
    HubSettings offline = server.settings(cache).withoutNetwork();
    assertThatThrownBy(() -> pull(offline)).hasMessageContaining("the network is switched off");
    Pulled there = pull();
    server.forgetRequests();
    Pulled pulled = pull(offline);
    assertThat(pulled.folder()).isEqualTo(there.folder());
    assertThat(pulled.commit()).isEqualTo(there.commit());
    assertThat(pulled.bytes()).isEqualTo(there.bytes());
    assertThat(server.requests()).isEmpty();
  }

  // Several at once.

  @Test
  void twoPullsAtOnceFetchEveryFileOnce() throws Exception {
    server.put(MODEL.id(), "main", files());
    CountDownLatch sent = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    server.misbehave(
        WEIGHTS,
        (e, content) -> {
          sent.countDown();
          try {
            go.await();
          } catch (InterruptedException i) {
            Thread.currentThread().interrupt();
          }
          Fault.wholeAnyway().answer(e, content);
        });
    FutureTask<Pulled> first = new FutureTask<>(this::pull);
    FutureTask<Pulled> second = new FutureTask<>(this::pull);
    Thread.ofPlatform().start(first);
    sent.await();
    // The second begins while the first is within the file.
    Thread.ofPlatform().start(second);
    go.countDown();
    assertWhole(first.get());
    assertWhole(second.get());
    assertThat(server.fetches(WEIGHTS)).hasSize(1);
    assertThat(server.fetches("tokenizer.json")).hasSize(1);
  }

  @Test
  void aKilledProcessLeavesWhatTheNextGoesOnWith() throws Exception {
    server.put(MODEL.id(), "main", files());
    CountDownLatch sent = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    server.misbehave(WEIGHTS, Fault.hangAfter(123_456, sent, end));
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                cache.toString(),
                server.endpoint().toString())
            .inheritIO()
            .start();
    try {
      while (!sent.await(10, TimeUnit.MILLISECONDS)) assertThat(child.isAlive()).isTrue();
      while (!Files.exists(part()) || Files.size(part()) < 123_456) {
        assertThat(child.isAlive()).isTrue();
        Thread.sleep(10);
      }
    } finally {
      child.destroyForcibly().waitFor();
      end.countDown();
    }
    server.forgetRequests();
    assertWhole(pull());
    assertThat(server.fetches(WEIGHTS))
        .singleElement()
        .satisfies(r -> assertThat(offset(r)).isEqualTo(123_456));
  }

  /** Another process that pulls. */
  static final class Child {
    public static void main(String[] args) throws IOException {
      HubSettings s = new HubSettings(Path.of(args[0]), URI.create(args[1]), null, false, true);
      // Never gives the silent line up: it ends by being killed.
      Patience endless =
          new Patience(
              4, Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofDays(1), Thread::sleep);
      Pull.of(s, endless).run(MODEL, FilePatterns.DEFAULT, PullProgress.SILENT);
    }
  }
}
