#pragma once

/// Has the disk begin to write what a file holds that is not on it yet, without waiting for it: Linux alone. Elsewhere, and
/// where a file system does not, nothing is lost: whoever syncs the file waits for all of it.
void renkei_begin_writing(int descriptor);
