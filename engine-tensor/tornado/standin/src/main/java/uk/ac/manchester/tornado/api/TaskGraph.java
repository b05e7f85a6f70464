package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task4;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task5;

public class TaskGraph {
  public TaskGraph(String name) {
    throw new UnsupportedOperationException("only its name is here");
  }

  public <T1, T2, T3, T4> TaskGraph task(
      String id, Task4<T1, T2, T3, T4> code, T1 arg1, T2 arg2, T3 arg3, T4 arg4) {
    return this;
  }

  public <T1, T2, T3, T4, T5> TaskGraph task(
      String id, Task5<T1, T2, T3, T4, T5> code, T1 arg1, T2 arg2, T3 arg3, T4 arg4, T5 arg5) {
    return this;
  }

  public TaskGraph transferToDevice(int mode, Object... objects) {
    return this;
  }

  public TaskGraph transferToHost(int mode, Object... objects) {
    return this;
  }

  public TaskGraph persistOnDevice(Object... objects) {
    return this;
  }

  public TaskGraph consumeFromDevice(String uniqueTaskGraphName, Object... objects) {
    return this;
  }

  public ImmutableTaskGraph snapshot() {
    return new ImmutableTaskGraph();
  }
}
