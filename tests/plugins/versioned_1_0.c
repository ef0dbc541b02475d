/* Version 1.0 of org.acme.VersionedSinkConnector. */
#define VERSION "1.0"
#include "versioned.h"
