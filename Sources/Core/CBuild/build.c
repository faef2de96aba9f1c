#include "build.h"

#ifndef RENKEI_COMMIT
#define RENKEI_COMMIT "unknown"
#endif

const char *renkei_commit(void) { return RENKEI_COMMIT; }
