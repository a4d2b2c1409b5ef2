#include "cli/run.h"

int main(int argc, char** argv) { return subbyte::run(argc, argv); }
