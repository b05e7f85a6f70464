package dev.outpost.arch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The finder that {@code mvnw} and {@code outpost} share: which JDK 25 it takes, and what it says
 * without one.
 */
@DisabledOnOs(OS.WINDOWS)
class FindJdkTest {
  private static final Path FINDER = Path.of("../.mvn/find-jdk25.sh");

  @TempDir Path folder;

  @Test
  void takesJavaHomeBeforeTheUsualFolders() throws Exception {
    Path mine = jdk("mine/one", "25.0.3");
    jdk("usual/two", "25.0.4");
    assertThat(find(Map.of("JAVA_HOME", mine.toString())).out()).isEqualTo(mine.toString());
  }

  @Test
  void passesOverAnOlderJavaHomeForAnInstalledJdk25() throws Exception {
    Path old = jdk("mine/seventeen", "17.0.15");
    jdk("usual/eleven", "11.0.2");
    Path wanted = jdk("usual/with a space", "25");
    assertThat(find(Map.of("JAVA_HOME", old.toString())).out()).isEqualTo(wanted.toString());
  }

  @Test
  void isNotMisledByVersionsThatOnlyBeginOrEndWith25() throws Exception {
    jdk("usual/a", "250.1");
    jdk("usual/b", "1.8.0_25");
    jdk("usual/c", "26.0.25");
    assertThat(find(Map.of()).status()).isEqualTo(1);
  }

  @Test
  void aRuntimeWithoutCompilerDoesNotDo() throws Exception {
    Path runtime = jdk("usual/jre", "25.0.3");
    Files.delete(runtime.resolve("bin/javac"));
    assertThat(find(Map.of()).status()).isEqualTo(1);
  }

  @Test
  void withoutOneItSaysWhatItFoundAndHowToGetOne() throws Exception {
    Path old = jdk("mine/seventeen", "17.0.15");
    Said said = find(Map.of("JAVA_HOME", old.toString()));
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.out()).isEmpty();
    assertThat(said.err())
        .contains("needs a JDK 25", "JAVA_HOME is 17.0.15", "adoptium.net", "sdk install java 25");
  }

  private record Said(int status, String out, String err) {}

  private Path jdk(String name, String version) throws IOException {
    Path home = folder.resolve(name);
    Files.createDirectories(home.resolve("bin"));
    for (String tool : new String[] {"java", "javac"}) {
      Path file = Files.createFile(home.resolve("bin").resolve(tool));
      assertThat(file.toFile().setExecutable(true)).isTrue();
    }
    Files.writeString(
        home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  private Said find(Map<String, String> environment) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder shell =
        new ProcessBuilder(
            "/bin/sh",
            "-euc",
            ". \"$1\"; find_jdk25 || { explain_no_jdk25; exit 1; }",
            "sh",
            FINDER.toAbsolutePath().toString());
    shell.environment().clear();
    // A PATH without any java, or the Java that runs this test would always be found.
    shell.environment().put("PATH", folder.resolve("empty").toString());
    shell.environment().put("OUTPOST_JDK_FOLDERS", folder.resolve("usual").toString());
    shell.environment().putAll(environment);
    Process process = shell.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Said(process.exitValue(), Files.readString(out).strip(), Files.readString(err));
  }
}
