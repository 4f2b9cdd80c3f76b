// Operations on containers.

import { dimension, filters, flag, integer, text, timestamp } from '../query.ts'
import { json, route } from '../route.ts'
import { ContainerCreateRequest, ContainerUpdateRequest } from '../types/container.ts'

const attachQuery = {
  detachKeys: text(),
  logs: flag(),
  stream: flag(),
  stdin: flag(),
  stdout: flag(),
  stderr: flag(),
}

export const containerRoutes = {
  ContainerList: route('GET', '/containers/json', {
    query: { all: flag(), size: flag(), limit: integer(), filters: filters() },
  }),
  ContainerCreate: route('POST', '/containers/create', {
    query: { name: text(), platform: text() },
    body: json(ContainerCreateRequest, 'config cannot be empty in order to create a container'),
  }),
  ContainerInspect: route('GET', '/containers/{name}/json', { query: { size: flag() } }),
  ContainerTop: route('GET', '/containers/{name}/top', { query: { ps_args: text() } }),
  ContainerStats: route('GET', '/containers/{name}/stats', { query: { stream: flag(true), 'one-shot': flag() } }),
  ContainerLogs: route('GET', '/containers/{name}/logs', {
    query: {
      follow: flag(),
      stdout: flag(),
      stderr: flag(),
      since: timestamp(),
      until: timestamp(),
      timestamps: flag(),
      tail: text(),
      details: flag(),
    },
  }),
  // Gantry's own.
  ContainerLogsDelete: route('DELETE', '/containers/{name}/logs'),
  ContainerStart: route('POST', '/containers/{name}/start', {
    query: { detachKeys: text(), checkpoint: text(), 'checkpoint-dir': text() },
  }),
  ContainerStop: route('POST', '/containers/{name}/stop', { query: { signal: text(), t: integer() } }),
  ContainerRestart: route('POST', '/containers/{name}/restart', { query: { signal: text(), t: integer() } }),
  ContainerKill: route('POST', '/containers/{name}/kill', { query: { signal: text() } }),
  ContainerPause: route('POST', '/containers/{name}/pause'),
  ContainerUnpause: route('POST', '/containers/{name}/unpause'),
  ContainerRename: route('POST', '/containers/{name}/rename', { query: { name: text() } }),
  ContainerUpdate: route('POST', '/containers/{name}/update', { body: json(ContainerUpdateRequest) }),
  ContainerResize: route('POST', '/containers/{name}/resize', {
    query: { h: dimension('height'), w: dimension('width') },
  }),
  ContainerAttach: route('POST', '/containers/{name}/attach', { query: attachQuery, hijacks: true }),
  ContainerAttachWebsocket: route('GET', '/containers/{name}/attach/ws', { query: attachQuery, hijacks: true }),
  ContainerWait: route('POST', '/containers/{name}/wait', { query: { condition: text() } }),
  ContainerDelete: route('DELETE', '/containers/{name}', { query: { v: flag(), force: flag(), link: flag() } }),
  ContainerPrune: route('POST', '/containers/prune', { query: { filters: filters() } }),
}
