package uk.ac.manchester.tornado.api;

/**
 * Where a work item stands in its grid. This one runs in plain Java: what launches it says where it
 * stands and in which group.
 */
public class KernelContext {
  /** What the items of a group share. */
  public interface WorkGroup {
    /** Waits for the group's other items. */
    void await();

    /** The group's array number {@code which}, the same for all its items. */
    float[] floats(int which, int size);

    /** The same of integers. */
    int[] ints(int which, int size);
  }

  public final Integer globalIdx;
  public final Integer globalIdy;
  public final Integer globalIdz;
  public final Integer groupIdx;
  public final Integer groupIdy;
  public final Integer groupIdz;
  public final Integer localIdx;
  public final Integer localIdy;
  public final Integer localIdz;
  public final Integer globalGroupSizeX;
  public final Integer globalGroupSizeY;
  public final Integer globalGroupSizeZ;
  public final Integer localGroupSizeX;
  public final Integer localGroupSizeY;
  public final Integer localGroupSizeZ;
  private final WorkGroup workGroup;
  private int arrays;

  public KernelContext() {
    this(new int[3], new int[] {1, 1, 1}, new int[3], new int[] {1, 1, 1}, null);
  }

  /** An item of a group, with the counts of groups and of items in each direction. */
  public KernelContext(int[] group, int[] groups, int[] local, int[] items, WorkGroup workGroup) {
    groupIdx = group[0];
    groupIdy = group[1];
    groupIdz = group[2];
    localIdx = local[0];
    localIdy = local[1];
    localIdz = local[2];
    localGroupSizeX = items[0];
    localGroupSizeY = items[1];
    localGroupSizeZ = items[2];
    globalIdx = group[0] * items[0] + local[0];
    globalIdy = group[1] * items[1] + local[1];
    globalIdz = group[2] * items[2] + local[2];
    globalGroupSizeX = groups[0] * items[0];
    globalGroupSizeY = groups[1] * items[1];
    globalGroupSizeZ = groups[2] * items[2];
    this.workGroup = workGroup;
  }

  public void localBarrier() {
    workGroup.await();
  }

  public float[] allocateFloatLocalArray(int size) {
    return workGroup.floats(arrays++, size);
  }

  public int[] allocateIntLocalArray(int size) {
    return workGroup.ints(arrays++, size);
  }
}
