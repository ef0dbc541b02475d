/* Version 2.0 of org.acme.VersionedSinkConnector. */
#define VERSION "2.0"
#include "versioned.h"
