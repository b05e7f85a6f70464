package dev.outpost.offsite.control;

/**
 * What a round took.
 *
 * @param selected devices that took part
 * @param distance mean over all devices, after the round
 * @param loss mean over all devices, after the round
 * @param seconds until the slowest was done
 * @param bits moved, both ways
 * @param exchanges emulators handed out
 * @param excess exchanges beyond a device's share
 * @param memorySum bytes over the devices that took part
 * @param memoryPeak of one device
 * @param oversized devices that used more than they allow
 */
public record RoundCosts(
    int selected,
    double distance,
    double loss,
    double seconds,
    double bits,
    int exchanges,
    int excess,
    long memorySum,
    long memoryPeak,
    int oversized) {}
