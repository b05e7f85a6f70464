package dev.outpost.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.KernelsProvider;
import dev.outpost.transformer.TransformerModel;
import java.lang.module.Configuration;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.lang.module.ResolvedModule;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.core.json.JsonFactory;

/** The same classes on the module path, where users with a module of their own put them. */
class ModulesTest {
  private static final List<Class<?>> ONE_OF_EACH =
      List.of(Tensor.class, Tape.class, TransformerModel.class, Split.class);

  /** One of each library. */
  private static final List<Class<?>> OTHERS =
      List.of(
          JsonFactory.class, CommandLine.class, DMatrixRMaj.class, DecompositionFactory_DDRM.class);

  private final ModuleFinder finder = finder();

  @Test
  void theModulesResolveOnTheModulePath() {
    Configuration resolved =
        ModuleLayer.boot()
            .configuration()
            .resolve(finder, ModuleFinder.of(), Set.of("dev.outpost.offsite"));
    assertThat(resolved.modules())
        .extracting(ResolvedModule::name)
        .contains(
            "dev.outpost.tensor",
            "dev.outpost.autograd",
            "dev.outpost.transformer",
            "dev.outpost.offsite");
  }

  @Test
  void theBackendsStayInside() {
    assertThat(descriptor("dev.outpost.tensor").exports())
        .extracting(ModuleDescriptor.Exports::source)
        .contains("dev.outpost.tensor", "dev.outpost.tensor.kernel")
        .doesNotContain("dev.outpost.tensor.kernel.scalar", "dev.outpost.tensor.kernel.vector");
  }

  @Test
  void everyOtherPackageIsExported() {
    Set<String> inside =
        Set.of(
            "dev.outpost.tensor.kernel.scalar",
            "dev.outpost.tensor.kernel.vector",
            "dev.outpost.offsite.app");
    for (String module :
        List.of(
            "dev.outpost.tensor",
            "dev.outpost.autograd",
            "dev.outpost.transformer",
            "dev.outpost.offsite")) {
      ModuleDescriptor descriptor = descriptor(module);
      Set<String> exported =
          descriptor.exports().stream()
              .map(ModuleDescriptor.Exports::source)
              .collect(Collectors.toSet());
      assertThat(descriptor.packages())
          .filteredOn(name -> !inside.contains(name) && !name.startsWith("META-INF"))
          .as("packages of " + module + " missing in its module-info")
          .allMatch(exported::contains);
    }
  }

  @Test
  void moduleAndClassPathOfferTheSameKernels() throws Exception {
    String service = KernelsProvider.class.getName();
    List<String> onClassPath;
    try (var in = Tensor.class.getResourceAsStream("/META-INF/services/" + service)) {
      onClassPath =
          new String(in.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.isBlank())
              .toList();
    }
    List<String> onModulePath =
        descriptor("dev.outpost.tensor").provides().stream()
            .filter(provides -> provides.service().equals(service))
            .flatMap(provides -> provides.providers().stream())
            .toList();
    assertThat(onModulePath).isNotEmpty().containsExactlyElementsOf(onClassPath);
  }

  private ModuleDescriptor descriptor(String module) {
    return finder.find(module).map(ModuleReference::descriptor).orElseThrow();
  }

  /** Where the classes of this test run lie: folders or jars, whichever phase Maven is in. */
  private static ModuleFinder finder() {
    ModuleFinder finder =
        ModuleFinder.of(
            Stream.concat(ONE_OF_EACH.stream(), OTHERS.stream())
                .map(ModulesTest::home)
                .toArray(Path[]::new));
    assumeTrue(
        finder.find("dev.outpost.tensor").filter(r -> !r.descriptor().isAutomatic()).isPresent(),
        "built by a Maven on a Java before 25, which leaves module-info out");
    return finder;
  }

  private static Path home(Class<?> type) {
    URI location;
    try {
      location = type.getProtectionDomain().getCodeSource().getLocation().toURI();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    return Path.of(location);
  }
}
