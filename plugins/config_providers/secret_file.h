/*
 * secret_file: the content of a small file that holds secrets. Its memory is wiped whenever it is given up.
 */
#ifndef CONFIG_PROVIDERS_SECRET_FILE_H
#define CONFIG_PROVIDERS_SECRET_FILE_H

#include <stddef.h>

#define SECRET_FILE_MAX ((size_t)16 << 20) /* bytes; a larger one is not read */

struct secret_file {
    char *bytes; /* a NUL behind them */
    size_t size, capacity;
};

/* Opens `name` in the folder (AT_FDCWD: a path) and reads all of it. Regular files only, also through symbolic links: nothing else
 * ends. 0, or what to give secret_file_words; then nothing is kept. */
int secret_file_read(struct secret_file *file, int folder, const char *name);
void secret_file_release(struct secret_file *file);

/* Why a file could not be read: the words for an errno or a code of secret_file_read. */
#define SECRET_FILE_WORDS 128
const char *secret_file_words(int code, char words[SECRET_FILE_WORDS]);

/* Opens for reading, without waiting for the other end of a pipe. The descriptor of a regular file, or minus a code. */
int secret_file_open(int folder, const char *name);

#endif
