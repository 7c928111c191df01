// CRC-32C by the instruction that processors have for it: Swift has no name for the instruction.
//
// `crc32c_hardware_available` must have answered 1 before another function is called.

#pragma once

#if defined(__x86_64__)

#define CRC32C_TARGET __attribute__((target("sse4.2")))
#define CRC32C_BYTE(state, byte) __builtin_ia32_crc32qi(state, byte)
#define CRC32C_WORD(state, word) ((unsigned int)__builtin_ia32_crc32di(state, word))
static inline int crc32c_hardware_available(void) { return __builtin_cpu_supports("sse4.2") ? 1 : 0; }

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#define CRC32C_TARGET
#define CRC32C_BYTE(state, byte) __builtin_arm_crc32cb(state, byte)
#define CRC32C_WORD(state, word) __builtin_arm_crc32cd(state, word)
static inline int crc32c_hardware_available(void) { return 1; }

#else

#define CRC32C_TARGET
#define CRC32C_BYTE(state, byte) ((state) ^ (byte))
#define CRC32C_WORD(state, word) ((state) ^ (unsigned int)(word))
static inline int crc32c_hardware_available(void) { return 0; }

#endif

static inline unsigned long long crc32c_word(const unsigned char *bytes) {
    unsigned long long word;
    __builtin_memcpy(&word, bytes, 8);
    return word;
}

// Returns the state after more bytes.
CRC32C_TARGET
static inline unsigned int crc32c_hardware(unsigned int state, const unsigned char *bytes, unsigned long count) {
    for (; count >= 8; bytes += 8, count -= 8) state = CRC32C_WORD(state, crc32c_word(bytes));
    for (; count > 0; bytes += 1, count -= 1) state = CRC32C_BYTE(state, *bytes);
    return state;
}

// Advances three states over three runs of bytes that follow each other, each `count` long, a multiple of 8.
CRC32C_TARGET
static inline void crc32c_hardware_lanes(
    unsigned int *first, unsigned int *second, unsigned int *third, const unsigned char *bytes, unsigned long count
) {
    unsigned int a = *first, b = *second, c = *third;
    for (const unsigned char *end = bytes + count; bytes < end; bytes += 8) {
        a = CRC32C_WORD(a, crc32c_word(bytes));
        b = CRC32C_WORD(b, crc32c_word(bytes + count));
        c = CRC32C_WORD(c, crc32c_word(bytes + 2 * count));
    }
    *first = a;
    *second = b;
    *third = c;
}

#undef CRC32C_TARGET
#undef CRC32C_BYTE
#undef CRC32C_WORD
