// The container's mounts, in a mount namespace of the shim's own.
#include "mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// Older C libraries have neither the calls nor their flags: move_mount(2) and open_tree(2), since Linux 5.2.
enum { MOVE_FROM_DESCRIPTOR = 4, COPY_TREE = 1 };

static int place(int fd, const char *path, struct failure *failure) {
  long result = syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_FROM_DESCRIPTOR);
  if (result < 0) return fail_errno(failure, "move_mount", path);
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

// A mount can be copied only by who is in its namespace. Returns the detached copy.
static int copy_mount_of(const struct placed_mount *other, struct failure *failure) {
  int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (own < 0) return fail_errno(failure, "open", "/proc/self/ns/mnt");
  int copy = -1;
  if (setns(other->fd, CLONE_NEWNS) < 0) {
    fail_errno(failure, "setns", other->path);
  } else {
    copy = (int)syscall(SYS_open_tree, AT_FDCWD, other->path, COPY_TREE | O_CLOEXEC);
    if (copy < 0) fail_errno(failure, "open_tree", other->path);
    if (setns(own, CLONE_NEWNS) < 0) {
      fail_errno(failure, "setns", "back");
      if (copy >= 0) close(copy);
      copy = -1;
    }
  }
  close(own);
  close(other->fd);
  return copy;
}

static int join_shm(const struct options *options, struct failure *failure) {
  int copy = copy_mount_of(&options->joined_shm, failure);
  if (copy < 0) return -1;
  // Entering a namespace leaves one at its root.
  if (chdir(options->run_dir) < 0) return fail_errno(failure, "chdir", options->run_dir);
  return place(copy, "shm", failure);
}

int mounts_hold(const struct options *options, struct failure *failure) {
  bool joins = options->joined_shm.fd >= 0;
  bool needed = options->rootfs_fd >= 0 || options->netns_fd >= 0 || options->hide_unified_cgroup || joins ||
                options->mount_count > 0;
  if (!needed) return 0;
  if (unshare(CLONE_NEWNS) < 0) return fail_errno(failure, "unshare", "mount namespace");
  if (options->hide_unified_cgroup && hide_unified_cgroup(failure) < 0) return -1;
  if (options->rootfs_fd >= 0 && place(options->rootfs_fd, "rootfs", failure) < 0) return -1;
  if (options->netns_fd >= 0 && place_netns(options->netns_fd, failure) < 0) return -1;
  for (size_t i = 0; i < options->mount_count; i++) {
    if (place(options->mounts[i].fd, options->mounts[i].path, failure) < 0) return -1;
  }
  return joins ? join_shm(options, failure) : 0;
}
