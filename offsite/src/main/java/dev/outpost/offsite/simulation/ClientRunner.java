package dev.outpost.offsite.simulation;

import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/**
 * Where simulated clients run. Every runner gives the same bits: what a client does is a function
 * of its work, the round's start and the setting.
 */
public interface ClientRunner extends AutoCloseable {
  /**
   * What all rounds share.
   *
   * @param pack the package that every client tunes with
   * @param method what is tuned
   * @param local how
   * @param tokens rows of tokens, one after another
   * @param length tokens of a row
   */
  record Setting(Path pack, PeftMethod method, LocalPlan local, int[] tokens, int length) {}

  /**
   * What a round starts from.
   *
   * @param round from 1
   * @param control the server's control variate; null without SCAFFOLD
   */
  record Start(int round, AdapterValues global, @Nullable AdapterValues control) {}

  /** Runs all clients; results in the order of the work. */
  List<ClientResult> run(Start start, List<ClientWork> work) throws IOException;

  /** Where they run and how wide, for people. */
  String describe();

  @Override
  void close() throws IOException;

  /** Makes runners of one kind; found as a service. */
  interface Maker {
    /** What the command line calls it. */
    String name();

    /**
     * A runner.
     *
     * @param parallel clients at a time, where this kind can be told
     */
    ClientRunner make(Setting setting, int parallel) throws IOException;
  }

  /**
   * The maker of a name: {@code threads}, or what is on the class path.
   *
   * @throws IllegalArgumentException saying which there are
   */
  static Maker maker(String name) {
    if (name.equals(ThreadRunner.NAME)) return ThreadRunner.MAKER;
    return ServiceLoader.load(Maker.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(m -> m.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "runner: \""
                    + name
                    + "\" is not here; there is "
                    + ThreadRunner.NAME
                    + ", and with outpost-spark on the class path spark"));
  }
}
