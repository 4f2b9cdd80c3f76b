// Namespaces for a container to be, held until the engine has opened them.
#pragma once

int namespaces_hold(void);
