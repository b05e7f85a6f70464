package dev.outpost.tensor.kernel;

import dev.outpost.tensor.kernel.scalar.ScalarKernelsProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Which kernels this JVM runs, and why not the others. The choice is made once per JVM from the
 * {@link KernelsProvider}s that {@link ServiceLoader} finds; the system property {@code
 * outpost.kernels} names one to use instead ({@code scalar}, {@code vector}).
 */
public final class KernelsSelection {
  /** System property that names the wanted provider. */
  public static final String PROPERTY = "outpost.kernels";

  private final KernelsProvider chosen;
  private final List<String> refused;

  private KernelsSelection(KernelsProvider chosen, List<String> refused) {
    this.chosen = chosen;
    this.refused = List.copyOf(refused);
  }

  /** The choice for this JVM; made and logged at first use. */
  public static KernelsSelection current() {
    return Holder.CURRENT;
  }

  /**
   * The usable provider of highest rank, or the one named.
   *
   * @param wanted a provider's name; its rank then does not matter
   * @throws IllegalArgumentException if the named provider is missing or unusable
   */
  public static KernelsSelection among(
      Iterable<KernelsProvider> providers, Optional<String> wanted) {
    List<KernelsProvider> usable = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    for (KernelsProvider p : providers) {
      Optional<String> reason = p.unusable();
      if (reason.isEmpty()) usable.add(p);
      else refused.add(p.name() + ": " + reason.get());
    }
    if (wanted.isPresent())
      return new KernelsSelection(named(wanted.get(), usable, refused), refused);
    return new KernelsSelection(
        usable.stream()
            .max(Comparator.comparingInt(KernelsProvider::rank))
            .orElseGet(ScalarKernelsProvider::new),
        refused);
  }

  private static KernelsProvider named(
      String wanted, List<KernelsProvider> usable, List<String> refused) {
    return usable.stream()
        .filter(p -> p.name().equals(wanted))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                PROPERTY
                    + "="
                    + wanted
                    + ": no usable kernels of that name; usable are "
                    + usable.stream().map(KernelsProvider::name).toList()
                    + ", refused "
                    + refused));
  }

  /** Kernels of the chosen provider on these threads. */
  public Kernels open(Team team) {
    return chosen.open(team);
  }

  /** The limits that the chosen provider's kernels run against. */
  public Ceilings ceilings() {
    return chosen.ceilings();
  }

  /** One line: what runs, and why others do not, with the remedy. */
  public String describe() {
    String line = "kernels: " + chosen.name();
    return refused.isEmpty() ? line : line + "; not used: " + String.join("; ", refused);
  }

  /** Whether the slow specification runs because nothing faster could. */
  public boolean isFallback() {
    return chosen.rank() == 0 && !refused.isEmpty();
  }

  private static final class Holder {
    static final KernelsSelection CURRENT = select();

    private static KernelsSelection select() {
      // The loader that loaded the engine, so that the answer is the same on every thread.
      KernelsSelection selection =
          among(
              ServiceLoader.load(KernelsProvider.class, Kernels.class.getClassLoader()),
              Optional.ofNullable(System.getProperty(PROPERTY)));
      System.getLogger(KernelsSelection.class.getName())
          .log(
              selection.isFallback() ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG,
              selection.describe());
      return selection;
    }
  }
}
