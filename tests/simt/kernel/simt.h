/* simt: what the run-time compiler knows without any header, for a host's C++ compiler. The fake
 * NVRTC puts it in front of every text. */
#pragma once
#include "core.h"
#include "keywords.h"
#include "vectors.h"
#include "numbers.h"
#include "memory.h"
#include "warp.h"
#include "entry.h"
