// The container's mounts, in a mount namespace of the shim's own.
#include "mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// Older C libraries have neither the call nor its flag: move_mount(2), since Linux 5.2.
enum { MOVE_FROM_DESCRIPTOR = 4 };

static int place_rootfs(int fd, struct failure *failure) {
  long result = syscall(SYS_move_mount, fd, "", AT_FDCWD, "rootfs", MOVE_FROM_DESCRIPTOR);
  if (result < 0) return fail_errno(failure, "move_mount", "rootfs");
  close(fd);
  return 0;
}

static int place_netns(int fd, struct failure *failure) {
  char source[64];
  struct text text = {source, sizeof source - 1, 0};
  text_add(&text, "/proc/self/fd/");
  text_add_number(&text, (uint64_t)fd);
  source[text.length] = '\0';
  int file = open("netns", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return fail_errno(failure, "open", "netns");
  close(file);
  if (mount(source, "netns", NULL, MS_BIND, NULL) < 0) return fail_errno(failure, "mount", "netns");
  close(fd);
  return 0;
}

// crun before 1.31 refuses a host with both cgroup versions; without the v2 tree it sees a v1 host. The whole
// cgroup directory is made private first, or the unmount would reach the host through a shared parent.
static int hide_unified_cgroup(struct failure *failure) {
  if (mount(NULL, "/sys/fs/cgroup", NULL, MS_PRIVATE | MS_REC, NULL) < 0) {
    return fail_errno(failure, "mount", "/sys/fs/cgroup");
  }
  if (umount2("/sys/fs/cgroup/unified", MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
    return fail_errno(failure, "umount2", "/sys/fs/cgroup/unified");
  }
  return 0;
}

int mounts_hold(const struct options *options, struct failure *failure) {
  bool needed = options->rootfs_fd >= 0 || options->netns_fd >= 0 || options->hide_unified_cgroup;
  if (!needed) return 0;
  if (unshare(CLONE_NEWNS) < 0) return fail_errno(failure, "unshare", "mount namespace");
  if (options->hide_unified_cgroup && hide_unified_cgroup(failure) < 0) return -1;
  if (options->rootfs_fd >= 0 && place_rootfs(options->rootfs_fd, failure) < 0) return -1;
  if (options->netns_fd >= 0 && place_netns(options->netns_fd, failure) < 0) return -1;
  return 0;
}
