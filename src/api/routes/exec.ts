// Operations on processes added to containers.

import { dimension } from '../query.ts'
import { json, route } from '../route.ts'
import { ExecCreateRequest, ExecStartRequest } from '../types/exec.ts'

export const execRoutes = {
  ContainerExec: route('POST', '/containers/{name}/exec', { body: json(ExecCreateRequest) }),
  ExecStart: route('POST', '/exec/{id}/start', { body: json(ExecStartRequest), hijacks: true }),
  ExecResize: route('POST', '/exec/{id}/resize', { query: { h: dimension('height'), w: dimension('width') } }),
  ExecInspect: route('GET', '/exec/{id}/json'),
}
