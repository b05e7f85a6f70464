package dev.outpost.transformer.hub;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Which files of a model are wanted. Patterns are those of the hub's own client: {@code *} is any
 * text, folders included, {@code ?} one character, {@code [ab]} and {@code [!ab]} one of a set or
 * none of it; one that ends in {@code /} is a whole folder.
 *
 * @param include at least one must match
 * @param exclude none may match
 */
public record FilePatterns(List<String> include, List<String> exclude) {
  /**
   * Configuration, tokenizer and safetensors; not the same weights once more in another framework's
   * format.
   */
  public static final FilePatterns DEFAULT =
      new FilePatterns(
          List.of(
              "*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "README.md", "LICENSE*"),
          List.of(
              "consolidated*",
              "coreml/",
              "flax/",
              "gguf/",
              "onnx/",
              "openvino/",
              "original/",
              "runs/"));

  public FilePatterns {
    include = List.copyOf(include);
    exclude = List.copyOf(exclude);
    if (include.isEmpty())
      throw new IllegalArgumentException("files: no pattern to include; \"*\" takes everything");
    include.forEach(FilePatterns::regex);
    exclude.forEach(FilePatterns::regex);
  }

  /** Whether a file, named by its path in the model's folder, is wanted. */
  public boolean accept(String file) {
    return any(include, file) && !any(exclude, file);
  }

  private static boolean any(List<String> patterns, String file) {
    return patterns.stream().anyMatch(p -> regex(p).matcher(file).matches());
  }

  private static Pattern regex(String pattern) {
    if (pattern.isEmpty()) throw new IllegalArgumentException("files: a pattern must not be empty");
    String glob = pattern.endsWith("/") ? pattern + "*" : pattern;
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      int end = c == '[' ? glob.indexOf(']', Math.min(glob.length(), i + 2)) : -1;
      if (c == '*') {
        // Several stars are one: as many ".*" would take forever to fail.
        if (i == 0 || glob.charAt(i - 1) != '*') out.append(".*");
      } else if (c == '?') out.append('.');
      else if (end > 0) {
        out.append(set(glob.substring(i + 1, end)));
        i = end;
      } else out.append(Pattern.quote(String.valueOf(c)));
    }
    return Pattern.compile(out.toString(), Pattern.DOTALL);
  }

  private static String set(String members) {
    boolean not = members.startsWith("!") && members.length() > 1;
    String escaped = (not ? members.substring(1) : members).replaceAll("[\\\\\\[\\]^&]", "\\\\$0");
    return (not ? "[^" : "[") + escaped + "]";
  }
}
