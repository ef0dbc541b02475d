#include "audit/audit_hash.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/string_map.h"

#include "base/bans.h"

#define CONFIG_MAX (32u << 20)
#define READ_SIZE 65536
#define DIGEST_BYTES 32
#define KEY_NAME_BYTES 4
#define NEW_ID_BYTES 16

static void append_hex(char *text, const unsigned char *bytes, size_t count)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *text++ = DIGITS[bytes[i] >> 4];
        *text++ = DIGITS[bytes[i] & 15];
    }
    *text = '\0';
}

/* Lengths stand in front, so that no two maps give the same bytes. */
static void append_text(struct str_buffer *out, const char *text)
{
    if (text == NULL) {
        str_buffer_append_text(out, "-;");
        return;
    }
    str_buffer_printf(out, "%zu:", strlen(text));
    str_buffer_append(out, text, strlen(text));
    str_buffer_append_char(out, ';');
}

static bool append_config(struct str_buffer *out, const struct string_map *config)
{
    struct ptr_array names;
    bool is_whole = true;
    ptr_array_init(&names, NULL);
    for (size_t i = 0; i < string_map_count(config); i++)
        is_whole = is_whole && ptr_array_push(&names, (void *)(uintptr_t)string_map_key(config, i));
    ptr_array_sort(&names, ptr_array_compare_text);
    for (size_t i = 0; i < names.count; i++) {
        append_text(out, ptr_array_at(&names, i));
        append_text(out, string_map_get(config, ptr_array_at(&names, i)));
    }
    ptr_array_release(&names);
    return is_whole && !str_buffer_failed(out);
}

static size_t config_length(const struct string_map *config)
{
    size_t length = 0;
    for (size_t i = 0; i < string_map_count(config); i++) {
        const char *value = string_map_value(config, i);
        length += strlen(string_map_key(config, i)) + (value == NULL ? 0 : strlen(value)) + 50;
    }
    return length;
}

bool audit_hash_config(const struct audit *audit, const struct string_map *config, char text[AUDIT_HASH_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct str_buffer bytes;
    str_buffer_init(&bytes, CONFIG_MAX);
    /* At once, so that growing leaves no copy of a secret behind. */
    bool is_whole = str_buffer_reserve(&bytes, config_length(config) + 1) != NULL && append_config(&bytes, config) &&
                    HMAC(EVP_sha256(), audit->hash_key, AUDIT_HASH_KEY_SIZE, (const unsigned char *)str_buffer_text(&bytes),
                         bytes.length, mac, &length) != NULL &&
                    length == DIGEST_BYTES;
    if (bytes.data != NULL)
        explicit_bzero(bytes.data, bytes.capacity);
    str_buffer_release(&bytes);
    text[0] = '\0';
    if (!is_whole)
        return false;
    int head = snprintf(text, AUDIT_HASH_SIZE, "hmac-sha256:%s:", audit->hash_key_name);
    append_hex(text + head, mac, DIGEST_BYTES);
    return true;
}

bool audit_hash_choose_key(struct audit *audit, const char *chosen)
{
    static const unsigned char NAME[] = "the key's name";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (chosen != NULL && *chosen != '\0') {
        if (EVP_Digest(chosen, strlen(chosen), mac, &length, EVP_sha256(), NULL) != 1 || length != AUDIT_HASH_KEY_SIZE)
            return false;
        memcpy(audit->hash_key, mac, AUDIT_HASH_KEY_SIZE);
        explicit_bzero(mac, sizeof(mac));
    } else if (getrandom(audit->hash_key, AUDIT_HASH_KEY_SIZE, 0) != AUDIT_HASH_KEY_SIZE) {
        return false;
    }
    if (HMAC(EVP_sha256(), audit->hash_key, AUDIT_HASH_KEY_SIZE, NAME, sizeof(NAME), mac, &length) == NULL)
        return false;
    append_hex(audit->hash_key_name, mac, KEY_NAME_BYTES);
    return true;
}

void audit_request_id(const char *clients, char id[AUDIT_REQUEST_ID_SIZE])
{
    static const char FIT[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    unsigned char random[NEW_ID_BYTES] = {0};
    size_t length = clients == NULL ? 0 : strnlen(clients, AUDIT_REQUEST_ID_SIZE);
    if (length > 0 && length < AUDIT_REQUEST_ID_SIZE && strspn(clients, FIT) == length) {
        memcpy(id, clients, length + 1);
        return;
    }
    /* So few bytes are whole, or there are none at all: then the id is poor, and the record goes on. */
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        int64_t now_us = clock_monotonic_us(NULL);
        memcpy(random, &now_us, sizeof(now_us));
    }
    append_hex(id, random, sizeof(random));
}

static bool digest_descriptor(int fd, unsigned char digest[EVP_MAX_MD_SIZE])
{
    unsigned length = 0;
    ssize_t got = -1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char *bytes = mem_alloc(READ_SIZE);
    bool is_fine = context != NULL && bytes != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    while (is_fine && (got = read(fd, bytes, READ_SIZE)) > 0)
        is_fine = EVP_DigestUpdate(context, bytes, (size_t)got) == 1;
    is_fine = is_fine && got == 0 && EVP_DigestFinal_ex(context, digest, &length) == 1 && length == DIGEST_BYTES;
    mem_free(bytes);
    EVP_MD_CTX_free(context);
    return is_fine;
}

bool audit_digest_file(const char *path, char text[AUDIT_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_fine = fd >= 0 && digest_descriptor(fd, digest);
    text[0] = '\0';
    if (is_fine)
        append_hex(text, digest, DIGEST_BYTES);
    if (fd >= 0)
        close(fd);
    return is_fine;
}
