package uk.ac.manchester.tornado.api;

public interface WorkerGrid {
  void setGlobalWork(long x, long y, long z);

  void setLocalWork(long x, long y, long z);
}
