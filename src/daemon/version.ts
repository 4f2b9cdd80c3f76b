// What this program is.

import { arch } from 'node:os'
import manifest from '../../package.json' with { type: 'json' }

/** Gantry's own version. */
export const gantryVersion: string = manifest.version

/** The architecture in Go's words, as the Engine API has it. */
export const architecture: string = arch() === 'x64' ? 'amd64' : arch()
