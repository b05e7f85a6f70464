package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.app.Parties;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of README.md compiles and does what it says. */
final class ReadmeExampleTest {
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  private static final Pattern FOLDER = Pattern.compile("Path\\.of\\(\"([^\"]+)\"\\)");

  @TempDir Path home;

  @Test
  void theExampleMakesATunedModelFromAModelAndText() throws Exception {
    String example = onlyBlock();
    assertThat(FOLDER.matcher(example).results().map(m -> m.group(1)).distinct())
        .containsExactly("owner/model", "package", "adapter", "tuned");
    // Twenty times fewer steps; the rest as it stands, in a folder of the test's own.
    example = example.replace("TrainingPlan.of(200,", "TrainingPlan.of(10,");
    example =
        FOLDER
            .matcher(example)
            .replaceAll(m -> Matcher.quoteReplacement("home.resolve(\"" + m.group(1) + "\")"));

    Path model = Parties.model(home.resolve("owner/model"), 6, 1);
    Tokenizer tokenizer = TokenizerFiles.load(model);
    Blocks text = Blocks.of(tokenizer.encode(Parties.PRIVATE), 16);
    run(compile(example), home, text.slice(2, text.count()), text.slice(0, 2));

    assertThat(home.resolve("package/manifest.json")).exists();
    assertThat(home.resolve("adapter/manifest.json")).exists();
    try (ModelFolder before = ModelFolder.open(model);
        ModelFolder after = ModelFolder.open(home.resolve("tuned"))) {
      assertThat(after.model().spec()).isEqualTo(before.model().spec());
      assertThat(after.model().parameters().keySet())
          .isEqualTo(before.model().parameters().keySet());
      after
          .model()
          .visit((name, p) -> {
            boolean tuned = name.matches("blocks\\.(0|1|4|5)\\.(attn|mlp)\\..*weight");
            float[] was = before.model().parameters().get(name).weight().toTensor().toArray();
            if (tuned) assertThat(p.weight().toTensor().toArray()).as(name).isNotEqualTo(was);
            else assertThat(p.weight().toTensor().toArray()).as(name).isEqualTo(was);
          });
    }
  }

  private static String onlyBlock() throws Exception {
    Path readme =
        Stream.of(Path.of("README.md"), Path.of("..", "README.md"))
            .filter(p -> Files.exists(p) && Files.exists(p.resolveSibling("offsite")))
            .findFirst()
            .orElseThrow();
    List<String> blocks =
        BLOCK.matcher(Files.readString(readme)).results().map(m -> m.group(1)).toList();
    assertThat(blocks).as("Java blocks in README.md").hasSize(1);
    return blocks.getFirst();
  }

  /**
   * The example as the body of a method; every exported package of ours is imported, as an editor
   * would.
   */
  private Path compile(String example) throws Exception {
    String source =
        """
        import dev.outpost.offsite.artifact.*;
        import dev.outpost.offsite.emulator.*;
        import dev.outpost.offsite.tune.*;
        import dev.outpost.tensor.io.*;
        import dev.outpost.tensor.kernel.*;
        import dev.outpost.transformer.*;
        import dev.outpost.transformer.load.*;
        import dev.outpost.transformer.peft.*;
        import dev.outpost.transformer.train.*;
        import java.nio.file.Path;
        import java.util.Optional;
        public final class Example {
          public static void run(Path home, Blocks train, Blocks validation) throws Exception {
        """
            + example
            + "}\n}\n";
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertThat(compiler).as("a JDK, not a JRE").isNotNull();
    DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
    Path classes = Files.createDirectory(home.resolve("classes"));
    JavaFileObject file =
        new SimpleJavaFileObject(URI.create("string:///Example.java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
          }
        };
    try (StandardJavaFileManager files = compiler.getStandardFileManager(said, null, null)) {
      List<String> options =
          List.of(
              "-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
      boolean compiled =
          compiler.getTask(new StringWriter(), files, said, options, null, List.of(file)).call();
      assertThat(compiled).as(() -> said.getDiagnostics().toString()).isTrue();
    }
    return classes;
  }

  private static void run(Path classes, Path home, Blocks train, Blocks validation)
      throws Exception {
    try (URLClassLoader loader =
        new URLClassLoader(
            new URL[] {classes.toUri().toURL()}, ReadmeExampleTest.class.getClassLoader())) {
      loader
          .loadClass("Example")
          .getMethod("run", Path.class, Blocks.class, Blocks.class)
          .invoke(null, home, train, validation);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Exception x) throw x;
      throw e;
    }
  }
}
