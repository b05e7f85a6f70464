package uk.ac.manchester.tornado.api.common;

import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;

public interface TornadoDevice {
  String getDeviceName();

  String getPlatformName();

  TornadoDeviceType getDeviceType();

  long getMaxAllocMemory();

  long getMaxGlobalMemory();

  long[] getDeviceMaxWorkgroupDimensions();
}
