package dev.outpost.wire;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.File;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;

/** The walls of this room, beside those of the house (offsite's ArchitectureTest). */
@AnalyzeClasses(packages = "dev.outpost.wire", importOptions = ArchitectureTest.Ours.class)
class ArchitectureTest {
  /** Neither tests nor what protoc writes. */
  static final class Ours implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/test-classes/") && !location.contains("/wire/proto/");
    }
  }

  @ArchTest
  static final ArchRule knowsNoCommandLine =
      noClasses().should().dependOnClassesThat().resideInAPackage("dev.outpost.offsite.app..");

  @ArchTest
  static final ArchRule printsNothingAndEndsNoProcess =
      noClasses()
          .should()
          .accessField(System.class, "out")
          .orShould()
          .accessField(System.class, "err")
          .orShould()
          .callMethod(Throwable.class, "printStackTrace")
          .orShould()
          .callMethod(System.class, "exit", int.class);

  @ArchTest
  static final ArchRule noStaticStateThatChanges = fields().that().areStatic().should().beFinal();

  @ArchTest
  static final ArchRule onlyCertificatesAreWrittenByBouncyCastle =
      noClasses()
          .that()
          .haveNameNotMatching("dev\\.outpost\\.wire\\.Certificates.*")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bouncycastle..");

  @ArchTest
  static final ArchRule noTlsButTheJdks =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.netty.internal.tcnative..", "org.conscrypt..");

  @Test
  void noJarOfTheWireHoldsNativeCode() throws Exception {
    Path netty = jar(io.netty.channel.Channel.class);
    Path repository = netty.getParent().getParent().getParent().getParent().getParent();
    int seen = 0;
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path file = Path.of(entry);
      if (!entry.endsWith(".jar") || !ofTheWire(repository, file)) continue;
      seen++;
      try (JarFile jar = new JarFile(file.toFile())) {
        List<String> natives =
            jar.stream()
                .map(e -> e.getName())
                .filter(n -> n.matches(".*\\.(so|dll|dylib|jnilib|a)(\\.[0-9.]+)?"))
                .toList();
        assertThat(natives).as(entry).isEmpty();
      }
    }
    assertThat(seen).as("jars looked at").isGreaterThanOrEqualTo(25);
  }

  private static boolean ofTheWire(Path repository, Path jar) {
    if (!jar.startsWith(repository)) return false;
    String group = repository.relativize(jar).toString().replace(File.separatorChar, '.');
    return List.of("io.grpc.", "io.netty.", "io.perfmark.", "com.google.", "org.bouncycastle.")
        .stream()
        .anyMatch(group::startsWith);
  }

  private static Path jar(Class<?> type) throws Exception {
    URI source = type.getProtectionDomain().getCodeSource().getLocation().toURI();
    return Path.of(source);
  }
}
