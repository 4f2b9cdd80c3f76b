// The output ring's memory: a memfd mapped twice, back to back.
#include "ring.h"

#include <sys/mman.h>
#include <unistd.h>

static void *map_twice(int fd) {
  unsigned char *base = mmap(NULL, 2 * RING_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return MAP_FAILED;
  for (int half = 0; half < 2; half++) {
    void *at = base + half * RING_SIZE;
    if (mmap(at, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return MAP_FAILED;
  }
  return base;
}

int ring_open(struct ring *ring, struct failure *failure) {
  int fd = memfd_create("gantry-shim-ring", MFD_CLOEXEC);
  if (fd < 0) return fail_errno(failure, "memfd_create", "ring");
  void *memory = ftruncate(fd, RING_SIZE) == 0 ? map_twice(fd) : MAP_FAILED;
  int result = memory == MAP_FAILED ? fail_errno(failure, "mmap", "ring") : 0;
  close(fd);
  ring->memory = memory;
  ring->head = 0;
  return result;
}
