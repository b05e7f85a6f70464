package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

public class TornadoExecutionPlan implements AutoCloseable {
  public TornadoExecutionPlan(ImmutableTaskGraph... graphs) {
    throw new UnsupportedOperationException("only its name is here");
  }

  public TornadoExecutionPlan withGraph(int index) {
    return this;
  }

  public TornadoExecutionPlan withGridScheduler(GridScheduler scheduler) {
    return this;
  }

  public TornadoExecutionPlan withDevice(TornadoDevice device) {
    return this;
  }

  public TornadoExecutionPlan withCompilerFlags(TornadoVMBackendType backend, String flags) {
    return this;
  }

  public TornadoExecutionPlan freeDeviceMemory() {
    return this;
  }

  public TornadoExecutionResult execute() {
    return new TornadoExecutionResult();
  }

  @Override
  public void close() throws TornadoExecutionPlanException {}
}
