// The ping, which every client sends first to learn the engine's API version.

import { type Handlers, text } from '../../api/handler.ts'

const headers = {
  'Builder-Version': '2',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Swarm: 'inactive',
}

export const pingHandlers: Pick<Handlers, 'SystemPing' | 'SystemPingHead'> = {
  SystemPing: async () => text('OK', 200, headers),
  SystemPingHead: async () => text('', 200, headers),
}
