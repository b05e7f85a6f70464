package dev.outpost.bench.base;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.random.RandomStream;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Real text to pre-train and tune on that every machine with a JDK has: the prose of the JDK's own
 * documentation comments, freed of markup. Modules in {@link #PRIVATE} play the data owner and
 * never enter the public part.
 *
 * <p>Writes {@code public/} and {@code private/} (prose, a file per package), {@code code/} (the
 * private modules' Java without comments) and {@code members.jsonl} (which of four descriptions
 * belongs to a member of a private module).
 */
public final class JdkText {
  /** Modules whose text is the data owner's. */
  static final Set<String> PRIVATE =
      Set.of("java.sql", "java.sql.rowset", "java.naming", "java.rmi", "java.management");

  private static final Pattern COMMENT = Pattern.compile("/\\*\\*(.*?)\\*/", Pattern.DOTALL);
  private static final Pattern TYPE =
      Pattern.compile("\\b(?:class|interface|enum|record|@interface)\\s+(\\w+)");
  private static final Pattern CALL = Pattern.compile("\\b(\\w+)\\s*\\(");
  private static final Pattern FIELD = Pattern.compile("\\b(\\w+)\\s*[=;]");

  /** A member and what its documentation says. */
  record Member(String type, String name, String text) {
    String title() {
      return name.equals(type) ? type : type + "." + name;
    }

    String summary() {
      int end = text.indexOf(". ");
      int line = text.indexOf('\n');
      int cut = end < 0 ? line : line < 0 ? end + 1 : Math.min(end + 1, line);
      return (cut < 0 ? text : text.substring(0, cut)).strip();
    }
  }

  private JdkText() {}

  /** {@code JdkText OUT [src.zip]}. */
  public static void main(String[] args) throws IOException {
    if (args.length < 1) throw new IllegalArgumentException("usage: JdkText OUT [src.zip]");
    Path out = Path.of(args[0]);
    Path zip =
        args.length > 1
            ? Path.of(args[1])
            : Path.of(System.getProperty("java.home"), "lib", "src.zip");
    Map<String, List<Member>> shared = new TreeMap<>();
    Map<String, List<Member>> secret = new TreeMap<>();
    Map<String, StringBuilder> code = new TreeMap<>();
    try (ZipFile in = new ZipFile(zip.toFile())) {
      List<? extends ZipEntry> entries =
          in.stream()
              .filter(e -> e.getName().endsWith(".java"))
              .sorted((a, b) -> a.getName().compareTo(b.getName()))
              .toList();
      for (ZipEntry e : entries) {
        String path = e.getName();
        String module = path.substring(0, path.indexOf('/'));
        String folder =
            path.substring(0, Math.max(path.indexOf('/'), path.lastIndexOf('/'))).replace('/', '_');
        boolean own = PRIVATE.contains(module);
        String source = new String(in.getInputStream(e).readAllBytes(), StandardCharsets.UTF_8);
        String type = path.substring(path.lastIndexOf('/') + 1, path.length() - 5);
        List<Member> members = members(source, type);
        (own ? secret : shared).computeIfAbsent(folder, f -> new ArrayList<>()).addAll(members);
        if (own && !type.contains("-"))
          code.computeIfAbsent(folder, f -> new StringBuilder())
              .append(withoutComments(source))
              .append("\n\n");
      }
    }
    Set<String> seen = new HashSet<>();
    write(out.resolve("public"), shared, seen);
    write(out.resolve("private"), secret, seen);
    Files.createDirectories(out.resolve("code"));
    for (var c : code.entrySet())
      Files.writeString(out.resolve("code").resolve(c.getKey() + ".txt"), c.getValue());
    questions(out.resolve("members.jsonl"), secret);
  }

  /** A file per package; a text that stood before is left out, as copied comments teach nothing. */
  private static void write(Path folder, Map<String, List<Member>> packages, Set<String> seen)
      throws IOException {
    Files.createDirectories(folder);
    for (var p : packages.entrySet()) {
      StringBuilder all = new StringBuilder();
      for (Member m : p.getValue())
        if (seen.add(m.text())) all.append(m.title()).append('\n').append(m.text()).append("\n\n");
      if (all.length() > 2000)
        Files.writeString(folder.resolve(p.getKey() + ".txt"), all.toString());
    }
  }

  /** The members of a source file that are documented, the type itself among them. */
  static List<Member> members(String source, String type) {
    List<Member> found = new ArrayList<>();
    Matcher m = COMMENT.matcher(source);
    while (m.find()) {
      String text = prose(m.group(1));
      if (text.length() < 40 || text.contains("Copyright")) continue;
      found.add(new Member(type, name(source.substring(m.end()), type), text));
    }
    return found;
  }

  /** What the code after a comment declares. */
  private static String name(String after, String type) {
    StringBuilder line = new StringBuilder();
    for (String l : after.substring(0, Math.min(after.length(), 800)).lines().toList()) {
      String s = l.strip();
      if (s.isEmpty() || s.startsWith("@") || s.startsWith("//")) continue;
      line.append(s).append(' ');
      if (s.contains("(") || s.contains("{") || s.contains(";") || s.contains("=")) break;
    }
    String s = line.toString();
    Matcher t = TYPE.matcher(s);
    if (t.find()) return t.group(1).equals(type) ? type : t.group(1);
    Matcher call = CALL.matcher(s);
    if (call.find()) return call.group(1);
    Matcher field = FIELD.matcher(s);
    return field.find() ? field.group(1) : type;
  }

  /** A documentation comment as plain paragraphs. */
  static String prose(String comment) {
    StringBuilder out = new StringBuilder();
    for (String l : comment.lines().toList()) {
      String s = l.strip();
      while (s.startsWith("*")) s = s.substring(1);
      s = s.strip();
      if (s.startsWith("@see")
          || s.startsWith("@since")
          || s.startsWith("@author")
          || s.startsWith("@version")
          || s.startsWith("@serial")
          || s.startsWith("@hidden")) continue;
      if (s.startsWith("@")) out.append('\n');
      out.append(s).append('\n');
    }
    String s = out.toString().replaceAll("(?m)^@param\\s+<(\\w+)>", "@param $1");
    s =
        s.replaceAll(
            "\\{@(?:code|literal|value|linkplain|link|index|systemProperty)\\s+([^{}]*)\\}", "$1");
    s = s.replaceAll("\\{@\\w+\\s*([^{}]*)\\}", "$1");
    s = s.replaceAll("(?i)<(p|li|dd|dt|tr|h\\d|ul|ol|dl|table|blockquote|pre)\\b[^>]*>", "\n\n");
    s = s.replaceAll("</?[a-zA-Z!][^>]*>", " ");
    s =
        s.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", " ")
            .replace("&quot;", "\"")
            .replace("&#64;", "@")
            .replace("&#39;", "'")
            .replace("&amp;", "&");
    s = s.replaceAll("(?m)^@param\\s+(\\S+)\\s*", "Parameter $1: ");
    s = s.replaceAll("(?m)^@returns?\\s*", "Returns: ");
    s = s.replaceAll("(?m)^@(?:throws|exception)\\s+(\\S+)\\s*", "Throws $1: ");
    s = s.replaceAll("(?m)^@\\w+\\s*", "");
    s = s.replaceAll("[ \\t]+", " ").replaceAll(" ?\\n ?", "\n");
    s =
        s.replaceAll("(?<!\\n)\\n(?!\\n)", " ")
            .replaceAll("\\n{2,}", "\n")
            .replaceAll(" {2,}", " ");
    return s.strip();
  }

  private static String withoutComments(String source) {
    return source
        .replaceAll("(?s)/\\*.*?\\*/", "")
        .replaceAll("(?m)^\\s*//.*$", "")
        .replaceAll("(?m)[ \\t]+$", "")
        .replaceAll("\\n{2,}", "\n")
        .strip();
  }

  /** Multiple choice in the form {@code --data} reads; the distractors are other members' texts. */
  private static void questions(Path file, Map<String, List<Member>> packages) throws IOException {
    List<Member> all = new ArrayList<>();
    Set<String> texts = new HashSet<>();
    for (List<Member> members : packages.values())
      for (Member m : members) {
        String s = m.summary();
        if (!m.name().equals(m.type()) && s.length() >= 30 && s.length() <= 160 && texts.add(s))
          all.add(m);
      }
    RandomStream random = RandomStream.of(42, "questions");
    try (BufferedWriter w = Files.newBufferedWriter(file)) {
      for (Member m : all) {
        Set<String> choices = new LinkedHashSet<>(List.of(m.summary()));
        while (choices.size() < 4) choices.add(all.get(random.nextInt(all.size())).summary());
        List<String> order = new ArrayList<>(choices);
        int answer = random.nextInt(4);
        Collections.swap(order, 0, answer);
        w.write(
            JsonObject.create()
                    .put("question", m.title())
                    .put("choices", order)
                    .put("answer", answer)
                    .toLine()
                + "\n");
      }
    }
  }
}
