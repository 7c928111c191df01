// Linux calls that the C library declares only under _GNU_SOURCE, which Swift's Glibc module is built without.
#include <spawn.h>
#include <sys/types.h>

ssize_t copy_file_range(int input, off_t *inputOffset, int output, off_t *outputOffset, size_t count, unsigned int flags);
int sync_file_range(int descriptor, off_t offset, off_t count, unsigned int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

static const unsigned int syncFileRangeWrite = 2;  // SYNC_FILE_RANGE_WRITE
static const short posixSpawnSetSession = 0x80;    // POSIX_SPAWN_SETSID
