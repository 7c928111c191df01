// Linux calls that the C library declares only under _GNU_SOURCE, which Swift's Glibc module is built without.
#include <spawn.h>
#include <sys/types.h>

ssize_t copy_file_range(int input, off_t *inputOffset, int output, off_t *outputOffset, size_t count, unsigned int flags);
int sync_file_range(int descriptor, off_t offset, off_t count, unsigned int flags);
int pipe2(int descriptors[2], int flags);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

static const unsigned int syncFileRangeWrite = 2;  // SYNC_FILE_RANGE_WRITE
static const short posixSpawnSetSession = 0x80;    // POSIX_SPAWN_SETSID

// A descriptor that becomes readable when the process ends. The number is the same on every architecture, and the C
// library has a function for it only since 2.36.
long syscall(long number, ...);
static inline int openProcessDescriptor(pid_t process) { return (int)syscall(434 /* pidfd_open */, process, 0); }
