/* Private to src/device: a device's pool, opened and closed with it. */
#ifndef TL_DEVICE_POOL_H
#define TL_DEVICE_POOL_H

#include "device/device.h"

void device_pool_open(device *d);    /* raises */
void device_pool_close(device *d);   /* every buffer must have been released */

#endif
