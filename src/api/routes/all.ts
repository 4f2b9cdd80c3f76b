// Every operation of the Engine API that Gantry knows, by Docker's operation id.

import { checkpointRoutes } from './checkpoint.ts'
import { containerRoutes } from './container.ts'
import { execRoutes } from './exec.ts'
import { fileRoutes } from './files.ts'
import { imageRoutes } from './image.ts'
import { networkRoutes } from './network.ts'
import { systemRoutes } from './system.ts'
import { volumeRoutes } from './volume.ts'

export const routes = {
  ...systemRoutes,
  ...containerRoutes,
  ...checkpointRoutes,
  ...execRoutes,
  ...fileRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
}

export type OperationId = keyof typeof routes
