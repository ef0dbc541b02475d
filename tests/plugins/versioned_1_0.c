/* Version 1.0 of the classes in versioned.h. */
#define VERSION "1.0"
#include "versioned.h"
