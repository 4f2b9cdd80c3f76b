// What a restart policy may say.

import type { RestartPolicy } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'

const names = ['', 'no', 'always', 'unless-stopped', 'on-failure']

/** Throws dockerd's errors for a policy that is none, or has a count where none belongs. */
export function checkRestartPolicy({ Name: name, MaximumRetryCount: count }: RestartPolicy): void {
  if (!names.includes(name))
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    )
  // Old clients send any count without a name.
  if (count !== 0 && name !== '' && name !== 'on-failure') {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'")
  }
  if (count < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative')
}
