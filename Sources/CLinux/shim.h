// Linux calls that the C library declares only under _GNU_SOURCE, which Swift's Glibc module is built without.
//
// They have names of our own here and nothing is included, so that no declaration or type of Glibc's is ever made twice.

long linux_copy_file_range(
    int input, long *inputOffset, int output, long *outputOffset, unsigned long count, unsigned int flags
) __asm__("copy_file_range");

long linux_splice(
    int input, long *inputOffset, int output, long *outputOffset, unsigned long count, unsigned int flags
) __asm__("splice");

long linux_sendfile(int output, int input, long *offset, unsigned long count) __asm__("sendfile");

int linux_sync_file_range(int descriptor, long offset, long count, unsigned int flags) __asm__("sync_file_range");

int linux_syncfs(int descriptor) __asm__("syncfs");

int linux_memfd_create(const char *name, unsigned int flags) __asm__("memfd_create");

int linux_pipe2(int descriptors[2], int flags) __asm__("pipe2");

// `actions` is a posix_spawn_file_actions_t.
int linux_spawn_add_chdir(void *actions, const char *path) __asm__("posix_spawn_file_actions_addchdir_np");
int linux_spawn_add_closefrom(void *actions, int first) __asm__("posix_spawn_file_actions_addclosefrom_np");

#if defined(__aarch64__) || defined(__arm__)
static const int linux_O_DIRECT = 0200000;
#elif defined(__powerpc__)
static const int linux_O_DIRECT = 0400000;
#else
static const int linux_O_DIRECT = 040000;
#endif
static const unsigned int linux_SYNC_FILE_RANGE_WRITE = 2;
static const int linux_F_SETPIPE_SZ = 1031;
static const unsigned int linux_MFD_CLOEXEC = 1;
static const unsigned int linux_MFD_ALLOW_SEALING = 2;
static const int linux_F_ADD_SEALS = 1033;
static const int linux_F_SEAL_SEAL = 1;
static const int linux_F_SEAL_SHRINK = 2;
static const int linux_F_SEAL_GROW = 4;
static const short linux_POSIX_SPAWN_SETSID = 0x80;

// A descriptor that becomes readable when the process ends. The number of the call is the same on every architecture;
// the C library has a function for it only since 2.36.
long linux_syscall(long number, ...) __asm__("syscall");
static inline int linux_pidfd_open(int process) { return (int)linux_syscall(434, process, 0); }
