/* Version 1.5 of the classes in versioned.h. */
#define VERSION "1.5"
#include "versioned.h"
