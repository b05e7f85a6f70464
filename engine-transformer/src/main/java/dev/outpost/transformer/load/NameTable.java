package dev.outpost.transformer.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Our parameter names and a file format's, both ways. {@code {}} stands for a block index.
 * Immutable.
 *
 * @param prefix what a full checkpoint puts before most names; a bare one leaves it out
 */
public record NameTable(String prefix, List<Entry> entries, List<String> ignored) {
  /**
   * @param ours name inside the engine
   * @param theirs name in the file
   * @param prefixed whether the prefix applies
   */
  public record Entry(String ours, String theirs, boolean prefixed) {}

  public NameTable {
    entries = List.copyOf(entries);
    ignored = List.copyOf(ignored);
  }

  /** An empty table. */
  public static NameTable of(String prefix) {
    return new NameTable(prefix, List.of(), List.of());
  }

  /** This table and one more name. */
  public NameTable name(String ours, String theirs) {
    return plus(new Entry(ours, theirs, true));
  }

  /** This table and one more name that never takes the prefix. */
  public NameTable unprefixed(String ours, String theirs) {
    return plus(new Entry(ours, theirs, false));
  }

  private NameTable plus(Entry e) {
    List<Entry> more = new ArrayList<>(entries);
    more.add(e);
    return new NameTable(prefix, more, ignored);
  }

  /** This table and one more file name that is no parameter, or all that begin so: {@code a.*}. */
  public NameTable ignore(String theirs) {
    List<String> more = new ArrayList<>(ignored);
    more.add(theirs);
    return new NameTable(prefix, entries, more);
  }

  /** The file's name of our parameter, with the prefix. */
  public String theirs(String ours) {
    for (Entry e : entries) {
      Optional<String> index = match(e.ours, ours);
      if (index.isPresent())
        return (e.prefixed ? prefix : "") + e.theirs.replace("{}", index.get());
    }
    throw new IllegalArgumentException("name table: no file name is known for parameter " + ours);
  }

  /** Our name of the file's parameter, with or without the prefix; empty when unknown. */
  public Optional<String> ours(String theirs) {
    String bare = bare(theirs);
    for (Entry e : entries) {
      Optional<String> index = match(e.theirs, e.prefixed ? bare : theirs);
      if (index.isPresent()) return Optional.of(e.ours.replace("{}", index.get()));
    }
    return Optional.empty();
  }

  /** Whether the file's name is known to be no parameter. */
  public boolean ignores(String theirs) {
    String name = bare(theirs);
    return ignored.stream()
        .anyMatch(i ->
            i.endsWith("*")
                ? name.startsWith(i.substring(0, i.length() - 1))
                : match(i, name).isPresent());
  }

  private String bare(String theirs) {
    return theirs.startsWith(prefix) ? theirs.substring(prefix.length()) : theirs;
  }

  /**
   * The index that {@code {}} stands for, empty text for a template without one; empty optional
   * when {@code name} does not match.
   */
  private static Optional<String> match(String template, String name) {
    int hole = template.indexOf("{}");
    if (hole < 0) return template.equals(name) ? Optional.of("") : Optional.empty();
    String tail = template.substring(hole + 2);
    if (!name.startsWith(template.substring(0, hole))
        || !name.endsWith(tail)
        || name.length() <= hole + tail.length()) return Optional.empty();
    String index = name.substring(hole, name.length() - tail.length());
    boolean plain =
        index.length() <= 6
            && index.chars().allMatch(ch -> ch >= '0' && ch <= '9')
            && (index.length() == 1 || index.charAt(0) != '0');
    return plain ? Optional.of(index) : Optional.empty();
  }
}
