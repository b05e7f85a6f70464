package dev.outpost.transformer.peft;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which projections of a block are meant: {@code attn.q} that one; {@code down} every one whose
 * name ends so, a whole word; {@code attn.*}, {@code *} a star for any characters.
 */
final class Targets {
  private final String method;
  private final List<String> patterns;
  private final List<Pattern> compiled;
  private final boolean[] matched;
  private final List<String> seen = new ArrayList<>();

  private Targets(String method, List<String> patterns) {
    this.method = method;
    this.patterns = patterns;
    this.compiled = patterns.stream().map(Targets::compile).toList();
    this.matched = new boolean[patterns.size()];
  }

  static Targets of(String method, List<String> patterns) {
    return new Targets(method, patterns);
  }

  /** The list, copied, if it says anything. */
  static List<String> checked(String method, List<String> patterns) {
    if (patterns.isEmpty())
      throw new IllegalArgumentException(
          method + ": no target projections; use some of " + LoraConfig.ALL_PROJECTIONS);
    for (String p : patterns)
      if (!p.matches("[A-Za-z0-9_.*]+"))
        throw new IllegalArgumentException(
            method + ": target \"" + p + "\" is no name such as attn.q, down or attn.*");
    return List.copyOf(patterns);
  }

  private static Pattern compile(String target) {
    String words =
        Stream.of(target.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
    return Pattern.compile("(.*\\.)?" + words);
  }

  /** Whether the projection of a block's path, such as {@code attn.q}, is meant. */
  boolean mean(String name) {
    return compiled.stream().anyMatch(p -> p.matcher(name).matches());
  }

  /** The same, and remembers what was offered. */
  boolean match(String slot, String name) {
    seen.add(slot + "." + name);
    boolean any = false;
    for (int i = 0; i < compiled.size(); i++)
      if (compiled.get(i).matcher(name).matches()) {
        matched[i] = true;
        any = true;
      }
    return any;
  }

  /**
   * After all projections were offered: refuses targets that none of them is.
   *
   * @param lenient the one list that may name what a family has not, if something matches
   */
  void requireMatched(List<String> lenient) {
    List<String> missing = new ArrayList<>();
    for (int i = 0; i < matched.length; i++) if (!matched[i]) missing.add(patterns.get(i));
    boolean some = missing.size() < patterns.size();
    if (missing.isEmpty() || some && patterns.equals(lenient)) return;
    throw new IllegalArgumentException(
        method + ": targets " + missing + " match no projection; the blocks have " + seen);
  }
}
