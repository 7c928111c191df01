#include "digest.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

typedef void block_function(uint32_t *state, const uint8_t *bytes, size_t blocks);

// -- Both algorithms: gather 64-byte blocks, pad at the end ------------------------------------------------------

static void update(digest_state *state, const uint8_t *bytes, size_t count, block_function *process) {
    if (count == 0) return;
    size_t filled = state->length % 64;
    state->length += count;
    if (filled > 0) {
        size_t taken = 64 - filled;
        if (taken > count) taken = count;
        memcpy(state->pending + filled, bytes, taken);
        bytes += taken;
        count -= taken;
        if (filled + taken < 64) return;
        process(state->state, state->pending, 1);
    }
    process(state->state, bytes, count / 64);
    memcpy(state->pending, bytes + count / 64 * 64, count % 64);
}

static void finish(digest_state *state, int is_big_endian, block_function *process) {
    uint64_t bits = state->length * 8;
    uint8_t padding[72] = {0x80};
    size_t zeros = (119 - state->length % 64) % 64;
    uint8_t *length = padding + 1 + zeros;
    for (int index = 0; index < 8; index++) length[index] = (uint8_t)(bits >> 8 * (is_big_endian ? 7 - index : index));
    update(state, padding, 1 + zeros + 8, process);
}

// -- SHA-256 -----------------------------------------------------------------------------------------------------

static const uint32_t sha256_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static inline uint32_t rotate_right(uint32_t value, int count) { return value >> count | value << (32 - count); }
static inline uint32_t rotate_left(uint32_t value, int count) { return value << count | value >> (32 - count); }

static void sha256_plain(uint32_t *state, const uint8_t *bytes, size_t blocks) {
    for (; blocks > 0; blocks--, bytes += 64) {
        uint32_t words[64], v[8];
        for (int i = 0; i < 16; i++) {
            const uint8_t *word = bytes + 4 * i;
            words[i] = (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 | (uint32_t)word[2] << 8 | word[3];
        }
        for (int i = 16; i < 64; i++) {
            uint32_t low = words[i - 15], high = words[i - 2];
            uint32_t s0 = rotate_right(low, 7) ^ rotate_right(low, 18) ^ low >> 3;
            uint32_t s1 = rotate_right(high, 17) ^ rotate_right(high, 19) ^ high >> 10;
            words[i] = words[i - 16] + s0 + words[i - 7] + s1;
        }
        memcpy(v, state, sizeof v);
        for (int i = 0; i < 64; i++) {
            uint32_t s1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
            uint32_t first = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_constants[i] + words[i];
            uint32_t s0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
            uint32_t second = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + first;
            v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = first + second;
        }
        for (int i = 0; i < 8; i++) state[i] += v[i];
    }
}

#if defined(__x86_64__)
__attribute__((target("sha,sse4.1,ssse3")))
static void sha256_accelerated(uint32_t *state, const uint8_t *bytes, size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(abcd, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, abcd, 0xF0);
    for (; blocks > 0; blocks--, bytes += 64) {
        __m128i saved_abef = abef, saved_cdgh = cdgh, words[4];
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            __m128i *word = &words[i & 3];
            if (i < 4) {
                *word = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(bytes + 16 * i)), swap);
            } else {
                __m128i last = words[(i + 3) & 3];
                __m128i sum = _mm_add_epi32(
                    _mm_sha256msg1_epu32(*word, words[(i + 1) & 3]), _mm_alignr_epi8(last, words[(i + 2) & 3], 4));
                *word = _mm_sha256msg2_epu32(sum, last);
            }
            __m128i round = _mm_add_epi32(*word, _mm_load_si128((const __m128i *)(sha256_constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, round);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(round, 0x0E));
        }
        abef = _mm_add_epi32(abef, saved_abef);
        cdgh = _mm_add_epi32(cdgh, saved_cdgh);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static int processor_can(void) {
    unsigned a, b, c, d;
    // Leaf 1: SSSE3 and SSE4.1; leaf 7: the SHA extensions (Intel SDM, CPUID).
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 9) || !(c & 1u << 19)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);
}
#else
#define sha256_accelerated sha256_plain
static int processor_can(void) { return 0; }
#endif

static int disabled_for_tests = 0;

void digest_sha256_disable_acceleration(int disabled) { disabled_for_tests = disabled; }

int digest_sha256_is_accelerated(void) { return !disabled_for_tests && processor_can(); }

static block_function *sha256_function(void) {
    // 0: not known yet; several threads that find out at once find the same.
    static int known = 0;
    int value = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (value == 0) {
        value = processor_can() ? 1 : 2;
        __atomic_store_n(&known, value, __ATOMIC_RELAXED);
    }
    return value == 1 && !disabled_for_tests ? sha256_accelerated : sha256_plain;
}

void digest_sha256_start(digest_state *state) {
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memcpy(state->state, start, sizeof start);
    state->length = 0;
}

void digest_sha256_update(digest_state *state, const void *bytes, size_t count) {
    update(state, bytes, count, sha256_function());
}

void digest_sha256_finish(digest_state *state, uint8_t *digest) {
    finish(state, 1, sha256_function());
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(state->state[i / 4] >> (24 - 8 * (i % 4)));
}

// -- MD5 ---------------------------------------------------------------------------------------------------------

static const uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8,
    0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
    0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87,
    0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
    0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039,
    0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
    0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
    0xeb86d391,
};

static void md5_blocks(uint32_t *state, const uint8_t *bytes, size_t blocks) {
    static const int shifts[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    for (; blocks > 0; blocks--, bytes += 64) {
        uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
        for (int i = 0; i < 16; i++) {
            const uint8_t *word = bytes + 4 * i;
            words[i] = (uint32_t)word[3] << 24 | (uint32_t)word[2] << 16 | (uint32_t)word[1] << 8 | word[0];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < 64; i++) {
            uint32_t mixed;
            int word;
            switch (i / 16) {
            case 0: mixed = (b & c) | (~b & d), word = i; break;
            case 1: mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
            case 2: mixed = b ^ c ^ d, word = (3 * i + 5) % 16; break;
            default: mixed = c ^ (b | ~d), word = 7 * i % 16; break;
            }
            uint32_t sum = a + mixed + md5_constants[i] + words[word];
            a = d, d = c, c = b;
            b += rotate_left(sum, shifts[i / 16 * 4 + i % 4]);
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    }
}

void digest_md5_start(digest_state *state) {
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    memcpy(state->state, start, sizeof start);
    state->length = 0;
}

void digest_md5_update(digest_state *state, const void *bytes, size_t count) {
    update(state, bytes, count, md5_blocks);
}

void digest_md5_finish(digest_state *state, uint8_t *digest) {
    finish(state, 0, md5_blocks);
    for (int i = 0; i < 16; i++) digest[i] = (uint8_t)(state->state[i / 4] >> 8 * (i % 4));
}
