/* Version 1.5 of org.acme.VersionedSinkConnector. */
#define VERSION "1.5"
#include "versioned.h"
