// The container's mounts: a mount namespace of the shim's own holds them, and the kernel frees it with the shim.
#ifndef GANTRY_MOUNTS_H
#define GANTRY_MOUNTS_H

#include "options.h"

// Makes the namespace and, in it, <run dir>/rootfs and <run dir>/netns from the given descriptors, which are closed.
// The working directory must be the run dir.
int mounts_hold(const struct options *options, struct failure *failure);

#endif
