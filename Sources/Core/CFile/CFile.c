#define _GNU_SOURCE
#include "CFile.h"
#include <fcntl.h>

void renkei_begin_writing(int descriptor) {
#ifdef SYNC_FILE_RANGE_WRITE
  (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}
