// Namespaces for a container to be, held until the engine has opened them.
#pragma once

#include <stdbool.h>

int namespaces_hold(bool fresh);
