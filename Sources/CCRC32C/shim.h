// CRC-32C by the instruction that processors have for it: Swift has no name for the instruction.
//
// `crc32c_hardware_available` must have answered 1 before the other function is called.

#pragma once

#if defined(__x86_64__)

static inline int crc32c_hardware_available(void) { return __builtin_cpu_supports("sse4.2") ? 1 : 0; }

__attribute__((target("sse4.2")))
static inline unsigned int crc32c_hardware(unsigned int start, const unsigned char *bytes, unsigned long count) {
    unsigned long long value = start;
    while (count >= 8) {
        unsigned long long word;
        __builtin_memcpy(&word, bytes, 8);
        value = __builtin_ia32_crc32di(value, word);
        bytes += 8;
        count -= 8;
    }
    unsigned int rest = (unsigned int)value;
    while (count > 0) {
        rest = __builtin_ia32_crc32qi(rest, *bytes);
        bytes += 1;
        count -= 1;
    }
    return rest;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

static inline int crc32c_hardware_available(void) { return 1; }

static inline unsigned int crc32c_hardware(unsigned int start, const unsigned char *bytes, unsigned long count) {
    while (count >= 8) {
        unsigned long long word;
        __builtin_memcpy(&word, bytes, 8);
        start = __builtin_arm_crc32cd(start, word);
        bytes += 8;
        count -= 8;
    }
    while (count > 0) {
        start = __builtin_arm_crc32cb(start, *bytes);
        bytes += 1;
        count -= 1;
    }
    return start;
}

#else

static inline int crc32c_hardware_available(void) { return 0; }
static inline unsigned int crc32c_hardware(unsigned int start, const unsigned char *bytes, unsigned long count) {
    (void)bytes;
    (void)count;
    return start;
}

#endif
