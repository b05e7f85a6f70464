package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.federated.AuditChain;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The lines of docs/federation-tutorial.md, run by a shell as they stand: real processes, mTLS. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the page is for a POSIX shell")
final class TutorialTest {
  private static final Pattern SHELL = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
  private static final Pattern PERPLEXITY = Pattern.compile("perplexity is ([0-9.]+)");

  @TempDir Path dir;

  @Test
  void oneOwnerAndTwoDataOwnersOnOneMachine() throws Exception {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.exists(root.resolve("docs/federation-tutorial.md"))) root = root.getParent();
    String page = Files.readString(root.resolve("docs/federation-tutorial.md"));
    StringBuilder script = new StringBuilder("set -e\noutpost() {\n  \"$JAVA\" ");
    script.append("-XX:+UseSerialGC --add-modules jdk.incubator.vector ");
    script.append("--enable-native-access=ALL-UNNAMED -cp \"$CLASSES\" ");
    script.append("dev.outpost.offsite.app.Main \"$@\" --threads 1\n}\n");
    for (Matcher m = SHELL.matcher(page); m.find(); ) script.append(m.group(1));
    try (ServerSocket any = new ServerSocket(0)) {
      // The page's port may be taken where tests run side by side.
      String port = String.valueOf(any.getLocalPort());
      script = new StringBuilder(script.toString().replace("17643", port));
    }
    for (String folder : List.of("docs", "engine-tensor", "engine-autograd", "offsite"))
      Files.createSymbolicLink(dir.resolve(folder), root.resolve(folder));
    Files.writeString(dir.resolve("tutorial.sh"), script.toString());
    ProcessBuilder shell =
        new ProcessBuilder("sh", "tutorial.sh")
            .directory(dir.toFile())
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("said").toFile());
    shell.environment().put("JAVA", Path.of(System.getProperty("java.home"), "bin/java") + "");
    shell.environment().put("CLASSES", System.getProperty("java.class.path"));
    int code = shell.start().waitFor();
    String said = Files.readString(dir.resolve("said"));
    assertThat(code).as(said).isZero();

    assertThat(said)
        .contains("round 1 of 3: 2 of 2 updates; perplexity of the parties' own text")
        .contains("round 3 of 3: 2 of 2 updates")
        .contains("all rounds are done; the adapter is try/owner/federation/adapter")
        .contains("tuned model written to try/owner/tuned");
    List<Double> perplexities = new ArrayList<>();
    for (Matcher m = PERPLEXITY.matcher(said); m.find(); )
      perplexities.add(Double.parseDouble(m.group(1)));
    assertThat(perplexities).hasSize(4);
    assertThat(perplexities.getLast())
        .as("Java is learned from the parties' Java: %s", perplexities)
        .isLessThan(perplexities.getFirst());
    Path owner = dir.resolve("try/owner/federation");
    assertThat(AdapterArtifact.read(owner.resolve("adapter")).provenance().integer("rounds"))
        .isEqualTo(3);
    assertThat(AuditChain.verify(owner.resolve("audit.jsonl")).lines()).isGreaterThan(10);
    for (String party : List.of("north", "south")) {
      assertThat(dir.resolve("try/" + party + "/joined/global.safetensors")).exists();
      try (Stream<Path> all = Files.walk(dir.resolve("try/" + party + "/joined"))) {
        assertThat(all.filter(Files::isRegularFile).map(p -> p.getFileName().toString()))
            .as("a party holds the package, the adapter and its receipts")
            .contains("receipts.jsonl", "manifest.json")
            .noneMatch(n -> n.endsWith(".update"));
      }
    }
  }
}
