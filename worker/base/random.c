#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/bans.h"

bool random_fill(void *bytes, size_t size)
{
    for (size_t filled = 0; filled < size;) {
        ssize_t got = getrandom((unsigned char *)bytes + filled, size - filled, 0);

        if (got < 0 && errno != EINTR)
            return false;
        filled += got > 0 ? (size_t)got : 0;
    }
    return true;
}
