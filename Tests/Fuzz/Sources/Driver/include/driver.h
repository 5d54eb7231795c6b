/* driver.h - libFuzzer as the program. */
#ifndef CAFE_FUZZ_DRIVER_H
#define CAFE_FUZZ_DRIVER_H

int Fuzz_main(int argc, char **argv);

#endif
