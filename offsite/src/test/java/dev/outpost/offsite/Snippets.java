package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The Java of a page of documentation: each block is the body of a method, run in a folder of the
 * test's own.
 */
final class Snippets {
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  static final Pattern FOLDER = Pattern.compile("Path\\.of\\(\"([^\"]+)\"\\)");

  private Snippets() {}

  /** The blocks of a page, named as seen from the project's root. */
  static List<String> of(String page) throws Exception {
    Path root =
        Stream.of(Path.of(""), Path.of(".."))
            .filter(p -> Files.exists(p.resolve("README.md")) && Files.exists(p.resolve("offsite")))
            .findFirst()
            .orElseThrow();
    return BLOCK
        .matcher(Files.readString(root.resolve(page)))
        .results()
        .map(m -> m.group(1))
        .toList();
  }

  /**
   * Compiles and runs a block, with every exported package of ours imported, as an editor would.
   *
   * @param home stands before each relative path
   * @param given values by "type name"
   * @return what it printed
   */
  static String run(String block, Path home, Map<String, Object> given) throws Exception {
    String body =
        FOLDER
            .matcher(block.replace("System.out", "out"))
            .replaceAll(m -> Matcher.quoteReplacement("home.resolve(\"" + m.group(1) + "\")"));
    StringBuilder values = new StringBuilder();
    given
        .keySet()
        .forEach(k ->
            values
                .append(k)
                .append(" = (")
                .append(k.split(" ", 2)[0])
                .append(") given.get(\"")
                .append(k)
                .append("\");\n"));
    String source =
        """
        import dev.outpost.*;
        import dev.outpost.offsite.artifact.*;
        import dev.outpost.offsite.emulator.*;
        import dev.outpost.offsite.tune.*;
        import dev.outpost.tensor.io.*;
        import dev.outpost.tensor.kernel.*;
        import dev.outpost.transformer.*;
        import dev.outpost.transformer.hub.*;
        import dev.outpost.transformer.load.*;
        import dev.outpost.transformer.peft.*;
        import dev.outpost.transformer.run.*;
        import dev.outpost.transformer.train.*;
        import java.io.PrintStream;
        import java.nio.file.*;
        import java.util.*;
        public final class Example {
          public static void run(Path home, PrintStream out, Map<String, Object> given)
              throws Exception {
        """
            + values
            + body
            + "}\n}\n";
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    Path classes = compile(source);
    try (URLClassLoader loader =
            new URLClassLoader(
                new URL[] {classes.toUri().toURL()}, Snippets.class.getClassLoader());
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
      loader
          .loadClass("Example")
          .getMethod("run", Path.class, PrintStream.class, Map.class)
          .invoke(null, home, out, given);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Exception x) throw x;
      throw e;
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  private static Path compile(String source) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertThat(compiler).as("a JDK, not a JRE").isNotNull();
    DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
    Path classes = Files.createTempDirectory("outpost-snippet");
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
      assertThat(compiled).as(() -> said.getDiagnostics() + "\n" + source).isTrue();
    }
    return classes;
  }
}
