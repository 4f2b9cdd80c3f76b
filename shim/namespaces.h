// Namespaces for a container to be, held until the engine has opened them; and programs run in a shim's mounts.
#pragma once

#include <stdbool.h>

int namespaces_hold(bool fresh);
int namespaces_run_in_mounts(char *const arguments[]);
