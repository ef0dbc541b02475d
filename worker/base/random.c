#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/bans.h"

static bool fill(void *bytes, size_t size, unsigned flags)
{
    for (size_t filled = 0; filled < size;) {
        ssize_t got = getrandom((unsigned char *)bytes + filled, size - filled, flags);

        if (got < 0 && errno != EINTR)
            return false;
        filled += got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool random_fill(void *bytes, size_t size)
{
    return fill(bytes, size, 0);
}

bool random_fill_now(void *bytes, size_t size)
{
    return fill(bytes, size, GRND_NONBLOCK);
}
