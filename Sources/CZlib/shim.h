// zlib of the system (Debian: zlib1g-dev), for reading .gz files.
#include <zlib.h>
