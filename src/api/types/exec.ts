// Processes added to a running container.

import { type Static, flag, given, list, nullable, size, struct, text } from '../schema.ts'

export const ExecCreateRequest = struct('ExecCreateRequest', {
  User: text(),
  Privileged: flag(),
  Tty: flag(),
  ConsoleSize: given(size()),
  AttachStdin: flag(),
  AttachStderr: flag(),
  AttachStdout: flag(),
  DetachKeys: text(),
  Env: list(text()),
  WorkingDir: text(),
  Cmd: list(text()),
})
export type ExecCreateRequest = Static<typeof ExecCreateRequest>

export interface ExecCreateResponse {
  Id: string
}

export const ExecStartRequest = struct('ExecStartRequest', {
  Detach: flag(),
  Tty: flag(),
  ConsoleSize: nullable(size()),
})
export type ExecStartRequest = Static<typeof ExecStartRequest>

export interface ExecInspect {
  ID: string
  Running: boolean
  ExitCode: number | null
  ProcessConfig: { tty: boolean; entrypoint: string; arguments: string[]; privileged?: boolean; user?: string }
  OpenStdin: boolean
  OpenStderr: boolean
  OpenStdout: boolean
  CanRemove: boolean
  ContainerID: string
  /** Base64. */
  DetachKeys: string
  Pid: number
}
