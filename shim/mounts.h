// The container's mounts: a mount namespace of the shim's own holds them, and the kernel frees it with the shim.
#ifndef GANTRY_MOUNTS_H
#define GANTRY_MOUNTS_H

#include "options.h"

// Makes the namespace and, in it, attaches what the descriptors stand for, which are closed: <run dir>/rootfs,
// <run dir>/netns, the other mounts at the places named for them, and at <run dir>/shm the shared memory that is
// joined. The working directory must be the run dir.
int mounts_hold(const struct options *options, struct failure *failure);

#endif
