// The functions for one algorithm, not EVP: they need no set-up of the library, which costs the WAL client its fast start.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>
