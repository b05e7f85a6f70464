package dev.outpost.spark;

import dev.outpost.offsite.simulation.ClientResult;
import dev.outpost.offsite.simulation.ClientRunner;
import dev.outpost.offsite.simulation.ClientTask;
import dev.outpost.offsite.simulation.ClientWork;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;

/**
 * Simulated clients as tasks of Apache Spark. Where it runs is Spark's own setting {@code
 * spark.master}; without one, in this process. The package must lie at the same path on every
 * machine; text and adapters travel with the tasks.
 */
public final class SparkRunner implements ClientRunner {
  private final JavaSparkContext spark;
  private final Broadcast<Shipped.Setting> setting;

  /**
   * Starts Spark.
   *
   * @param parallel threads where there is no {@code spark.master}
   */
  public SparkRunner(Setting setting, int parallel) {
    SparkConf conf = new SparkConf().setIfMissing("spark.master", "local[" + parallel + "]");
    conf.setIfMissing("spark.app.name", "outpost simulate");
    // Neither a web server nor a bar of its own: outpost tells how it goes.
    conf.setIfMissing("spark.ui.enabled", "false");
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    this.spark = new JavaSparkContext(conf);
    spark.setLogLevel("WARN");
    this.setting = spark.broadcast(Shipped.Setting.of(setting));
  }

  @Override
  public List<ClientResult> run(Start start, List<ClientWork> work) throws IOException {
    Broadcast<Shipped.Start> from = spark.broadcast(Shipped.Start.of(start));
    try {
      List<Shipped.Work> shipped = work.stream().map(Shipped.Work::of).toList();
      int slices = Math.min(work.size(), Math.max(1, spark.defaultParallelism()));
      List<Shipped.Result> results =
          spark
              .parallelize(new ArrayList<>(shipped), slices)
              .mapPartitions(new Clients(setting, from))
              .collect();
      return results.stream().map(Shipped.Result::back).toList();
    } catch (RuntimeException e) {
      throw new IOException("spark: round " + start.round() + ": " + e.getMessage(), e);
    } catch (Exception e) {
      // Scala's code throws it without saying so.
      if (e instanceof SparkException)
        throw new IOException("spark: round " + start.round() + ": " + e.getMessage(), e);
      throw e;
    } finally {
      from.destroy();
    }
  }

  /** The clients of one partition, one after another on one model. */
  private record Clients(Broadcast<Shipped.Setting> setting, Broadcast<Shipped.Start> from)
      implements FlatMapFunction<Iterator<Shipped.Work>, Shipped.Result> {
    private static final long serialVersionUID = 1;

    @Override
    public Iterator<Shipped.Result> call(Iterator<Shipped.Work> work) throws IOException {
      Start start = from.value().back();
      List<Shipped.Result> results = new ArrayList<>();
      try (Team one = Team.of(1);
          ClientTask task = new ClientTask(setting.value().back(), Kernels.best(one))) {
        while (work.hasNext()) results.add(Shipped.Result.of(task.run(start, work.next().back())));
      }
      return results.iterator();
    }
  }

  @Override
  public String describe() {
    return "Spark " + spark.version() + " at " + spark.master();
  }

  @Override
  public void close() {
    spark.close();
  }
}
