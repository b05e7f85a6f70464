package dev.outpost.transformer.hub;

import dev.outpost.tensor.io.FormatException;
import java.util.regex.Pattern;

/**
 * A model on a hub.
 *
 * @param owner user or organisation
 * @param name of the model
 * @param revision branch, tag or commit
 */
public record HubModel(String owner, String name, String revision) {
  /** What is meant when no revision is named. */
  public static final String MAIN = "main";

  // The hub's own rule: no leading or trailing dot or dash, and nothing that reads as "--" or "..".
  private static final Pattern WORD =
      Pattern.compile("(?!.*(?:--|\\.\\.))\\w(?:[\\w.-]{0,94}\\w)?");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  public HubModel {
    if (!WORD.matcher(owner).matches() || !WORD.matcher(name).matches())
      throw new IllegalArgumentException(
          "model: "
              + owner
              + "/"
              + name
              + " is no name of a hub; it is owner/name of letters, digits, '.', '-' and '_'");
    if (!plainRevision(revision))
      throw new IllegalArgumentException(
          "model: \""
              + revision
              + "\" is no revision; name a branch, a tag or a commit of 40 hexadecimal digits");
  }

  private static boolean plainRevision(String revision) {
    if (revision.isEmpty() || revision.length() > 200) return false;
    for (String part : revision.split("/", -1)) if (!RemoteName.isPlain(part)) return false;
    return true;
  }

  /**
   * Reads {@code owner/name} or {@code owner/name@revision}.
   *
   * @throws FormatException when the text is neither
   */
  public static HubModel parse(String text) throws FormatException {
    int at = text.indexOf('@');
    String id = at < 0 ? text : text.substring(0, at);
    int slash = id.indexOf('/');
    if (slash < 0)
      throw new FormatException(
          text + ": a model of a hub is named owner/name or owner/name@revision");
    try {
      return new HubModel(
          id.substring(0, slash), id.substring(slash + 1), at < 0 ? MAIN : text.substring(at + 1));
    } catch (IllegalArgumentException e) {
      throw new FormatException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Whether a text could name a model of a hub: {@code owner/name} with or without a revision. */
  public static boolean isName(String text) {
    try {
      parse(text);
      return true;
    } catch (FormatException e) {
      return false;
    }
  }

  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  /** {@code owner/name}. */
  public String id() {
    return owner + "/" + name;
  }

  /** As {@link #parse} reads it; the usual revision is left out. */
  @Override
  public String toString() {
    return revision.equals(MAIN) ? id() : id() + "@" + revision;
  }
}
