package uk.ac.manchester.tornado.api;

public abstract class AbstractWorkerGrid implements WorkerGrid {
  @Override
  public void setGlobalWork(long x, long y, long z) {
    throw new UnsupportedOperationException("only its name is here");
  }

  @Override
  public void setLocalWork(long x, long y, long z) {
    throw new UnsupportedOperationException("only its name is here");
  }
}
