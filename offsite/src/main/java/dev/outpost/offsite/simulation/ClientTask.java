package dev.outpost.offsite.simulation;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.federated.LocalTuning;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;

/**
 * One model on which simulated clients are tuned one after another. The frozen numbers are mapped,
 * so that all of a machine share them; only the adapter is a worker's own. Not thread-safe.
 */
public final class ClientTask implements AutoCloseable {
  private final ClientRunner.Setting setting;
  private final OffsitePackage pack;
  private final LocalTuning tuning;
  private final Blocks all;

  /**
   * Opens the package.
   *
   * @param kernels of one thread: clients run side by side, not each on all threads
   */
  public ClientTask(ClientRunner.Setting setting, Kernels kernels) throws IOException {
    this.setting = setting;
    this.pack = OffsitePackage.open(setting.pack());
    this.tuning = new LocalTuning(pack, setting.method(), kernels);
    this.all = Blocks.of(setting.tokens(), setting.length());
  }

  /** Tunes one client. */
  public ClientResult run(ClientRunner.Start start, ClientWork work) throws IOException {
    LocalTuning.Outcome out =
        tuning.tune(
            new LocalTuning.Start(
                start.round(), work.seed(), start.global(), start.control(), work.own()),
            setting.local(),
            all.rows(work.rows()),
            null,
            null,
            null,
            Progress.SILENT);
    return new ClientResult(work.client(), out.values(), out.own());
  }

  @Override
  public void close() {
    pack.close();
  }
}
