// SHA-256 (FIPS 180-4) and MD5 (RFC 1321), fed in pieces.
#ifndef CDIGEST_H
#define CDIGEST_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t length;
    uint32_t state[8];
    uint8_t pending[64];
} digest_state;

void digest_sha256_start(digest_state *state);
void digest_sha256_update(digest_state *state, const void *bytes, size_t count);
/// Writes 32 bytes; the state is of no more use.
void digest_sha256_finish(digest_state *state, uint8_t *digest);

void digest_md5_start(digest_state *state);
void digest_md5_update(digest_state *state, const void *bytes, size_t count);
/// Writes 16 bytes; the state is of no more use.
void digest_md5_finish(digest_state *state, uint8_t *digest);

/// Whether SHA-256 runs on the processor's own instructions here.
int digest_sha256_is_accelerated(void);

/// For tests: from now on (or no longer) do without those instructions.
void digest_sha256_disable_acceleration(int disabled);

#endif
