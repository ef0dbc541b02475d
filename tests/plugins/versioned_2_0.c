/* Version 2.0 of the classes in versioned.h. */
#define VERSION "2.0"
#include "versioned.h"
