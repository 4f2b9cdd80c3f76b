// Checkpoints: the processes of a container, written to disk by CRIU.

import { type Static, flag, struct, text } from '../schema.ts'

export const CheckpointCreateRequest = struct('CheckpointCreateOptions', {
  CheckpointID: text(),
  /** Absolute path of a directory on the daemon's host; '' for the container's own. */
  CheckpointDir: text(),
  /** End the container once its processes are written. */
  Exit: flag(),
})
export type CheckpointCreateRequest = Static<typeof CheckpointCreateRequest>

export interface CheckpointSummary {
  Name: string
}
