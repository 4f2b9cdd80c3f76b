// Operations on checkpoints of containers.

import { text } from '../query.ts'
import { json, route } from '../route.ts'
import { CheckpointCreateRequest } from '../types/checkpoint.ts'

export const checkpointRoutes = {
  CheckpointList: route('GET', '/containers/{name}/checkpoints', { query: { dir: text() } }),
  CheckpointCreate: route('POST', '/containers/{name}/checkpoints', { body: json(CheckpointCreateRequest) }),
  CheckpointDelete: route('DELETE', '/containers/{name}/checkpoints/{checkpoint}', { query: { dir: text() } }),
}
