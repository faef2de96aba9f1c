/* Which build this is: the commit that Tools/prepare knows, or "unknown". */
#ifndef RENKEI_BUILD_H
#define RENKEI_BUILD_H
const char *renkei_commit(void);
#endif
